"""Hold the lessons to the house style: check them, write their navigation, execute them.

    .venv/bin/python tools/notebooks.py check [NAME ...]
    .venv/bin/python tools/notebooks.py navigate [NAME ...]
    .venv/bin/python tools/notebooks.py execute NAME ...

A page is the executed notebook; nothing else stores it. Read in this order: the page, navigation, the rules
(each yields one sentence for each fault it sees), execution, the command line.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from cutaway.ground import course
from cutaway.problem import Problem

CELLS = range(25, 51)  # the whole page
SETUP_LINES = 6
CODE_LINES, CODE_LINES_MEDIAN = 24, 6  # of one code cell
CODE_WIDTH = 100  # characters that a page shows without scrolling
CODE_CELLS_IN_A_ROW = 2
WORDS_PER_CODE_LINE = (8, 20)
QUESTIONS = range(5, 9)
ENDINGS = ["## Recap", "## What we left out", "## Questions", "## Sources", "## Next"]
CELL_TIMEOUT_S = 120

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
VOLATILE, RAISES = "nbval-ignore-output", "raises-exception"
RECORDED = ("ground", "cgroup", "versions")
VERSIONS = ("ipykernel", "ipywidgets", "graphviz")  # what shapes an output; the cutaway package changes with the page


# --- The page --------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A lesson and the notebook that holds it."""

    unit: course.Unit
    notebook: NotebookNode

    @classmethod
    def read(cls, unit: course.Unit) -> Page:
        return cls(unit, nbformat.read(unit.path, as_version=4))

    @property
    def cells(self) -> list[NotebookNode]:
        return list(self.notebook.cells)

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def prose(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "markdown"]

    def write(self) -> None:
        """Replace the stored page in one step, so that an interrupted run leaves the old one whole."""
        new = self.unit.path.with_suffix(".new")
        nbformat.write(self.notebook, new)
        new.replace(self.unit.path)


def pages(names: tuple[str, ...] = ()) -> list[Page]:
    """The written lessons in reading order, or those named."""
    written = [unit for unit in course.lessons() if unit.written]
    chosen = [course.unit(name) for name in names] if names else written
    return [Page.read(unit) for unit in chosen]


def name_of(page: Page, cell: NotebookNode) -> str:
    return f"cell {page.cells.index(cell)} ({cell.get('id', 'no id')})"


def code_lines(cell: NotebookNode) -> int:
    return sum(1 for line in cell.source.splitlines() if line.strip())


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


# --- Navigation ------------------------------------------------------------

GENERATED = re.compile(r"<!-- navigation -->.*?<!-- end of navigation -->", re.DOTALL)


def navigation(unit: course.Unit) -> str:
    """The generated lines of a title cell: previous, contents, next; minutes and needs."""
    written = [each for each in course.lessons() if each.written]
    place = [each.name for each in written].index(unit.name)
    before = written[place - 1] if place else None
    after = written[place + 1] if place + 1 < len(written) else None
    way = [
        f"[← {before.number} {before.title}]({before.path.name})" if before else "",
        "[Contents](contents.md)",
        f"[{after.number} {after.title} →]({after.path.name})" if after else "",
    ]
    needs = ", ".join(unit.needs) or "nothing but this page"
    lines = [" · ".join(filter(None, way)), "", f"**{unit.minutes} minutes** · needs {needs}"]
    return "\n".join(["<!-- navigation -->", *lines, "<!-- end of navigation -->"])


def navigated(page: Page) -> str:
    """The title cell as it should be: the page's own words with the generated lines in their place."""
    source = page.cells[0].source
    generated = navigation(page.unit)
    if GENERATED.search(source):
        return GENERATED.sub(lambda _: generated, source)
    return f"{source.rstrip()}\n\n{generated}"


def contents_path() -> Path:
    return course.root() / "notebooks" / "contents.md"


