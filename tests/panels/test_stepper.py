"""The stepper shows what the machine holds, forwards and back, and answers wrong use with a sentence."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from cutaway.jvm.watch import MOST, NotWatched, Watch
from cutaway.panels import StepPanel

pytestmark = pytest.mark.xdist_group("stepper")

SOURCE = """\
public class Tiny {
    static int half(int x) {
        return x / 2;
    }
    static int sum(int a, long b) {
        int c = a + (int) b;
        return half(c);
    }
    static int share(int a) {
        System.out.println("sharing <" + a + ">");
        return 1 / a;
    }
    static void forever() { while (true) { } }
    static void leave() { System.exit(3); }
    static String twice(String text) { String both = text + text; return both; }
    static int over(int a) { return a; }
    static int over(char a) { return a; }
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("javac"):
        pytest.skip("javac is missing: install a JDK 17")
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "Tiny.java").write_text(SOURCE)
    subprocess.run(["javac", "-g", "-d", folder, folder / "Tiny.java"], check=True)
    return folder


def watch(folder: Path, method: str, *arguments: object) -> Watch:
    return Watch(folder, "Tiny", method, *arguments, source=folder / "Tiny.java")


def press(panel: StepPanel, *labels: str) -> None:
    for label in labels:
        next(button for button in panel._buttons if button.description == label).click()


def said(panel: StepPanel) -> str:
    return re.sub("<.*?>", "", panel._said.value)


# --- The listing is javap's --------------------------------------------------


def test_the_bytecode_is_what_javap_lists(folder: Path) -> None:
    """Same places, same instructions, same branch targets; javap says of constants more than we do."""
    listed = subprocess.run(
        ["javap", "-c", "-p", "-cp", folder, "Tiny"], capture_output=True, text=True, check=True
    ).stdout
    theirs = re.findall(
        r"^ +(\d+): (\w+)(?: +(\d+)$)?", listed.partition("int sum(")[2].partition("int share(")[0], re.M
    )
    ours = watch(folder, "sum", 1, 2).moment(0).code
    assert [(str(row.pc), row.text.split()[0]) for row in ours] == [(pc, name) for pc, name, _ in theirs]


# --- Moments ------------------------------------------------------------------


def test_a_moment_names_locals_and_shows_a_long_as_one_value(folder: Path) -> None:
    panel = StepPanel(watch(folder, "sum", 5, 8), at=3)
    moment = panel.moment
    assert (moment.line, moment.instruction) == (6, "iadd")
    assert moment.stack == ("5", "8")
    assert moment.locals == (("a", "5"), ("b", "8 (long)"))


def test_a_call_puts_a_frame_on_those_that_wait(folder: Path) -> None:
    run = watch(folder, "sum", 5, 8)
    inside = next(run.moment(at) for at in range(20) if run.moment(at).method == "Tiny.half")
    assert inside.frames == ("Tiny.half, line 3", "Tiny.sum, line 7")


def test_a_moment_keeps_what_an_object_looked_like(folder: Path) -> None:
    run = watch(folder, "twice", "ab")
    assert run.moment(run.last() - 1).stack == ('"abab"',)
    assert run.moment(0).locals == (("text", '"ab"'),)


# --- The buttons ----------------------------------------------------------------


def test_step_and_step_back_lead_to_the_same_moment(folder: Path) -> None:
    panel = StepPanel(watch(folder, "sum", 5, 8))
    before = repr(panel)
    press(panel, "Step", "Step")
    assert "pc 2, next is l2i" in said(panel)
    press(panel, "Step back", "Step back")
    assert repr(panel) == before


def test_stepping_over_a_line_carries_out_what_it_calls(folder: Path) -> None:
    panel = StepPanel(watch(folder, "sum", 5, 8))
    press(panel, "Step over line")
    assert panel.moment.line == 7
    press(panel, "Step over line")
    assert panel.moment.ended == "sum returned 6"


def test_run_to_end_and_back_to_start(folder: Path) -> None:
    panel = StepPanel(watch(folder, "sum", 5, 8))
    press(panel, "Run to end")
    assert "sum returned 6" in said(panel)
    press(panel, "Back to start")
    assert panel.moment.pc == 0


def test_at_either_end_a_sentence_says_so(folder: Path) -> None:
    panel = StepPanel(watch(folder, "half", 5))
    press(panel, "Step back")
    assert "There is nothing before it." in said(panel)
    press(panel, "Run to end", "Step")
    assert "There is nothing after it." in said(panel)
    press(panel, "Step over line")
    assert "There is nothing after it." in said(panel)


# --- How runs end ---------------------------------------------------------------


def test_an_exception_that_nobody_caught_is_how_it_ended(folder: Path) -> None:
    panel = StepPanel(watch(folder, "share", 0))
    press(panel, "Run to end")
    assert panel.moment.ended == "ended by java.lang.ArithmeticException: / by zero, which nobody caught"
    assert "sharing &lt;0&gt;" in panel._view.value


def test_a_method_that_never_ends_is_left_after_many_instructions(folder: Path) -> None:
    panel = StepPanel(watch(folder, "forever"))
    press(panel, "Run to end")
    assert panel.at == MOST
    assert "watch a smaller case" in said(panel)


def test_a_program_that_ends_itself_ends_only_itself(folder: Path) -> None:
    run = watch(folder, "leave")
    assert run.moment(run.last()).ended == "the program ended itself with status 3"


# --- Wrong use ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("Nowhere", "sum"), "it cannot be loaded from .*, where the classes are: Tiny; compile it there"),
        (("Tiny", "summ", 1), r"Tiny.summ with 1 argument: there is no such static method; there are: half\(int\)"),
        (("Tiny", "sum", 1), "sum with 1 argument: there is no such static method"),
        (("Tiny", "half", "1"), "'1' is no int; give it one"),
        (("Tiny", "half", 1 << 31), "2147483648 is no int"),
        (("Tiny", "over", 1), "more than one method fits; name it with its descriptor"),
    ],
)
def test_what_cannot_be_watched_is_one_sentence_that_says_what_can(
    folder: Path, words: tuple[object, ...], answer: str
) -> None:
    with pytest.raises(NotWatched, match=answer):
        Watch(folder, *words)  # type: ignore[arg-type]


# --- On paper -------------------------------------------------------------------


def test_on_paper_one_moment_stands_there_in_words(folder: Path) -> None:
    data, _ = DisplayFormatter().format(StepPanel(watch(folder, "sum", 5, 8), at=3))
    assert data["text/plain"].splitlines() == [
        "3: Tiny.sum, line 6, pc 3, next is iadd",
        "  source: int c = a + (int) b;",
        "  operand stack: 5 | 8",
        "  local a: 5",
        "  local b: 8 (long)",
        "  frame: Tiny.sum, line 6",
    ]
    assert data["text/html"].count('aria-current="step"') == 2
    assert "int c = a + (int) b;" in data["text/html"]


def test_without_its_source_a_method_shows_its_bytecode(folder: Path) -> None:
    panel = StepPanel(Watch(folder, "Tiny", "sum", 5, 8))
    assert "lload_1" in panel._view.value
    assert panel._view.value.count('aria-current="step"') == 1
