"""The dials of a control group: they write its files, and what is drawn is what its files say."""

from __future__ import annotations

import pytest
from engines import until
from machines import guest

from cutaway.ground.groups import Group
from cutaway.ground.machine import Machine
from cutaway.ground.meter import Reading
from cutaway.panels import DialPanel
from cutaway.panels.dials import Curve, drawn

__all__ = ["guest"]

MIB = 1 << 20
NOW = Reading(
    at_s=10.0,
    memory_bytes=24 * MIB,
    memory_max_bytes=None,
    processes=3,
    processes_max=20,
    used_s=4.0,
    processors_max=0.5,
    frozen=False,
)


def test_the_processors_that_were_busy_are_counted_between_two_readings():
    later = NOW._replace(at_s=12.0, used_s=5.0)
    assert later.processors_since(NOW) == 0.5
    assert NOW.processors_since(NOW) == 0


def test_a_limit_is_a_broken_line_and_none_is_no_line():
    limited, free = (drawn(Curve("processes", [1, 2], limit), [1, 0], 3) for limit in (20, None))
    assert "stroke-dasharray" in limited
    assert "processes: 2, at most 20" in limited
    assert "stroke-dasharray" not in free
    assert "processes: 2, no limit" in free


@pytest.mark.slow
@pytest.mark.xdist_group("machine")
def test_a_dial_writes_its_file_and_the_curves_show_what_the_kernel_says(guest: Machine):
    group = Group(guest, "test-dials", {"memory.max": "64M", "pids.max": "20"})
    panel = DialPanel(group)
    assert repr(panel).splitlines()[2].split() == ["memory.max", str(64 * MIB)]
    assert "memory, MiB: 0, at most 64" in panel.svg
    panel.memory.value = 32
    assert group.read("memory.max") == str(32 * MIB)
    panel.load("Take 8 MiB")
    until(lambda: "at most 32" in panel.svg and panel.curves[0].values[-1] > 8, "what the process took is shown")
    panel.frozen.value = True
    until(lambda: panel.svg.endswith("</svg>") and "; frozen" in panel.svg, "that it is frozen is said")
    panel.meter.stop()
    group.kill()


@pytest.mark.slow
@pytest.mark.xdist_group("machine")
def test_what_the_kernel_refuses_and_a_machine_that_is_gone_are_said(guest: Machine):
    group = Group(guest, "test-dials-refused", {"pids.max": "20"})
    panel = DialPanel(group)
    guest.run(["rmdir", group.folder])
    panel.processes.value = 7
    assert "pids.max" in panel._said.value
    assert "role=" in panel._said.value
    before = len(panel.readings)
    panel.watch(1)
    assert len(panel.readings) == before
