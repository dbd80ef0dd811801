"""Tracebacks that are told by a sandbox and written by a scribe: the same to the byte, and nobody else's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from cutaway.grading import alike, execution
from cutaway.grading.execution import Recipe
from cutaway.grading.executor import Executor
from cutaway.grading.limits import Limits
from cutaway.grading.nbcourse import Source
from cutaway.grading.restored import Cell
from cutaway.linux import processes

NOTHING = Recipe([], [], [], [], {})
INSIDE = Recipe([], [], [], [], {}, frozenset({"test"}))

TOLD = [
    "x = 1\nassert x == 2",
    "assert f'{3}' == 'a', 'what it is'",
    "class A: pass\n\na = A()\n\n(a.b\n .c)\nprint(3)",
    "{}['k']",
    "1 + \\\n  'a'",
    "undefined",
    "try:\n    1/0\nexcept ZeroDivisionError:\n    raise KeyError('it')",
    "try:\n    {}[1]\nexcept KeyError as e:\n    raise ValueError('x') from e",
    "try:\n    {}[1]\nexcept KeyError as e:\n    raise ValueError('x') from None",
    "y = 1; int('x'); z = 3",
    "for i in range(3):\n    if i == 2:\n        [1,2][i]",
    "import nosuchmodule",
    "from os import nosuch",
    "@int\ndef f(): pass",
    "with open('/nope') as f:\n    pass",
    "a, b = 1",
    "print(\n   *3\n)",
    "raise KeyboardInterrupt",
    "x = '''\n'''\nx()",
    "class E(Exception):\n    def __str__(self): return 'two\\nlines'\nraise E",
    "'äö' + 1",
    "1/0\n\n\n",
    "x = 1 # \x0c\n1/0",
    "if True:\n\t1/0",
    "x = 1\r\n1/0",
    "answer = 3\nassert answer == 2 != 3",
    "for each in (1, 2):\n    assert each == 1, f'it is {each}'",
    "assert (\n    [1, 2]\n    == [1, 3]\n)",
    "assert not 1 == 1",
    "assert [1] and 3 == 4 or 1 != 1",
    "assert all(each == 1 for each in (1, 2))",
]
NOT_TOLD = [
    "def g():\n    h()\ng()",
    "(lambda: 1/0)()",
    "exec('1/0')",
    "await 3",
    "%time 1\n1/0",
    "raise SystemExit",
    "1 +",
    "raise ExceptionGroup('g', [ValueError()])",
    "e = ValueError()\ne.add_note('n')\nraise e",
    "get_ipython().run_cell('1/0').raise_error()",
    f"x = {'1' * alike.MOST_CHARACTERS}\n1/0",
]
EITHER_WAY = """
import json, sys
from cutaway.grading import alike, scribe
from cutaway.grading.cells import Recorder
from cutaway.grading.examiner import _Assertions, _Examiner
from cutaway.grading.student import _Strict, equal
from types import SimpleNamespace
recorder, outputs, told = Recorder(), [], alike.told
recorder.warm_up()
recorder._emit, recorder.tells = outputs.append, True
def errors(cell, tell, rewrite):
    outputs.clear()
    alike.told, recorder.rewrite = tell, rewrite
    recorder.shell.execution_count = 7
    recorder.shell.user_ns["_cutaway_equal"] = equal
    recorder.shell.user_ns["_cutaway_compared"] = _Examiner._compare.__get__(SimpleNamespace())
    recorder.run(cell)
    return [each for each in outputs if each["output_type"] == "error"]
same = lambda node: node
for cell in json.load(sys.stdin):
    plain, *_ = errors(cell, lambda *_: None, same) or [{}]
    for rewrite in (same, _Assertions().visit, _Strict().visit):
        said, *_ = errors(cell, told, rewrite) or [{}]
        facts = said.get("told")
        written = facts and scribe.written(recorder, cell, **json.loads(json.dumps(facts)))
        sys.stderr.write(json.dumps([bool(facts), written == plain.get("traceback")]) + "\\n")
