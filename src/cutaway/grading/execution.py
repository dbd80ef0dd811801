"""One notebook, run: its cells in the student's sandbox, its tests beside it, and for each cell what it showed.

What a cell destroys is run again without it: when a cell cannot be interrupted, or ends its own process, or breaks a
limit, both sandboxes are thrown away, and the cells before and after it are run in new ones. What a test has found
by then stands.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cutaway.grading.executor import Executor, Sandbox
from cutaway.grading.limits import Limits
from cutaway.grading.restored import Cell, is_shallow
from cutaway.grading.wire import Broken, Ended, Line, speaking

LIVES = 4  # how often a notebook is begun: it may destroy three sandboxes
FLOOD = 8  # times the output limit, after which somebody writes past the recorder
MESSAGE_BYTES = 256  # what one weighs at least: it takes the grader's time, too

Output = dict[str, Any]
SEPARATED, INSIDE = "separated", "inside"

WHY_ENDED = {
    "ended": "it ended its own process",
    "memory": "it took more memory than a submission may have",
    "cpu": "it took more processor time than a submission may have",
    "killed": "it could not be interrupted",
    "flood": "it wrote more than is recorded",
    "outside": "the machine killed it each time",
}


@dataclass
class Shown:
    """What a cell showed when it was run, and how it ended."""

    outputs: list[Output] = field(default_factory=list)
    ran: bool = False
    passed: bool = False  # without an error
    compared: dict[str, str] = field(default_factory=dict)  # of a failing comparison: expected and got
    line: int = 0  # in which it failed; of a test that runs inside nobody says it
    trouble: str = ""  # "time", or how it destroyed its sandbox

    def add(self, output: Any) -> None:
        """Take in one output, if it is one."""
        made = _plain_output(output)
        if made is None:
            return
        if made["output_type"] == "clear":
            self.outputs.clear()
        elif self.outputs and made["output_type"] == "stream" and _same_stream(self.outputs[-1], made):
            self.outputs[-1]["text"] += made["text"]
        else:
            self.outputs.append(made)


def _same_stream(one: Output, other: Output) -> bool:
    return (one["output_type"], one.get("name")) == ("stream", other["name"])


def _plain_output(output: Any) -> Output | None:
    """An output as nbformat has it; what a sandbox sends may be anything."""
    kind = output.get("output_type") if isinstance(output, dict) and is_shallow(output) else None
    if kind == "clear":
        return {"output_type": "clear"}
    if kind == "stream" and output.get("name") in ("stdout", "stderr") and isinstance(output.get("text"), str):
        return {"output_type": "stream", "name": output["name"], "text": output["text"]}
    if kind == "error":
        lines = output.get("traceback")
        return {"output_type": "error", "ename": str(output.get("ename")), "evalue": str(output.get("evalue")),
                "traceback": [str(line) for line in lines] if isinstance(lines, list) else []}  # fmt: skip
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        metadata = output.get("metadata")
        made = {"output_type": kind, "data": output["data"], "metadata": metadata if isinstance(metadata, dict) else {}}
        return made | ({"execution_count": None} if kind == "execute_result" else {})
    return None


@dataclass(frozen=True)
class Recipe:
    """How a notebook's tests are run: what both sides are given first, and which tests run inside."""

    files: list[list[Any]]  # place, base64, mode
    test_files: list[list[Any]]
    own: list[str]
    classes: list[str]
    imports: dict[str, list[str]]  # of each released test
    inside: frozenset[str] = frozenset()
    given: list[str] = field(default_factory=list)  # see names.py
    kept: list[str] = field(default_factory=list)  # names that no submission is asked for
    redefined: list[str] = field(default_factory=list)  # built-in names for which it is asked
    counted: frozenset[str] = frozenset()  # tests whose result is a number of points

    def mode(self, name: str) -> str:
        """Where the test of this name runs."""
        return INSIDE if name in self.inside else SEPARATED


class _Lost(Exception):
    """A cell has destroyed its sandbox."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place, self.why = place, why


class _OutOfTime(Exception):
    """The notebook's time is over."""


