"""Submissions whose attack lies in the file: each function is given the released notebook and a folder to hand in to.

It returns what stands in the notebook's file, as text or as the notebook itself, or None when it has written the
folder by its own hand. Its docstring says what it tries.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
Attack = Callable[[Notebook, Path], "Notebook | str | bytes | None"]

ATTACKS: dict[str, Attack] = {}


def attack(function: Attack) -> Attack:
    ATTACKS[function.__name__.replace("_", "-")] = function
    return function


def graded(notebook: Notebook, name: str) -> dict[str, Any]:
    """The cell of this name."""
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


# --- Claims in metadata ----------------------------------------------------


@attack
def points_of_its_own(notebook: Notebook, folder: Path) -> Notebook:
    """Says that a test is worth a thousand."""
    for cell in notebook["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"] |= {"points": 1000, "checksum": "0" * 32}
    return notebook


@attack
def tests_that_are_answers(notebook: Notebook, folder: Path) -> Notebook:
    """Marks tests as solutions, so that their sources stay the student's."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"] |= {"grade": False, "solution": True, "locked": False}
            cell["source"] = "4.0"
    return notebook


@attack
def edited_tests(notebook: Notebook, folder: Path) -> Notebook:
    """Writes easier tests, and says that the checksum is right."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "assert True\n4.0"
    return notebook


@attack
def tests_as_prose(notebook: Notebook, folder: Path) -> Notebook:
    """Turns tests into prose, which a person would mark."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["cell_type"] = "markdown"
            cell.pop("outputs", None)
    return notebook


@attack
def passed_outputs(notebook: Notebook, folder: Path) -> Notebook:
    """Hands in outputs that look like marks."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            result = {
                "output_type": "execute_result",
                "data": {"text/plain": "4.0"},
                "metadata": {},
                "execution_count": 1,
            }
            cell["outputs"], cell["execution_count"] = [result], 1
    return notebook


@attack
def scores_in_metadata(notebook: Notebook, folder: Path) -> Notebook:
    """Writes scores where feedback would have them."""
    notebook["metadata"]["nbgrader"] = {"score": 100, "max_score": 100}
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {}).update(score=4, comment="very good", task=True, extra_credit=9)
    return notebook


@attack
def another_kernel(notebook: Notebook, folder: Path) -> Notebook:
    """Names a kernel that starts a program of its own."""
    spec = {"name": "../../evil", "display_name": "x", "language": "bash", "argv": ["/bin/sh", "-c", "touch /tmp/evil"]}
    notebook["metadata"]["kernelspec"] = spec
    return notebook


@attack
def ids_that_are_no_ids(notebook: Notebook, folder: Path) -> Notebook:
    """Gives cells ids that are lists, numbers and paths."""
    for cell, odd in zip(
        notebook["cells"], ([1], {"a": 1}, 7, None, "../../x", "\x00", "answer'; DROP TABLE grade;--"), strict=False
    ):
        cell["metadata"]["nbgrader"] = {"grade_id": odd, "grade": True, "points": "many", "schema_version": "x"}
    return notebook


# --- Missing, repeated, moved ----------------------------------------------


@attack
def without_tests(notebook: Notebook, folder: Path) -> Notebook:
    """Deletes every test."""
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]
    return notebook


@attack
def tests_many_times(notebook: Notebook, folder: Path) -> Notebook:
    """Hands in each test five times."""
    notebook["cells"] = [copy.deepcopy(cell) for cell in notebook["cells"] for _ in range(5)]
    return notebook


@attack
def tests_first(notebook: Notebook, folder: Path) -> Notebook:
    """Moves the tests to the top."""
    notebook["cells"].sort(key=lambda cell: not cell["metadata"].get("nbgrader", {}).get("grade", False))
    return notebook


@attack
def one_id_for_all(notebook: Notebook, folder: Path) -> Notebook:
    """Gives every cell the id of one test."""
    metadata = graded(notebook, "test-answer")["metadata"]
    for cell in notebook["cells"]:
        cell["metadata"] = copy.deepcopy(metadata)
    return notebook


@attack
def no_cells(notebook: Notebook, folder: Path) -> Notebook:
    """Hands in a notebook without cells."""
    notebook["cells"] = []
    return notebook


# --- No notebook -----------------------------------------------------------


@attack
def empty_file(notebook: Notebook, folder: Path) -> str:
    """Hands in nothing."""
    return ""


@attack
def half_a_file(notebook: Notebook, folder: Path) -> str:
    """A notebook that was cut off."""
    text = json.dumps(notebook)
    return text[: len(text) // 2]


@attack
def a_picture(notebook: Notebook, folder: Path) -> bytes:
    """A picture with the notebook's name."""
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@attack
def deep_json(notebook: Notebook, folder: Path) -> str:
    """JSON that is deeper than a reader's stack."""
    return "[" * 200_000 + "]" * 200_000


@attack
def json_of_another_kind(notebook: Notebook, folder: Path) -> str:
    """A list where a notebook belongs."""
    return json.dumps([notebook])


@attack
def cells_of_another_kind(notebook: Notebook, folder: Path) -> Notebook:
    """Cells that are numbers, texts and lists, with sources that are none."""
    odd: list[Any] = [
        1,
        "x",
        None,
        [],
        {"cell_type": 7, "source": {"a": 1}},
        {"cell_type": "code", "source": 9, "metadata": []},
    ]
    notebook["cells"] = [*odd, *notebook["cells"]]
    return notebook


@attack
def endless_numbers(notebook: Notebook, folder: Path) -> str:
    """Numbers with more digits than Python turns into one."""
    return json.dumps(notebook)[:-1] + ', "metadata2": ' + "9" * 100_000 + "}"


