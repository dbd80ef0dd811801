"""What the machine's two panels show, on paper and when they are used."""

from __future__ import annotations

import pytest
from machines import guest

from cutaway.ground.guest.timeline import timeline
from cutaway.ground.machine import Machine
from cutaway.panels import BootTimeline, ConsolePanel
from cutaway.panels import machine as panels
from cutaway.panels.machine import drawn

__all__ = ["guest"]

CONSOLE = """[    0.000000] Linux version 6.1.0 (gcc)
[    0.000000] BIOS-provided physical RAM map:
something that is no line of the kernel's
[    0.500000] smp: Brought up 1 node, 1 CPU\r
[    1.600000] Run /init as init process
[    1.700000] Run /init as init process, said twice
[    1.900000] 9pnet: Installing 9P2000 support
"""


def test_a_boot_is_read_from_the_console_in_its_order():
    stages = timeline(CONSOLE)
    assert [stage.at_s for stage in stages] == [0, 0, 0.5, 1.6, 1.9]
    assert stages[3].what == "it starts the first program"
    assert timeline("") == []


def test_the_timeline_is_as_long_as_the_boot_and_what_is_ahead_is_pale():
    page = drawn(timeline(CONSOLE), upto=2)
    assert page.count("<tr") == 5
    assert page.count("class=ahead") == page.count("not yet") == 2
    assert f"<code>{timeline(CONSOLE)[2].line}</code>" in page
    assert "width: 100%" in page


@pytest.mark.slow
@pytest.mark.xdist_group("machine")
def test_a_machine_that_goes_on_from_a_saved_one_has_no_boot_to_tell_of(guest: Machine):
    assert repr(BootTimeline(guest)).startswith("This machine did not boot: it goes on from a saved one")


@pytest.mark.slow
@pytest.mark.xdist_group("machine")
def test_the_console_runs_a_line_and_keeps_what_was_said(guest: Machine):
    panel = ConsolePanel(guest, "echo one; echo two >&2")
    assert repr(panel) == "# echo one; echo two >&2\none\ntwo"
    panel.line.value = "exit 3"
    assert "exit 3" not in repr(panel), "nobody has pressed Enter or the button"
    panel.run()
    assert "status 3" in repr(panel)
    panel.line.value = "echo '<b>'"
    panel.run()
    assert "&lt;b&gt;" in panel._repr_mimebundle_()["text/html"]
    panel.line.value = "("
    panel.run()
    assert "yntax error" in repr(panel)


@pytest.mark.slow
@pytest.mark.xdist_group("machine")
def test_of_a_command_that_talks_without_end_the_console_keeps_the_end(guest: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(panels, "PATIENCE_S", 0.5)
    panel = ConsolePanel(guest, "echo the first; yes; echo the last")
    assert len(panel.said) <= panels.MOST
    assert "the first" not in panel.said
    assert panel.said.endswith("y\n(still running after 0.5 s; killed)\n")