def contents() -> str:
    """The page behind Contents where the course is read as files; a reader's own copy also shows how far they are."""
    lines = ["# Contents", "", "Made by `tools/notebooks.py navigate` from `contents.toml`."]
    for part, lessons in groupby(course.lessons(), lambda unit: unit.part):
        lines += ["", f"## {part}", "", "| | | minutes | needs |", "|--:|:--|--:|:--|"]
        for lesson in lessons:
            lines += [_row(unit) for unit in (lesson, *(lab for lab in course.labs() if lab.after == lesson.number))]
    return "\n".join([*lines, ""])


def _row(unit: course.Unit) -> str:
    place = os.path.relpath(unit.path, contents_path().parent)
    title = f"[{unit.title}]({place})" if unit.written else f"{unit.title} (not written yet)"
    return f"| {'lab ' if unit.after else ''}{unit.number} | {title} | {unit.minutes} | {', '.join(unit.needs)} |"


# --- The rules -------------------------------------------------------------

Rule = Callable[[Page], Iterator[str]]


def counts_run_from_one(page: Page) -> Iterator[str]:
    counts = [cell.execution_count for cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}; execute the page from the top, once"


def errors_are_announced(page: Page) -> Iterator[str]:
    for cell in page.code:
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and RAISES not in tags(cell):
            yield f"{name_of(page, cell)} stores an error; mend it, or tag it {RAISES} if the error is the lesson"
        if RAISES in tags(cell) and not failed:
            yield f"{name_of(page, cell)} is tagged {RAISES} and raised nothing"


def nothing_is_on_standard_error(page: Page) -> Iterator[str]:
    for cell in page.code:
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{name_of(page, cell)} stores text from standard error"


def ids_are_words(page: Page) -> Iterator[str]:
    """A generated id changes whenever a tool writes the cell anew; a chosen one stays."""
    seen: set[str] = set()
    for cell in page.cells:
        identity = cell.get("id", "")
        if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", identity) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", identity):
            yield f"{name_of(page, cell)}: give it an id of words, such as uts-experiment"
        if identity in seen:
            yield f"{name_of(page, cell)}: another cell has this id"
        seen.add(identity)


def cells_are_short(page: Page) -> Iterator[str]:
    if len(page.cells) not in CELLS:
        yield f"{len(page.cells)} cells; a page has {CELLS.start} to {CELLS.stop - 1}"
    for cell in page.code:
        if code_lines(cell) > CODE_LINES:
            yield f"{name_of(page, cell)} has {code_lines(cell)} lines of code; at most {CODE_LINES}"
        if any(len(line) > CODE_WIDTH for line in cell.source.splitlines()):
            yield f"{name_of(page, cell)} has a line of more than {CODE_WIDTH} characters"
    if page.code and median(map(code_lines, page.code)) > CODE_LINES_MEDIAN:
        yield f"half of the code cells have more than {CODE_LINES_MEDIAN} lines"


def code_is_explained(page: Page) -> Iterator[str]:
    words = sum(len(re.findall(r"\w[\w'’/.-]*", cell.source)) for cell in page.prose)
    ratio = words / max(1, sum(map(code_lines, page.code)))
    low, high = WORDS_PER_CODE_LINE
    if not low <= ratio <= high:
        yield f"{ratio:.1f} words of prose for each line of code; between {low} and {high}"


def code_cells_do_not_pile_up(page: Page) -> Iterator[str]:
    row = 0
    for cell in page.cells:
        row = row + 1 if cell.cell_type == "code" else 0
        if row == CODE_CELLS_IN_A_ROW + 1:
            yield f"{name_of(page, cell)} is the third code cell in a row; say in between what happened"


def one_cell_sets_up(page: Page) -> Iterator[str]:
    if not page.code:
        return
    setup, *rest = page.code
    if code_lines(setup) > SETUP_LINES:
        yield f"{name_of(page, setup)} sets up in {code_lines(setup)} lines; at most {SETUP_LINES}"
    if f'begin("{page.unit.name}")' not in setup.source:
        yield f'{name_of(page, setup)} does not say begin("{page.unit.name}")'
    for cell in rest:
        if re.search(r"^\s*(import|from)\s", cell.source, re.MULTILINE):
            yield f"{name_of(page, cell)} imports; the set-up cell does that"