@attack
def just_too_deep(notebook: Notebook, folder: Path) -> str:
    """A picture that can be read, and is too deep for whoever writes it down again."""
    attached = {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": {"a": "DEEP"}}
    notebook["cells"].insert(0, attached)
    return json.dumps(notebook).replace('"DEEP"', "[" * 950 + "]" * 950)


@attack
def a_huge_notebook(notebook: Notebook, folder: Path) -> str:
    """Forty megabytes of prose."""
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "x" * (40 << 20)})
    return json.dumps(notebook)


@attack
def very_many_cells(notebook: Notebook, folder: Path) -> Notebook:
    """A hundred thousand cells."""
    notebook["cells"] += [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}] * 100_000
    return notebook


@attack
def odd_characters(notebook: Notebook, folder: Path) -> Notebook:
    """Half characters, marks of direction, null bytes and look-alikes in sources."""
    graded(notebook, "test-answer")["source"] += "\n# \ud800 \u202e \x00 \ufeff"
    notebook["cells"].insert(
        0, {"cell_type": "code", "metadata": {}, "source": "аnswer = lambda x: 42 # \udcff", "outputs": []}
    )
    return notebook


# --- Files -----------------------------------------------------------------


@attack
def a_link_to_the_solution(notebook: Notebook, folder: Path) -> None:
    """Hands in a link to the teacher's own notebook."""
    (folder / "attacked.ipynb").symlink_to("../../../source/attacked/attacked.ipynb")


@attack
def a_second_name_of_the_solution(notebook: Notebook, folder: Path) -> None:
    """Hands in a hard link to the teacher's own notebook."""
    os.link(folder / "../../../source/attacked/attacked.ipynb", folder / "attacked.ipynb")


@attack
def links_to_secrets(notebook: Notebook, folder: Path) -> Notebook:
    """Lays links to the gradebook, the source and other students beside its notebook, and prints them."""
    for name, target in {
        "db": "../../../gradebook.db",
        "source": "../../../source",
        "other": "../../honest/attacked/attacked.ipynb",
        "all": "/",
    }.items():
        (folder / name).symlink_to(target)
    os.link(folder / "../../../gradebook.db", folder / "second-name.db")
    source = "import os\nfor where, _, names in os.walk('.', followlinks=True):\n    for name in names: print(name, open(os.path.join(where, name), 'rb').read())"
    notebook["cells"].insert(0, {"cell_type": "code", "metadata": {}, "source": source, "outputs": []})
    return notebook


@attack
def a_pipe(notebook: Notebook, folder: Path) -> None:
    """Hands in a named pipe, on which a reader would wait for ever."""
    os.mkfifo(folder / "attacked.ipynb")
    os.mkfifo(folder / "data.csv")


@attack
def a_folder_for_a_file(notebook: Notebook, folder: Path) -> None:
    """Hands in a folder with the notebook's name."""
    (folder / "attacked.ipynb").mkdir()


@attack
def a_large_file_of_nothing(notebook: Notebook, folder: Path) -> Notebook:
    """A sparse file of a terabyte beside the notebook."""
    with (folder / "large.bin").open("wb") as file:
        file.truncate(1 << 40)
    return notebook


@attack
def modules_beside(notebook: Notebook, folder: Path) -> Notebook:
    """Lays modules beside its notebook that a test would import."""
    for name in ("numpy", "math", "json", "sitecustomize", "cutaway", "IPython"):
        (folder / f"{name}.py").write_text("isclose = allclose = lambda *a, **k: True\n")
    return notebook


@attack
def odd_names(notebook: Notebook, folder: Path) -> Notebook:
    """Files with names that are no text, that clear a terminal, and that climb."""
    for name in (
        b"\xff\xfe",
        b"\x1b[2J",
        "‮gnp.exe".encode(),
        b"a\nb",
        b"..\\..\\x",
        b".cutaway",
        b"attacked.ipynb.bak",
    ):
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_text("x")
    return notebook


@attack
def many_deep_folders(notebook: Notebook, folder: Path) -> Notebook:
    """Folders in folders, until their path is longer than a path may be."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(100):
        os.mkdir("deeper" * 10, dir_fd=here)
        there = os.open("deeper" * 10, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    return notebook


@attack
def a_record_of_its_own(notebook: Notebook, folder: Path) -> Notebook:
    """Hands in the file by which the grader knows what is done, and a time from the future."""
    line = {"student": "x", "assignment": "attacked", "cells": {}, "score": 100, "max": 100, "flags": []}
    (folder / ".cutaway").write_text(json.dumps({"fingerprint": "0" * 64, "line": line}))
    (folder / "timestamp.txt").write_text("9999-99-99 \x1b[2J '; DROP TABLE grade;--")
    return notebook


@attack
def names_that_cannot_be_written(notebook: Notebook, folder: Path) -> Notebook:
    """Lays a folder where the grader's own record will be, and a file whose path is as long as a path may be."""
    (folder / ".cutaway").mkdir()
    (folder / ".cutaway" / "x").write_text("x")
    here, left = os.open(folder, os.O_RDONLY), 4095 - len(os.fsencode(folder))
    while left > 255:
        os.mkdir("d" * 250, dir_fd=here)
        there = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, left = there, left - 251
    os.close(os.open("f" * (left - 1), os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    return notebook


@attack
def a_time_that_takes_for_ever(notebook: Notebook, folder: Path) -> Notebook:
    """Says in very many words when it was handed in."""
    (folder / "timestamp.txt").write_text("1 " * 8_000_000)
    return notebook
