# ruff: noqa: E501, PT028  students' cells stand as they are
"""A class: an nbgrader course of three assignments, and students whose honest answers are drawn by seed."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cutaway.grading import nbcourse

Cell = dict[str, Any]
DRAWN = 100  # students of a class whose answers are drawn one by one

# --- Cells of a master -----------------------------------------------------


def plain(source: str, kind: str = "code") -> Cell:
    return _cell(kind, source, None)


def locked(name: str, source: str) -> Cell:
    return _cell("code", source, {"grade": False, "solution": False, "locked": True, "grade_id": name})


def answer(name: str, before: str, solution: str) -> Cell:
    text = f"{before}\n    ### BEGIN SOLUTION\n{solution}\n    ### END SOLUTION"
    return _cell("code", text, {"grade": False, "solution": True, "locked": False, "grade_id": name})


def free(name: str, solution: str) -> Cell:
    text = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    return _cell("code", text, {"grade": False, "solution": True, "locked": False, "grade_id": name})


def test(name: str, points: float, visible: str, hidden: str = "") -> Cell:
    text = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS" if hidden else visible
    return _cell("code", text, {"grade": True, "solution": False, "locked": True, "grade_id": name, "points": points})


def essay(name: str, points: float) -> Cell:
    return _cell(
        "markdown",
        "YOUR ANSWER HERE",
        {"grade": True, "solution": True, "locked": False, "grade_id": name, "points": points},
    )


def _cell(kind: str, source: str, nbgrader: dict[str, Any] | None) -> Cell:
    metadata = {"nbgrader": {"schema_version": 3, "task": False, **nbgrader}} if nbgrader else {}
    made: Cell = {"cell_type": kind, "metadata": metadata, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(cells: Iterable[Cell]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    numbered = [{"id": f"c{number}", **cell} for number, cell in enumerate(cells)]
    return {"cells": numbered, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


# --- Three assignments -----------------------------------------------------

NUMBERS = [
    plain("# Numbers", "markdown"),
    plain("import math"),
    locked("helper", "def close(one, other):\n    return abs(one - other) < 1e-9"),
    answer("square", "def square(x):", "    return x * x"),
    test("test-square", 2, "assert square(2) == 4\nassert square(0) == 0", "assert square(-3) == 9\nassert square(0.5) == 0.25"),
    answer("mean", "def mean(values):", "    if not values:\n        raise ValueError('mean of nothing')\n    return sum(values) / len(values)"),
    test("test-mean", 3, "assert close(mean([1, 2, 3]), 2)", "try:\n    mean([])\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('an empty list has no mean')"),
    answer("evens", "def evens(most):", "    n = 0\n    while n < most:\n        yield n\n        n += 2"),
    test("test-evens", 2, "assert list(evens(7)) == [0, 2, 4, 6]", "assert next(iter(evens(1))) == 0\nassert list(evens(0)) == []"),
    test("test-parts", 4, "parts = 0\nfor value, expected in [(1, 1), (2, 4), (3, 9), (-1, 1)]:\n    try:\n        parts += square(value) == expected\n    except Exception:\n        pass\nparts"),
    answer("sort", "def sort_in_place(values):", "    values.sort()"),
    test("test-sort", 1, "numbers = [3, 1, 2]\nassert sort_in_place(numbers) is None\nassert numbers == [1, 2, 3]"),
    essay("essay", 5),
]  # fmt: skip

OBJECTS = [
    answer("vector", "class Vector:", "    def __init__(self, x, y):\n        self.x, self.y = x, y\n    def __add__(self, other):\n        return Vector(self.x + other.x, self.y + other.y)\n    def __mul__(self, by):\n        return Vector(self.x * by, self.y * by)\n    def __eq__(self, other):\n        return (self.x, self.y) == (other.x, other.y)\n    def __repr__(self):\n        return f'Vector({self.x}, {self.y})'"),
    test("test-vector", 3, "total = Vector(1, 2) + Vector(3, 4)\nassert (total.x, total.y) == (4, 6)\nassert isinstance(total, Vector)", "assert (Vector(1, 2) * 3).y == 6\nassert Vector(1, 2) == Vector(1, 2)\nassert repr(Vector(1, 2)) == 'Vector(1, 2)'"),
    free("stack", "class Empty(LookupError):\n    pass\n\nclass Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, item):\n        self.items.append(item)\n    def pop(self):\n        if not self.items:\n            raise Empty('nothing there')\n        return self.items.pop()\n    def __len__(self):\n        return len(self.items)"),
    test("test-stack", 3, "stack = Stack()\nstack.push(1)\nstack.push([2])\nassert len(stack) == 2\nassert stack.pop() == [2]", "stack.pop()\ntry:\n    stack.pop()\nexcept Empty as error:\n    assert isinstance(error, LookupError)\nelse:\n    assert False, 'popping from an empty stack must raise Empty'"),
    answer("apply", "def apply_twice(function, value):", "    return function(function(value))"),
    test("test-apply", 2, "assert apply_twice(lambda x: x + 3, 1) == 7", "assert apply_twice(str.upper, 'a') == 'A'\nassert apply_twice(square_of := (lambda x: x * x), 3) == 81"),
    answer("count", "def count_words(text):", "    counts = {}\n    for word in text.split():\n        counts[word] = counts.get(word, 0) + 1\n    return counts"),
    test("test-count", 2, "assert count_words('a b a') == {'a': 2, 'b': 1}", "assert count_words('') == {}"),
    answer("documented", "def documented(x):", "    'Says what it does.'\n    return x"),
    test("test-documented", 1, "import inspect\nassert inspect.getdoc(documented)\nassert 'documented' in globals()"),
]  # fmt: skip

TABLES = [
    plain("import numpy as np\nimport pandas as pd"),
    answer("load", "def load(name):", "    return pd.read_csv(name)"),
    test("test-load", 1, "table = load('data.csv')\nassert list(table.columns) == ['city', 'people']\nassert len(table) == 4"),
    answer("largest", "def largest(table):", "    return table.sort_values('people').iloc[-1]['city']"),
    test("test-largest", 2, "assert largest(pd.read_csv('data.csv')) == 'Ulm'", "assert largest(pd.DataFrame({'city': ['a', 'b'], 'people': [2, 1]})) == 'a'"),
    answer("scaled", "def scaled(values):", "    values = np.asarray(values, dtype=float)\n    return (values - values.mean()) / values.std()"),
    test("test-scaled", 3, "np.testing.assert_allclose(scaled([1, 2, 3]).mean(), 0, atol=1e-12)", "result = scaled(np.array([1.0, 5.0, 9.0]))\nassert isinstance(result, np.ndarray)\nnp.testing.assert_allclose(result.std(), 1)"),
]  # fmt: skip
MORE = [
    plain("import pandas as pd"),
    answer("totals", "def totals(table):", "    return table.groupby('kind')['n'].sum()"),
    test("test-totals", 2, "table = pd.DataFrame({'kind': ['a', 'b', 'a'], 'n': [1, 2, 3]})\npd.testing.assert_series_equal(totals(table), pd.Series([4, 2], index=pd.Index(['a', 'b'], name='kind'), name='n'))"),
]  # fmt: skip

ASSIGNMENTS = {
    "numbers": {"numbers": NUMBERS},
    "objects": {"objects": OBJECTS},
    "tables": {"tables": TABLES, "more": MORE},
}
BESIDE = {"tables": {"data.csv": "city,people\nBonn,3\nKiel,2\nUlm,9\nJena,1\n"}}

# --- Answers of students ---------------------------------------------------

ANSWERS: dict[str, list[str]] = {
    "square": [
        "def square(x):\n    return x ** 2",
        "square = lambda x: x * x",
        "def square(x):\n    print('squaring', x)\n    return x * x",
        "def square(x):\n    return x * 2",
        "def square(x):\n    return str(x * x)",
        "def square(x)\n    return x",
        "def square(x):\n    return abs(x) * x",
        "import sys\ndef square(x):\n    print('hm', file=sys.stderr)\n    return x * x",
    ],
    "mean": [
        "def mean(values):\n    if len(values) == 0: raise ValueError\n    return math.fsum(values) / len(values)",
        "def mean(values):\n    return sum(values) / len(values)",
        "import statistics\ndef mean(values):\n    return statistics.mean(values)",
        "def mean(values):\n    return sum(values) // len(values) if values else 0",
    ],
    "evens": [
        "def evens(most):\n    return range(0, most, 2)",
        "def evens(most):\n    return iter([n for n in range(most) if n % 2 == 0])",
        "def evens(most):\n    for n in range(most + 1):\n        if n % 2 == 0: yield n",
        "def evens(most):\n    return None",
    ],
    "sort": [
        "def sort_in_place(values):\n    values[:] = sorted(values)",
        "def sort_in_place(values):\n    for i in range(len(values)):\n        for j in range(i):\n            if values[i] < values[j]:\n                values[i], values[j] = values[j], values[i]",
        "def sort_in_place(values):\n    return sorted(values)",
        "def sort_in_place(values):\n    values = sorted(values)",
    ],
    "vector": [
        "from dataclasses import dataclass\n@dataclass\nclass Vector:\n    x: float\n    y: float\n    def __add__(self, o): return Vector(self.x + o.x, self.y + o.y)\n    def __mul__(self, k): return Vector(self.x * k, self.y * k)\n    def __repr__(self): return f'Vector({self.x}, {self.y})'",
        "class Vector:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n    def __add__(self, other):\n        return (self.x + other.x, self.y + other.y)",
        "class Vector:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n    def __add__(self, other):\n        return Vector(self.x + other.x, self.y + other.y)",
        "class Vector: pass",
    ],
    "stack": [
        "class Empty(IndexError): pass\nclass Stack(list):\n    push = list.append\n    def pop(self):\n        if not self: raise Empty()\n        return list.pop(self)",
        "class Empty(Exception): pass\nclass Stack:\n    def __init__(self): self._s = ()\n    def push(self, x): self._s = (x, self._s)\n    def pop(self):\n        if self._s == (): raise Empty('x')\n        x, self._s = self._s\n        return x\n    def __len__(self):\n        n, s = 0, self._s\n        while s: n, s = n + 1, s[1]\n        return n",
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n    def pop(self): return self.items.pop()\n    def __len__(self): return len(self.items)",
    ],
    "apply": [
        "def apply_twice(f, x):\n    for _ in range(2): x = f(x)\n    return x",
        "def apply_twice(f, x):\n    return f(x)",
        "def apply_twice(f, x):\n    return f(x) and f(f(x))",
    ],
    "count": [
        "from collections import Counter\ndef count_words(text):\n    return Counter(text.split())",
        "from collections import defaultdict\ndef count_words(text):\n    d = defaultdict(int)\n    for w in text.split(): d[w] += 1\n    return d",
        "def count_words(text):\n    return {w: text.count(w) for w in text.split(' ')}",
        "def count_words(text):\n    return dict.fromkeys(text.split(), 1)",
    ],
    "documented": ["def documented(x):\n    return x", "def documented(x):\n    '''It says.'''\n    return x"],
    "load": [
        "def load(name):\n    with open(name) as file:\n        return pd.read_csv(file)",
        "def load(name):\n    return pd.read_csv(name, header=None)",
        "def load(name):\n    return pd.read_csv('nowhere.csv')",
    ],
    "largest": [
        "def largest(table):\n    return table.loc[table.people.idxmax(), 'city']",
        "def largest(table):\n    return table['people'].max()",
        "def largest(table):\n    return 'Ulm'",
    ],
    "scaled": [
        "def scaled(values):\n    v = np.array(values)\n    return (v - np.mean(v)) / np.std(v)",
        "def scaled(values):\n    m = sum(values) / len(values)\n    s = (sum((v - m) ** 2 for v in values) / len(values)) ** 0.5\n    return [(v - m) / s for v in values]",
        "def scaled(values):\n    v = np.array(values)\n    return v / v.max()",
        "def scaled(values):\n    return pd.Series(values).pipe(lambda v: (v - v.mean()) / v.std())",
    ],
    "totals": [
        "def totals(table):\n    return table.groupby('kind').n.sum()",
        "def totals(table):\n    return table.groupby('kind').sum()",
        "def totals(table):\n    return {'a': 4, 'b': 2}",
    ],
}  # fmt: skip
ESSAYS = ["YOUR ANSWER HERE", "Because it is *so*.", "I do not know."]

# --- On disk ---------------------------------------------------------------


def make_course(folder: Path, assignments: dict[str, dict[str, list[Cell]]] | None = None) -> Path:
    """A course with its source, released into the gradebook by nbgrader itself."""
    chosen = assignments or ASSIGNMENTS
    for name, notebooks in chosen.items():
        place = folder / "source" / name
        place.mkdir(parents=True)
        for each, cells in notebooks.items():
            (place / f"{each}.ipynb").write_text(json.dumps(notebook(cells)))
        for each, text in BESIDE.get(name, {}).items():
            (place / each).write_text(text)
    for name in chosen:
        release(folder, name)
    return folder


def release(folder: Path, name: str) -> None:
    nbcourse.release(nbcourse.Course(folder), name)


def solved(cells: list[Cell], answers: dict[str, str]) -> list[Cell]:
    """What a student hands in: the released cells with these answers."""
    made = []
    for cell in cells:
        copy = json.loads(json.dumps(cell))
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in answers:
            copy["source"] = answers[name]
        made.append(copy)
    return made


def released(folder: Path, assignment: str, name: str) -> list[Cell]:
    found: list[Cell] = json.loads((folder / "release" / assignment / f"{name}.ipynb").read_text())["cells"]
    return found


def right(cells: list[Cell]) -> dict[str, str]:
    """The teacher's own answers, as a student would write them."""
    found = {}
    for cell in cells:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution") and not meta.get("grade"):
            found[meta["grade_id"]] = "\n".join(line for line in cell["source"].splitlines() if "### " not in line)
    return found