def no_plumbing(page: Page) -> Iterator[str]:
    for cell in page.code:
        for found in re.findall(r"import \*|%%capture|^\s*[!%]\s*pip|sys\.path|^\s*class ", cell.source, re.MULTILINE):
            yield f"{name_of(page, cell)} has plumbing: {found.strip()}"
    for cell in page.prose:
        if "<style" in cell.source:
            yield f"{name_of(page, cell)} has a style sheet"


def the_frame_stands(page: Page) -> Iterator[str]:
    if len(page.cells) < 4 or not page.cells[0].source.startswith("# "):
        yield "the first cell has no title"
        return
    if "You will be able to" not in page.cells[1].source:
        yield f"{name_of(page, page.cells[1])} does not say what you will be able to do"
    headings = [line for cell in page.prose for line in cell.source.splitlines() if line.startswith("## ")]
    if headings[-len(ENDINGS) :] != ENDINGS:
        yield f"the page ends with {headings[-len(ENDINGS) :]}; it should be {ENDINGS}"
    asked = len(re.findall(r"^\d+\. ", _section(page, "## Questions"), re.MULTILINE))
    if asked not in QUESTIONS:
        yield f"{asked} questions; between {QUESTIONS.start} and {QUESTIONS.stop - 1}"


def _section(page: Page, heading: str) -> str:
    """The prose below a heading, as far as the next one."""
    text = "\n".join(cell.source for cell in page.prose)
    return text.partition(f"{heading}\n")[2].partition("\n## ")[0]


def navigation_is_current(page: Page) -> Iterator[str]:
    if page.cells and page.cells[0].source != navigated(page):
        yield "the navigation is not what contents.toml says; run `tools/notebooks.py navigate`"


def volatile_cells_are_asserted(page: Page) -> Iterator[str]:
    for cell, following in zip(page.code, [*page.code[1:], None], strict=True):
        if VOLATILE in tags(cell) and not (following and re.search(r"^\s*assert ", following.source, re.MULTILINE)):
            yield f"{name_of(page, cell)} is tagged {VOLATILE} and no cell after it asserts anything"


def no_widget_state(page: Page) -> Iterator[str]:
    if "widgets" in page.notebook.metadata:
        yield "the metadata holds widget state"
    for cell in page.code:
        if any(WIDGET_VIEW in output.get("data", {}) for output in cell.outputs):
            yield f"{name_of(page, cell)} stores a view of a widget that no longer exists"


def no_reader_is_stored(page: Page) -> Iterator[str]:
    for cell in page.code:
        if "You predicted" in json.dumps(cell.outputs):
            yield f"{name_of(page, cell)} stores a reader's prediction; remove .predictions.json and execute again"


def no_machine_paths(page: Page) -> Iterator[str]:
    here = "|".join(re.escape(str(path)) for path in (course.root(), Path.home()) if path != Path("/"))
    # not after a name or a closing bracket: /proc/1/root and /proc/{pid}/root are the same on every machine
    somewhere = re.compile(rf"(?<![\w.}}])(/home/\w+|/Users/\w+|/root/|{here})|site-packages|\.venv/")
    for cell in page.cells:
        found = somewhere.search(cell.source + json.dumps(cell.get("outputs", [])))
        if found:
            yield f"{name_of(page, cell)} names a path of one machine: {found.group()}"


def conditions_are_recorded(page: Page) -> Iterator[str]:
    recorded = page.notebook.metadata.get("cutaway", {})
    missing = [key for key in RECORDED if not recorded.get(key)]
    if missing:
        yield f"the metadata does not record {', '.join(missing)}; run `tools/notebooks.py execute {page.unit.name}`"


RULES: list[Rule] = [
    counts_run_from_one,
    errors_are_announced,
    nothing_is_on_standard_error,
    ids_are_words,
    cells_are_short,
    code_is_explained,
    code_cells_do_not_pile_up,
    one_cell_sets_up,
    no_plumbing,
    the_frame_stands,
    navigation_is_current,
    volatile_cells_are_asserted,
    no_widget_state,
    no_reader_is_stored,
    no_machine_paths,
    conditions_are_recorded,
]


