# ruff: noqa: E501  cells stand as they are
"""No attack of the corpus raises a mark, reads what is not its own, reaches outside, or delays an honest student."""

from __future__ import annotations

import copy
import json
import os
import re
import runpy
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import small_class
from small_class import answer, free, locked, plain

from cutaway.grading import batch, restored
from cutaway.grading.executor import Executor
from cutaway.grading.limits import MIB, Limits
from cutaway.grading.nbcourse import Course
from cutaway.linux import processes
from cutaway.linux.processes import Process

pytestmark = [pytest.mark.xdist_group("attacks"), pytest.mark.slow]

CORPUS = Path(__file__).parents[2] / "grading" / "attacks"
LIMITS = Limits(
    cell_s=3, notebook_s=9, cpu_s=8, memory_bytes=384 * MIB, disk_bytes=32 * MIB, grace_s=0.5, output_bytes=100_000
)


def code_attacks() -> dict[str, str]:
    """Name -> what is handed in as the answer."""
    found = {}
    for file in sorted(CORPUS.glob("*.cells")):
        for part in file.read_text().split("# === ")[1:]:
            name, _, source = part.partition("\n")
            found[name.strip()] = source
    return found


CODE = code_attacks()
FILES: dict[str, Any] = runpy.run_path(str(CORPUS / "handed_in.py"))["ATTACKS"]
QUICK_FLOODS = {"endless-loop", "cannot-be-interrupted", "fork-bomb", "memory-of-many", "disk", "output", "huge-value"}
FLOODS = set(re.findall(r"^# === (\S+)", (CORPUS / "flooding.cells").read_text(), re.MULTILINE))
EVERY = [
    pytest.param(name, marks=[pytest.mark.soak] if name in FLOODS - QUICK_FLOODS else []) for name in [*CODE, *FILES]
]  # those that take their whole time are for the soak run


def master(secret: str) -> list[small_class.Cell]:
    """A task with tests of every shape that somebody could want to forge."""
    return [
        plain("import numpy as np\nimport math"),
        locked("given", "def close(one, other):\n    return abs(one - other) < 1e-9\nexpected = np.array([7.0])"),
        answer("answer", "def answer(x):", "    return x(6) if callable(x) else x * 7"),
        small_class.test("test-answer", 2, "assert answer(1) == 7", f"secret = '{secret}'\nassert answer(6) == 42, secret"),
        small_class.test("test-near", 2, "assert abs(answer(3) - 21) < 1e-9", "assert close(answer(2), 14)\nassert round(answer(2) - 14) == 0\nassert np.isclose(answer(2), 14)\nassert math.isclose(answer(3), 21)"),
        small_class.test("test-parts", 4, "parts = 0\nfor value in (1, 2, 3, 6):\n    try:\n        parts += answer(value) == 7 * value\n    except Exception:\n        pass\nparts"),
        small_class.test("test-called", 2, "def times_seven(x):\n    return 7 * x\nassert answer(times_seven) == 42"),
        free("numbers", "def numbers(n):\n    return list(range(n))\n\nclass Box:\n    def __init__(self, it):\n        self.it = it\n    def value(self):\n        return self.it"),
        small_class.test("test-in", 2, "assert 3 in numbers(5)\nassert len(numbers(4)) == 4", "assert sorted(numbers(3)) == [0, 1, 2]\nassert set(numbers(2)) == {0, 1}"),
        small_class.test("test-all", 1, "assert all(map(lambda x: answer(x) == 7 * x, (3, 4)))"),
        small_class.test("test-among", 1, "assert 3 in numbers(5)"),
        small_class.test("test-names", 1, "assert answer(1) == 7\ndef agrees(one, other):\n    return one == other"),
        small_class.test("test-agrees", 1, "assert agrees(answer(2), 14)"),
        small_class.test("test-given", 1, "assert np.isclose(answer(1), expected[0])"),
        answer("sum", "def sum(values):", "    return len(values) * 100"),
        small_class.test("test-sum", 1, "assert sum([1, 2]) == 200"),
        small_class.test("test-box", 2, "assert Box(3).value() == 3\nassert Box('a').value() + 'b' == 'ab'"),
    ]  # fmt: skip


class Scene(NamedTuple):
    """The class that was graded: the lines by student, the folder, the secrets, and what reached outside."""

    lines: dict[str, dict[str, Any]]
    folder: Path
    secrets: dict[str, str]
    reached: list[str]
    seconds: float
    before: list[Process]  # that other tests of this run had begun


@pytest.fixture(scope="module")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    chosen = {item.callspec.params["attack"] for item in request.session.items if hasattr(item, "callspec")
              and "attack" in item.callspec.params}  # fmt: skip
    folder, before = tmp_path_factory.mktemp("attacked"), processes.descendants(os.getpid())
    hidden = {name: f"{name}-{secrets.token_hex(8)}" for name in ("HIDDEN", "OTHERS", "GRADES")}
    cells = master(hidden["HIDDEN"])
    small_class.make_course(folder, {"attacked": {"attacked": cells}})
    with Course(folder).gradebook() as book:
        book.update_or_create_student("somebody", first_name=hidden["GRADES"])
    with listening() as (port, name, reached):
        hand_in_all(folder, chosen, cells, hidden["OTHERS"], port, name)
        began = time.monotonic()
        lines = {line["student"]: line for line in grade(folder)}
        yield Scene(lines, folder, hidden, reached, time.monotonic() - began, before)