def hand_in(folder: Path, student: str, assignment: str, name: str, cells: Any, timestamp: str = "") -> Path:
    place = folder / "submitted" / student / assignment
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}.ipynb"
    path.write_text(cells if isinstance(cells, str) else json.dumps(notebook(cells)))
    for each, text in BESIDE.get(assignment, {}).items():
        (place / each).write_text(text)
    if timestamp:
        (place / "timestamp.txt").write_text(timestamp)
    return path


def honest_student(folder: Path, student: str, assignment: str, seed: int) -> None:
    """Hand in answers drawn by seed: some right, some wrong, some not given."""
    draw = random.Random(f"{seed} {student} {assignment}")
    for name, master in ASSIGNMENTS[assignment].items():
        answers = {}
        for task, right_answer in right(master).items():
            kind = draw.random()
            if kind < 0.45:
                answers[task] = right_answer
            elif kind < 0.93:
                answers[task] = draw.choice(ANSWERS[task])
        answers["essay"] = draw.choice(ESSAYS)
        cells = solved(released(folder, assignment, name), answers)
        if draw.random() < 0.2:
            cells.insert(draw.randrange(len(cells)), plain("print('a note of mine')\n1 + 1"))
        hand_in(folder, student, assignment, name, cells)


def honest_class(
    folder: Path, number: int, seed: int = 7, assignments: Iterable[str] = tuple(ASSIGNMENTS)
) -> list[str]:
    students = [f"student-{place:03}" for place in range(number)]
    for student in students:
        for assignment in assignments:
            honest_student(folder, student, assignment, seed)
    return students


