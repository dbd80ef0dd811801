"""The panel shows the same facts outside and inside, and leaves no child behind."""

from __future__ import annotations

import errno
import re
import socket
from html import unescape
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from cutaway import ledger
from cutaway.ground import sight
from cutaway.linux import Kind, Refused, descendants
from cutaway.panels import NamespacePanel

pytestmark = pytest.mark.usefixtures("state_folder")


def row(panel: NamespacePanel, kind: Kind) -> tuple[str, str, str]:
    """What the panel's table says of a kind: outside, inside, shared or private."""
    found = re.search(f'<th scope="row">{kind.value}</th>(.*?)</tr>', panel._view.value)
    assert found, f"the panel has no row for {kind.value}: {panel._said.value}"
    _decides, *rest = re.findall(r"<td>(.*?)</td>", found[1])
    outside, inside, mark = (unescape(re.sub(r"<br>", "\n", each)) for each in rest)
    return outside, inside, re.sub(r"<.*?>", "", mark)


def test_without_a_switch_the_child_shares_all() -> None:
    panel = NamespacePanel()
    assert {row(panel, kind)[2] for kind in Kind} == {"shared"}
    assert "shares all" in panel._said.value


@pytest.mark.parametrize("kind", Kind)
def test_each_switch_makes_its_table_private_and_no_other_but_user(kind: Kind) -> None:
    panel = NamespacePanel()
    panel.switches[kind].value = True
    assert {each for each in Kind if row(panel, each)[2] == "private"} == {kind, Kind.USER}


def test_another_host_name_is_seen_inside_and_the_old_one_outside() -> None:
    panel = NamespacePanel({Kind.UTS})
    panel.hostname.value = "elsewhere"
    assert row(panel, Kind.UTS)[:2] == (socket.gethostname(), "elsewhere")


def test_a_private_process_table_shows_only_its_own_once_mounts_are_private_too() -> None:
    panel = NamespacePanel({Kind.PID})
    assert not row(panel, Kind.PID)[1].startswith("1 python"), "ps read a /proc that was not there yet"
    panel.switches[Kind.MNT].value = True
    assert row(panel, Kind.PID)[1].startswith("1 python")


def test_a_private_network_has_one_link() -> None:
    assert row(NamespacePanel({Kind.NET}), Kind.NET)[1] == "lo"


def test_user_cannot_be_switched_off_while_others_need_it() -> None:
    panel = NamespacePanel({Kind.UTS})
    panel.switches[Kind.USER].value = False
    assert panel.kinds == {Kind.UTS, Kind.USER}
    assert "brings the right" in panel._said.value


def test_quick_changes_leave_no_child_and_no_record() -> None:
    before = {process.pid for process in descendants(_here())}
    panel = NamespacePanel()
    for kind in (*Kind, *Kind):
        panel.switches[kind].value = not panel.switches[kind].value
    assert not {process.pid for process in descendants(_here())} - before
    assert not list(ledger.entries())


def test_what_the_kernel_refuses_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = NamespacePanel()

    def refuse(*_: object) -> None:
        raise Refused(errno.EPERM, "unshare(CLONE_NEWUSER)", "not here <today>")

    monkeypatch.setattr(sight, "both_sides", refuse)
    panel.switches[Kind.UTS].value = True
    assert panel._view.value == ""
    assert "Nothing to see: unshare(CLONE_NEWUSER): EPERM: not here &lt;today&gt;" in panel._said.value


def test_a_host_name_that_is_too_long_is_one_sentence_that_says_so() -> None:
    panel = NamespacePanel({Kind.UTS}, hostname="x" * 65)
    assert "at most 64 bytes" in panel._said.value


def test_on_paper_it_is_the_same_on_every_machine() -> None:
    data, _ = DisplayFormatter().format(NamespacePanel({Kind.UTS}))
    assert socket.gethostname() not in data["text/html"]
    assert re.search(r"uts +host name +the machine's +its own +private", data["text/plain"])
    assert re.search(r"net +links +the machine's +the machine's +shared", data["text/plain"])


def test_every_switch_is_a_checkbox_that_says_what_it_decides() -> None:
    panel = NamespacePanel()
    assert panel.switches[Kind.UTS].description == "uts: host name"
    assert all(type(switch).__name__ == "Checkbox" for switch in panel.switches.values())


def _here() -> int:
    return int(Path("/proc/self").readlink().name)
