"""The modules that hold a lab's answer cannot be imported while the lab lasts; everything else can."""

import subprocess
import sys

import pytest


def python(code: str) -> str:
    """What a fresh Python prints that has begun to hide `cutaway.linux.enclosed`."""
    hide = "import cutaway.linux, cutaway.check.hiding as h; h.hide('04-isolate', ['cutaway.linux.enclosed'])"
    done = subprocess.run([sys.executable, "-I", "-c", f"{hide}\n{code}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import cutaway.linux.enclosed",
        "from cutaway.linux.enclosed import Enclosed",
        "from cutaway.linux import enclosed",
        "from cutaway.linux import Enclosed",
        "import cutaway.linux; cutaway.linux.Enclosed",
        "import importlib; importlib.import_module('cutaway.linux.enclosed')",
        "import cutaway.ground.experiment",
    ],
)
def test_what_is_hidden_says_why_it_cannot_be_imported(statement: str) -> None:
    said = python(f"try:\n    {statement}\nexcept ImportError as why:\n    print(why)")
    assert said.startswith("importing cutaway.linux")
    assert "it holds the answer of lab 04-isolate; " in said


def test_what_is_not_hidden_is_imported_as_ever() -> None:
    assert python("from cutaway.linux import Kind, join, unshare; from cutaway.linux import commands; print(Kind.UTS)")


def test_a_name_that_never_was_is_still_an_attribute_error() -> None:
    said = python(
        "import cutaway.linux\ntry:\n    cutaway.linux.nothing\nexcept AttributeError as why:\n    print(why)"
    )
    assert said == "module 'cutaway.linux' has no attribute 'nothing'"
