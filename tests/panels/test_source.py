"""A page shows the code that runs, not a copy of it."""

from __future__ import annotations

from cutaway.panels import Source


def once(text: str) -> str:
    """Say it."""
    return text


def test_the_source_of_a_function_is_what_its_file_says() -> None:
    assert repr(Source(once)) == 'def once(text: str) -> str:\n    """Say it."""\n    return text'


def test_a_method_is_shown_without_the_indentation_of_its_class() -> None:
    assert repr(Source(Source.__repr__)).startswith("def __repr__(self) -> str:\n    return")


def test_in_a_notebook_it_is_shown_as_python() -> None:
    assert Source(once)._repr_markdown_().startswith("```python\ndef once(")


def test_several_functions_stand_one_after_the_other() -> None:
    both = repr(Source(once, Source.__repr__))
    assert both.index("def once") < both.index("def __repr__")


def test_a_long_source_can_stand_behind_a_line_of_text() -> None:
    folded = Source(once, folded="To read more")._repr_markdown_()
    assert folded.startswith("<details><summary>To read more</summary>\n\n```python\ndef once(")
    assert folded.endswith("```\n\n</details>")