def run(executor: Executor, recipe: Recipe, cells: Sequence[Cell], limits: Limits) -> list[Shown]:
    """Run the cells from the top; what each showed, in their order."""
    shown = [Shown() for _ in cells]
    without: set[int] = set()
    deadline = time.monotonic() + limits.notebook_s
    for left in reversed(range(LIVES)):
        life = _Life(executor, recipe, cells, limits, shown, deadline)
        try:
            life.live(without)
        except _Lost as lost:
            if lost.why == "outside" and left:  # no doing of the cell's
                continue
            without.add(lost.place)
            one = shown[lost.place]
            one.ran, one.passed, one.trouble = True, False, lost.why
            one.add(_ended(lost.why))
        except _OutOfTime:
            break
        else:
            break
        finally:
            life.close()
    return shown


def _is_heard(message: Any) -> bool:
    """Whether it is something that a submission may add to what its test shows: what it prints, and no result."""
    output = message.get("output")
    return isinstance(output, dict) and output.get("output_type") in ("stream", "display_data")


def _ended(why: str) -> Output:
    said = WHY_ENDED.get(why, why)
    return {
        "output_type": "error",
        "ename": "SubmissionEnded",
        "evalue": said,
        "traceback": [f"SubmissionEnded: {said}"],
    }


class _Life:
    """One go at a notebook, in sandboxes of its own."""

    def __init__(
        self,
        executor: Executor,
        recipe: Recipe,
        cells: Sequence[Cell],
        limits: Limits,
        shown: list[Shown],
        deadline: float,
    ) -> None:
        self._recipe, self._cells, self._limits, self._tracebacks = recipe, cells, limits, executor.tracebacks
        self._told: set[int] = set()  # cells whose error was told
        self._is_believed = True
        self._shown, self._deadline, self._heard, self._order = shown, deadline, 0, ""
        tests = any(each.owned and each.owned.tests and recipe.mode(each.owned.name) == SEPARATED for each in cells)
        self._student: Sandbox
        self._examiner: Sandbox | None
        if tests:
            self._student, self._examiner = executor.both(limits)
        else:
            self._student, self._examiner = executor.sandbox("student", limits), None

    def live(self, without: set[int]) -> None:
        """Run every cell but those `without`; _Lost when one destroys the sandbox."""
        self._tell(self._student, {"files": self._recipe.files}, 0)
        if self._examiner:
            recipe = self._recipe
            told = {"own": [*recipe.own, *recipe.given], "kept": recipe.kept, "redefined": recipe.redefined}
            self._tell(self._examiner, {"files": recipe.test_files, "classes": recipe.classes, **told}, 0)
        for place, cell in enumerate(self._cells):
            if cell.kind != "code" or place in without or not cell.source.strip():
                continue
            if time.monotonic() > self._deadline:
                raise _OutOfTime
            self._run(place, cell)

    def close(self) -> None:
        self._student.close()
        if self._examiner:
            self._examiner.close()

    def _run(self, place: int, cell: Cell) -> None:
        """Run one cell where it belongs; a test that has been run in an earlier life keeps what it showed then."""
        shown, owned = Shown(ran=True), cell.owned
        if owned is None or not owned.tests:
            self._in(self._student, place, {"run": cell.source}, shown)
        elif self._recipe.mode(owned.name) == INSIDE:
            self._in(self._student, place, {"run": cell.source, "test": True}, shown)
        else:
            assert self._examiner
            self._in(self._examiner, place, {"run": cell.source}, shown)
            imports = self._recipe.imports.get(owned.name, [])
            heard = Shown()
            self._tell(self._student, {"imports": imports, "mark": True, "of": self._number()}, place)
            try:
                self._hear(self._student.line, place, heard, "marked", self._limits.cell_s)
            except TimeoutError:
                raise _Lost(place, "killed") from None
            for output in heard.outputs:
                shown.add(output if _is_heard({"output": output}) else None)
        if not self._shown[place].ran:
            self._shown[place] = shown

    def _in(self, sandbox: Sandbox, place: int, order: dict[str, Any], shown: Shown) -> None:
        """Give an order and wait until it is done. In time, or interrupted; else it is _Lost."""
        self._tell(sandbox, {**order, "of": self._number()}, place)
        limit = min(self._limits.cell_s, max(0.0, self._deadline - time.monotonic()))
        try:
            done = self._hear(sandbox.line, place, shown, "done", limit)
        except TimeoutError:
            shown.trouble = "time"
            self._student.interrupt()
            try:
                done = self._hear(sandbox.line, place, shown, "done", self._limits.grace_s / 2)
            except TimeoutError:
                done = self._last_chance(sandbox, place, shown)
            shown.add(_too_long(self._limits.cell_s))
        shown.passed = done.get("done") is True and not shown.trouble
        compared = done.get("compared")
        if sandbox is self._examiner:
            shown.compared = compared if isinstance(compared, dict) else {}
        if sandbox is self._examiner or "test" not in order:
            shown.line = done["line"] if type(done.get("line")) is int else 0

    def _last_chance(self, sandbox: Sandbox, place: int, shown: Shown) -> Any:
        sandbox.interrupt()
        try:
            return self._hear(sandbox.line, place, shown, "done", self._limits.grace_s / 2)
        except TimeoutError:
            raise _Lost(place, "killed") from None

    def _number(self) -> str:
        """A number for the next order, which nobody who has not seen the order can say."""
        self._order = secrets.token_hex(16)
        return self._order

    def _tell(self, sandbox: Sandbox, order: dict[str, Any], place: int) -> None:
        try:
            sandbox.line.send(order, time.monotonic() + self._limits.grace_s)
        except Ended:
            raise _Lost(place, self._end_of(sandbox)) from None
        except TimeoutError:
            raise _Lost(place, "killed") from None

    def _hear(self, awaited: Line, place: int, shown: Shown, word: str, limit_s: float) -> dict[str, Any]:
        """Take in what both sandboxes show until `awaited` says `word`.

        What the submission has said is heard first: it was said before what its test made of it.
        """
        deadline = time.monotonic() + limit_s
        sandboxes = {each.line: each for each in (self._student, self._examiner) if each}
        while True:
            heard = speaking([*sandboxes], max(0.0, deadline - time.monotonic()))
            if not heard or time.monotonic() > deadline + self._limits.grace_s:
                raise TimeoutError
            sandbox = sandboxes[heard[0]]
            try:
                message = sandbox.line.receive(deadline)
            except Ended:
                raise _Lost(place, self._end_of(sandbox)) from None
            except Broken:
                raise _Lost(place, "killed") from None
            if sandbox.line is awaited and word in message and message.get("of") == self._order:
                return dict(message)
            self._weigh(place, message)
            if awaited is self._student.line or sandbox is self._examiner or _is_heard(message):
                shown.add(self._written(place, message.get("output")))

    def _written(self, place: int, output: Any) -> Any:
        """An output; of an error that was told, with its traceback: once for each cell, until one cannot be written."""
        if isinstance(output, dict) and (told := output.get("told")) and place not in self._told:
            self._told.add(place)
            lines = self._tracebacks.of(self._cells[place].source, told) if self._is_believed else []
            self._is_believed = self._is_believed and bool(lines)
            output["traceback"] = lines or [f"{output.get('ename')}: {output.get('evalue')}"]
        return output

    def _weigh(self, place: int, message: Any) -> None:
        self._heard += MESSAGE_BYTES + len(str(message))
        if self._heard > FLOOD * self._limits.output_bytes * 4:
            raise _Lost(place, "flood")

    def _end_of(self, sandbox: Sandbox) -> str:
        """How a sandbox ended that has hung up by itself."""
        end = sandbox.close(self._limits.grace_s)
        return end if end in WHY_ENDED and end != "killed" else "ended"


def _too_long(limit_s: float) -> Output:
    said = f"it was still running after {limit_s:g} s"
    return {
        "output_type": "error",
        "ename": "CellTimeoutError",
        "evalue": said,
        "traceback": [f"CellTimeoutError: {said}"],
    }