def one_assignment(folder: Path, name: str, students: int) -> Path:
    """A course of one assignment that a class has handed in, each submission another one.

    After the first hundred they are copies of these, and differ in a number that nobody asks for.
    """
    make_course(folder, {name: ASSIGNMENTS[name]})
    drawn = honest_class(folder, min(students, DRAWN), assignments=(name,))
    for place in range(DRAWN, students):
        shutil.copytree(folder / "submitted" / drawn[place % DRAWN], folder / "submitted" / f"student-{place:05}")
    for number, path in enumerate(sorted(folder.glob("submitted/*/*/*.ipynb"))):
        path.write_text(path.read_text().replace('"nbformat": 4', f'"number": {number}, "nbformat": 4'))
    return folder


def autograded(folder: Path) -> dict[str, Any]:
    """What was written of a class, but for how long it took."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("autograded/**/*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
            if path.name.endswith(".cutaway.json"):
                found[str(path.relative_to(folder))] = {**json.loads(path.read_text()), "seconds": None}
    return found


def stored(course: Path) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """The marks in the gradebook; no cell of a submission may be there twice."""
    query = """select s.student_id, a.name, n.name, b.name, g.auto_score, g.needs_manual_grade from grade g
        join submitted_notebook sn on g.notebook_id = sn.id join notebook n on sn.notebook_id = n.id
        join submitted_assignment s on sn.assignment_id = s.id join base_cell b on g.cell_id = b.id
        join assignment a on s.assignment_id = a.id"""
    with sqlite3.connect(course / "gradebook.db") as book:
        rows = book.execute(query).fetchall()
    found = {row[:4]: (row[4], bool(row[5])) for row in rows}
    assert len(found) == len(rows)
    return found