def hand_in_all(
    folder: Path, chosen: set[str], cells: list[small_class.Cell], others: str, port: int, name: str
) -> None:
    given = small_class.notebook(small_class.released(folder, "attacked", "attacked"))
    right = small_class.right(cells)
    noted = [*small_class.solved(given["cells"], right), plain(f"# {others}")]
    for student in ("honest", "zz-honest"):
        small_class.hand_in(folder, student, "attacked", "attacked", noted)
    for attack, source in CODE.items():
        if attack not in chosen:
            continue
        text = source.replace("PORT", str(port)).replace("ABSTRACT", name)
        small_class.hand_in(
            folder, attack, "attacked", "attacked", small_class.solved(given["cells"], {"answer": text})
        )
    for attack, build in FILES.items():
        if attack not in chosen:
            continue
        place = folder / "submitted" / attack / "attacked"
        place.mkdir(parents=True)
        made = build(copy.deepcopy(given), place)
        if isinstance(made, dict):
            made = json.dumps(made)
        if made is not None:
            (place / "attacked.ipynb").write_bytes(made if isinstance(made, bytes) else made.encode())


def grade(folder: Path, only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    course = Course(folder)
    with Executor(None, course.hidden) as executor:
        assignment = batch.prepared(course, "attacked", LIMITS, executor)
        crew = batch.Here(assignment, executor, 2)
        students = [name for name in course.students("attacked") if not only or name in only]
        try:
            return [step.line for step in batch.graded(course, assignment, crew, 2, students)]
        finally:
            crew.close()


class listening:  # noqa: N801  a context
    """A port and an abstract socket of this machine; `reached` tells who connected."""

    def __enter__(self) -> tuple[int, str, list[str]]:
        self.reached: list[str] = []
        name = f"cutaway-attacks-{secrets.token_hex(8)}"
        self._sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self._sockets[1].bind(f"\0{name}")
        self._sockets[1].listen()
        for each in self._sockets:
            threading.Thread(target=self._accept, args=(each,), daemon=True).start()
        return self._sockets[0].getsockname()[1], name, self.reached

    def _accept(self, door: socket.socket) -> None:
        try:
            while True:
                door.accept()
                self.reached.append(str(door))
        except OSError:
            return

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.shutdown(socket.SHUT_RDWR)
            each.close()


# --- What must hold --------------------------------------------------------


@pytest.mark.parametrize("attack", EVERY)
def test_no_attack_raises_a_mark(scene: Scene, attack: str) -> None:
    line = scene.lines[attack]
    assert not line["score"], line  # none at all, where there was no notebook
    assert not any(cell["score"] for cell in line["cells"].values()), line


def test_every_submission_of_the_class_has_one_line_in_order(scene: Scene) -> None:
    assert list(scene.lines) == sorted(path.name for path in (scene.folder / "submitted").iterdir())
    assert list(scene.lines) == sorted(scene.lines)


def test_the_honest_ones_lose_nothing(scene: Scene) -> None:
    for student in ("honest", "zz-honest"):
        line = scene.lines[student]
        assert (line["score"], line["flags"]) == (line["max"], []), line
        assert line["max"] == 20


@pytest.mark.parametrize("attack", EVERY)
def test_no_attack_reads_what_is_not_its_own(scene: Scene, attack: str) -> None:
    for path in (scene.folder / "autograded" / attack / "attacked").rglob("*"):
        text = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if path.suffix == ".ipynb" and text:
            text = shown_by_students(text)
        for name, secret in scene.secrets.items():
            assert secret.encode() not in text, (path, name)


def shown_by_students(text: bytes) -> bytes:
    """What a recorded notebook shows that is not the test's own source, or the traceback that quotes it."""
    page = json.loads(text)
    cells = [cell for cell in page["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]
    streams = [output for cell in page["cells"] for output in cell.get("outputs", ())
               if output["output_type"] != "error"]  # fmt: skip
    return json.dumps([cells, streams]).encode()


def test_nothing_reaches_the_machine(scene: Scene) -> None:
    assert scene.reached == []


def test_nothing_stays_behind(scene: Scene) -> None:
    deadline = time.monotonic() + 10
    while (left := sandboxed(scene.before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def sandboxed(before: list[Process]) -> list[str]:
    """Processes below this one that were forked by a warm parent which has begun since."""
    others = {each for one in before for each in processes.descendants(one.pid)} | {*before}
    mine = [each for each in processes.descendants(os.getpid()) if each.alive() and each not in others]
    return [processes.command(each.pid) for each in mine if "warm.py" in processes.command(each.pid)]


def test_no_notebook_is_a_zero_by_silence(scene: Scene) -> None:
    for attack in ("empty-file", "half-a-file", "a-picture", "deep-json", "json-of-another-kind", "a-huge-notebook"):
        line = scene.lines.get(attack, {"cells": {}, "flags": ["no notebook: was not chosen"]})
        assert line["cells"] == {}
        assert any("no notebook" in flag for flag in line["flags"]), line


def test_a_notebook_of_very_many_parts_is_not_taken_apart() -> None:
    with pytest.raises(restored.NoNotebook, match="lists and objects"):
        restored.read(b'{"cells": [' + b"{}," * restored.PARTS + b"{}]}")


def test_the_corpus_has_at_least_sixty_kinds() -> None:
    assert len(code_attacks()) + len(FILES) >= 60


def test_what_is_cut_for_time_does_not_hold_up_the_class(scene: Scene) -> None:
    """Each of the class's submissions has at most its notebook's time and what it takes to end it, on two workers."""
    longest = LIMITS.notebook_s + 4 * LIMITS.grace_s + 3
    assert scene.seconds < longest * len(scene.lines) / 2
