"""The panel shows what becomes of each command under the rights that are ticked, and leaves no box behind."""

from __future__ import annotations

import errno
import re
from html import unescape

import pytest
from IPython.core.formatters import DisplayFormatter

from cutaway import ledger
from cutaway.ground import allowance
from cutaway.linux import Refused
from cutaway.linux.powers import POWERS
from cutaway.panels import PrivilegePanel

pytestmark = pytest.mark.usefixtures("state_folder")


def results(panel: PrivilegePanel) -> dict[str, str]:
    """What the panel's table says of each command."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>.*?<td>([^<]*)</td></tr>', panel._view.value)
    return {unescape(re.sub("<.*?>", "", line)): unescape(said) for line, said in rows}


def test_a_box_with_everything_may_do_everything_and_each_switch_takes_its_own() -> None:
    panel = PrivilegePanel()
    assert set(results(panel)) == set(allowance.LINES)
    assert set(results(panel).values()) == {"works"}
    panel.capabilities["SYS_CHROOT"].value = False
    assert {line for line, said in results(panel).items() if said != "works"} == {"chroot / true"}
    panel.calls["sethostname"].value = False
    refused = {line for line, said in results(panel).items() if said.startswith("refused")}
    assert refused == {"chroot / true", "hostname box"}
    assert results(panel)[allowance.GAINING] == "gains nothing"
    assert "without CAP_SYS_CHROOT, the call sethostname and gains nothing, as it has a filter" in panel._said.value
    assert not list(ledger.entries())


def test_only_no_new_privs_keeps_a_marked_program_from_giving() -> None:
    panel = PrivilegePanel(gaining=False)
    assert {line: said for line, said in results(panel).items() if said != "works"} == {
        allowance.GAINING: "gains nothing"
    }


@pytest.mark.soak
def test_every_call_on_the_panel_stops_something_and_every_command_can_be_stopped() -> None:
    stopped = {name: {line for line, answer in tried(name).items() if not answer.worked} for name in allowance.CALLS}
    assert all(stopped.values()), stopped


def tried(call: str) -> dict[str, allowance.Answer]:
    return allowance.answers((), {call}, gaining=True)


def test_what_the_kernel_refuses_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = PrivilegePanel()

    def refuse(*_: object, **__: object) -> None:
        raise Refused(errno.EPERM, "unshare(CLONE_NEWUSER)", "not here <today>")

    monkeypatch.setattr(allowance, "answers", refuse)
    panel.no_new_privs.value = True
    assert panel._view.value == ""
    assert "Nothing to see: unshare(CLONE_NEWUSER): EPERM: not here &lt;today&gt;" in panel._said.value


def test_on_paper_it_says_what_the_box_has() -> None:
    data, _ = DisplayFormatter().format(PrivilegePanel({"NET_RAW"}))
    assert data["text/plain"].startswith("The box is without CAP_NET_RAW.")
    assert re.search(r"busybox ping .* CAP_NET_RAW +lacks", data["text/plain"])
    assert all(power.line in data["text/plain"] for power in POWERS)