def faults(page: Page) -> list[str]:
    """Every fault of a page, one sentence each; none for a page that may be committed."""
    return [sentence for rule in RULES for sentence in rule(page)]


# --- Execution -------------------------------------------------------------


def conditions(page: Page) -> dict[str, object]:
    """What an output may depend on: the ground that the page gets here, the cgroup mode, and versions."""
    from cutaway.ground import desktop, grounds

    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    versions["python"] = ".".join(platform.python_version_tuple()[:2])
    versions["util-linux"] = _util_linux()
    if "engine" in page.unit.needs:
        versions["engine"] = engine_kind()
    if "engine programs" in page.unit.needs:
        versions["engine"] = desktop.chosen()
    return {"ground": grounds.choose(page.unit.needs).value, "cgroup": cgroup_mode(), "versions": versions}


def differences(page: Page) -> list[str]:
    """What is otherwise here than where the page was executed; where anything is, outputs may differ as well."""
    recorded, here = page.notebook.metadata.get("cutaway", {}), conditions(page)
    return [
        f"{key}: executed with {recorded.get(key)}, here {here[key]}"
        for key in RECORDED
        if recorded.get(key) != here[key]
    ]


def cgroup_mode() -> str:
    """v2, v1, or both at once (hybrid), from what is mounted."""
    kinds = {line.split(" - ")[1].split()[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return {(True, False): "v2", (False, True): "v1", (True, True): "hybrid"}.get(
        ("cgroup2" in kinds, "cgroup" in kinds), "none"
    )


def engine_kind() -> str:
    """Docker or Podman: the one that answers here, or that would be started."""
    from cutaway.ground import engine as engines

    found = engines.find()
    return found.kind if found else next(iter(engines.startable()), "none")


def _util_linux() -> str:
    said = subprocess.run(["unshare", "--version"], capture_output=True, text=True, check=True).stdout
    return ".".join(said.split()[-1].split(".")[:2])


def execute(page: Page) -> None:
    """Run the page from the top in a fresh kernel and store what it printed, without the state of widgets."""
    client = NotebookClient(
        page.notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(page.unit.path.parent)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    for cell in page.code:
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET_VIEW, None)
    page.notebook.metadata.pop("widgets", None)
    page.notebook.metadata["cutaway"] = conditions(page)
    page.write()


# --- Outside ---------------------------------------------------------------


@click.group()
def main() -> None:
    """Check, navigate and execute the lessons."""


@main.command(name="check")
@click.argument("names", nargs=-1)
def _check(names: tuple[str, ...]) -> None:
    """Print every fault of the lessons; exit 1 if there is one."""
    found = [f"{page.unit.path.name}: {sentence}" for page in pages(names) for sentence in faults(page)]
    if not contents_path().exists() or contents_path().read_text() != contents():
        found.append("contents.md is not what contents.toml says; run `tools/notebooks.py navigate`")
    for line in found:
        click.echo(line)
    if found:
        sys.exit(1)
    click.echo(f"{len(pages(names))} lessons, no fault")


@main.command(name="navigate")
@click.argument("names", nargs=-1)
def _navigate(names: tuple[str, ...]) -> None:
    """Write contents.md, and the generated lines of each title cell, from contents.toml."""
    contents_path().write_text(contents())
    for page in pages(names):
        source = navigated(page)
        if page.cells[0].source != source:
            page.cells[0].source = source
            page.write()
            click.echo(f"{page.unit.path.name}: navigation written")


@main.command(name="execute")
@click.argument("names", nargs=-1, required=True)
def _execute(names: tuple[str, ...]) -> None:
    """Run lessons from the top and store their outputs."""
    for page in pages(names):
        try:
            execute(page)
        except CellExecutionError as failure:
            raise click.ClickException(f"{page.unit.path.name}: {failure}") from failure
        click.echo(f"{page.unit.path.name}: executed")


if __name__ == "__main__":
    try:
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        main()
    except Problem as problem:
        raise SystemExit(f"notebooks: {problem}") from None
