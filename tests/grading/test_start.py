"""What a grading command loads, and that what is not done again would have come to the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from cutaway.grading import cells

LEFT_OUT = """
import sys
from cutaway.grading import unstarted
unstarted.leave_out()
from cutaway.grading import batch
left_out = ("tornado.web", "tornado.escape", "nbconvert", "requests", "setuptools", "arrow", "jsonschema")
print([name for name in left_out if name in sys.modules])
from nbgrader.utils import unpack_archive
try:
    unpack_archive("/etc/passwd", ".")
except Exception as error:
    print(type(error).__name__)
import nbformat
print(nbformat.v4.new_notebook().nbformat, "jsonschema" in sys.modules)
try:
    nbformat.validate({"nbformat": 4, "nbformat_minor": 4, "metadata": 3, "cells": []})
except nbformat.ValidationError as error:
    print(error.message)
"""

COLOURED = """
import io
from contextlib import redirect_stdout
from pygments import formatters, highlight, lexers
from cutaway.grading import colours
from cutaway.grading.cells import Recorder
CELLS = ["def f(x):\\n    return x + a\\nf(3)", "1 +", "try:\\n    1 / 0\\nexcept ArithmeticError as e:\\n    raise KeyError('x') from e",
         "class A:\\n    @property\\n    def b(self): return self.c\\nassert A().b == '''1\\n2'''"]
def shown():
    said, recorder = io.StringIO(), Recorder()
    with redirect_stdout(said):
        recorder._emit = lambda output: print(output["traceback"])
        for cell in CELLS:
            recorder.shell.execution_count = 1
            recorder.run(cell)
        for name in ("python", "ipython3", "html"):
            for form in ("terminal256", "terminal16m"):
                print(highlight("def f(x): # <b>1</b>", lexers.get_lexer_by_name(name), formatters.get_formatter_by_name(form)))
    return said.getvalue()
plain = shown()
colours.remember()
first, again = shown(), shown()
print(plain == first == again, len(plain) > 2000, plain.count("KeyError"))
"""  # noqa: E501


def told(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_a_grading_command_loads_no_server_and_no_exporter_and_what_is_put_off_still_works() -> None:
    assert told(LEFT_OUT) == ["[]", "UnrecognizedFormat", "4 True", "3 is not of type 'object'"]


def test_the_course_alone_can_be_loaded_first_as_export_and_report_do() -> None:
    program = "import sys\nfrom cutaway.grading import unstarted\nunstarted.leave_out()\nfrom cutaway.grading import "
    assert told(f"{program}nbcourse\nprint('tornado.web' in sys.modules)") == ["False"]


def test_tracebacks_keep_every_byte_when_their_colours_are_remembered() -> None:
    assert told(COLOURED) == ["True True 3"]


SOURCES = [
    "x = 1\nx % 2",
    "a = %time 1",
    "a = b = !ls",
    "%%time\nx",
    "%matplotlib inline\nx = 1",
    "!ls\n1",
    "x?",
    "x??\ny",
    "def f():\n    !ls\n    return 1",
    '"""\n%not magic\n!neither\nx?\n"""',
    "print(\n    7\n    % 2\n)",
    "x = 7 \\\n  % 2",
    r"'\d'",
    "\n\n  x = 1\n  y = 2",
    ">>> x = 1\n... ",
    "In [1]: x = 1\n   ...: y",
    "/f 1 2",
    ",f a b",
    ";f a b",
    "if True:\n    x\n  y",
    "x = (1",
    'x = """1',
    "await x",
    "f'{x!r} {y=!s}'",
    "return 1",
    "x\x0c%y",
    "\x00",
    "0777",
]


def transformed(work: Callable[[str], str], source: str) -> str:
    try:
        return work(source)
    except SyntaxError as error:
        return repr(error)


@pytest.mark.parametrize("source", SOURCES)
def test_a_cell_that_is_not_taken_apart_would_have_been_left_as_it_is(source: str) -> None:
    ours, theirs = (each().transform_cell for each in (cells._Transformers, TransformerManager))
    assert transformed(ours, source) == transformed(theirs, source)
