"""The panel of a guest shows what its machine holds, instruction by instruction, on either processor."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from IPython.core.formatters import DisplayFormatter

from cutaway.hypervisor import Computer, Reason, processors
from cutaway.panels import ExitPlot, VcpuPanel


@pytest.fixture(params=["kvm", "software"])
def on(request: pytest.FixtureRequest) -> str:
    if missing := processors.missing(request.param):
        pytest.skip(missing)
    return str(request.param)


def press(panel: VcpuPanel, label: str) -> None:
    next(button for button in panel._buttons if button.description == label).click()


def test_each_step_shows_what_the_instruction_changed(on: str) -> None:
    with Computer("add", on=on) as computer:
        panel = VcpuPanel(computer)
        assert "0 instructions on" in panel.sentence
        press(panel, "Step")
        assert "rax 0002*" in repr(panel)
        assert "next: add ax, 2" in repr(panel)
        assert re.search(r'<li aria-current="step">▶ 1003 add ax, 2</li>', panel._view.value)


def test_to_next_exit_stops_where_a_device_was_asked(on: str) -> None:
    with Computer("add", on=on) as computer:
        panel = VcpuPanel(computer)
        press(panel, "To next exit")
        assert "the last one brought out 0x3f8 &lt;- 0x34" in panel._said.value
        assert "exits: 1 out" in repr(panel)
        assert "serial port: 4" in repr(panel)


def test_to_the_end_and_back_and_no_further(on: str) -> None:
    with Computer("climb", on=on) as computer:
        panel = VcpuPanel(computer)
        press(panel, "Run to end")
        assert "in long mode; the guest has halted." in panel.sentence
        at = panel.at
        press(panel, "Step")
        assert panel.at == at
        press(panel, "Step back")
        assert (panel.at, panel.moment.ended) == (at - 1, "")
        press(panel, "Back to start")
        assert (panel.at, panel.moment.mode.value) == (0, "real mode")
        press(panel, "Step back")
        assert panel.at == 0


def test_a_guest_that_faults_ends_the_run_with_its_sentence(on: str) -> None:
    with Computer("fault", on=on) as computer:
        panel = VcpuPanel(computer)
        press(panel, "Run to end")
        assert "it shut down at rip 0x1005" in panel.sentence


def test_a_guest_that_never_ends_is_not_followed_for_ever() -> None:
    with Computer("spin", on="software") as computer:
        panel = VcpuPanel(computer)
        press(panel, "Run to end")
        assert "the panel stops after 2000 moments" in panel.sentence


def test_in_print_it_is_the_moment_that_is_shown(on: str) -> None:
    with Computer("add", on=on) as computer:
        data, _ = DisplayFormatter().format(VcpuPanel(computer, at=3))
    assert data["text/plain"].startswith(f"3 instructions on {computer.on}, in real mode")
    assert "9000  04 00" in data["text/html"]


def test_exits_are_plotted_with_their_counts_and_read_as_a_table() -> None:
    with Computer("disk-bytes", on="software") as bytewise, Computer("disk-whole", on="software") as whole:
        plot = ExitPlot(byte_by_byte=bytewise.run(), at_once=whole.run())
    assert plot.reasons == [Reason.PORT_READ, Reason.PORT_WRITE, Reason.HALT]
    assert plot.table.rows == (("byte by byte", "software", "512", "1", "1"), ("at once", "software", "0", "3", "1"))
    data, _ = DisplayFormatter().format(plot)
    assert "<svg" in data["image/svg+xml"]
    assert ">exits<" in data["image/svg+xml"]
    assert plot.svg() == plot.svg()


def test_a_page_with_panels_loads_no_scipy_and_no_processor_before_it_uses_them() -> None:
    """Every kernel of a lesson would hold them; the saved one in a lab machine is three times as large with them."""
    loaded = "import sys, cutaway.panels; print(*{'numpy', 'scipy', 'matplotlib', 'unicorn'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True).stdout == b"\n"