"""


def either_way(cells: list[str]) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-c", EITHER_WAY],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]


def test_what_a_scribe_writes_is_what_ipython_writes_to_the_byte() -> None:
    """Also for a test, whose comparisons are rewritten."""
    assert either_way(TOLD) == [[True, True]] * 3 * len(TOLD)


def test_what_depends_on_more_than_its_cell_is_not_told() -> None:
    assert [told for told, _ in either_way(NOT_TOLD)] == [False] * 3 * len(NOT_TOLD)


def failed(executor: Executor, recipe: Recipe, answer: str, test: str) -> Any:
    owned = Source("test", "code", test, True, True, False, False, 1.0, None)
    (_, shown) = execution.run(executor, recipe, [Cell("code", answer), Cell("code", test, owned)], Limits())
    return shown.outputs[-1]


@pytest.mark.parametrize("recipe", [NOTHING, INSIDE], ids=["separated", "inside"])
def test_errors_that_are_alike_are_written_once(
    recipe: Recipe, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    ask = executor.tracebacks._asked
    monkeypatch.setattr(executor.tracebacks, "_asked", lambda order: asked.append(order) or ask(order))
    test = f"assert answer == 2  # {recipe.inside}"
    first = failed(executor, recipe, "answer = 1", test)
    assert "".join(first["traceback"]).count("AssertionError") == 2
    assert failed(executor, recipe, "answer = 3", test) == first
    assert len(asked) == 1
    assert failed(executor, recipe, "other = 1", test)["ename"] == "NameError"  # another error has its own
    assert len(asked) == 2


def test_a_scribe_that_was_killed_is_replaced(executor: Executor) -> None:
    test = "assert answer == 'killed'"
    first = failed(executor, NOTHING, "answer = 1", test)
    executor.tracebacks.close()
    executor.tracebacks._written.clear()
    before = processes.descendants(executor._parent.pid)
    scribe = executor.tracebacks._scribe = executor.tracebacks._begin()
    deadline = time.monotonic() + 10
    while not (new := [each for each in processes.descendants(executor._parent.pid) if each not in before]):
        assert time.monotonic() < deadline
    for each in new:
        os.kill(each.pid, signal.SIGKILL)
    assert failed(executor, NOTHING, "answer = 1", test) == first
    assert executor.tracebacks._scribe is not scribe


LIE = """
import gc
from cutaway.grading.wire import Line
for line in [each for each in gc.get_objects() if isinstance(each, Line)]:
    for told in ({told}, {told}):
        line.send({{"output": {{"output_type": "error", "ename": "E", "evalue": "lie", "told": told}}}})
"""
LIES = [
    "3", "[3]", "{'number': 1}", "{'number': 1, 'errors': []}", "{'source': 'x'}", "{'number': [], 'errors': [[]]}",
    "{'number': 1, 'errors': [['E', 't', [0, 'NOP', 1, 1, 0, 1], 0, 0]]}",
    "{'number': 1, 'errors': [['E', 't', [0, 'NOP', 3, 3, 0, 9], 0, 0]] * 2000}",
    "{'number': 'x' * 1000000, 'errors': []}",
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_a_submission_makes_up_is_written_for_nobody_else_and_stops_nothing(lie: str, executor: Executor) -> None:
    cells = [Cell("code", LIE.format(told=lie)), Cell("code", "print(1)"), Cell("code", "assert 1 == 2")]
    first, second, third = execution.run(executor, NOTHING, cells, Limits())
    assert [each["traceback"] for each in first.outputs] == [["E: lie"], []]
    assert second.outputs[0]["text"] == "1\n"
    assert third.outputs[0]["traceback"] == ["AssertionError: "]  # who has made something up is believed no more
    (honest,) = execution.run(executor, NOTHING, [Cell("code", "assert 1 == 2")], Limits())
    assert "".join(honest.outputs[0]["traceback"]).count("AssertionError") == 2


def test_what_is_nested_too_deep_is_no_output_at_all(executor: Executor) -> None:
    deep = Cell("code", LIE.format(told="eval('[' * 190 + ']' * 190)"))
    assert [each.outputs for each in execution.run(executor, NOTHING, [deep], Limits())] == [[]]


def test_a_cell_that_breaks_the_scribe_costs_only_its_own_traceback(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alike, "WRITTEN_S", 0.0)
    executor.tracebacks._written.clear()
    assert failed(executor, NOTHING, "answer = 1", "assert answer == 'slow'")["traceback"] == ["AssertionError: "]
    monkeypatch.undo()
    assert len(failed(executor, NOTHING, "answer = 1", "assert answer == 'quick'")["traceback"]) > 3
