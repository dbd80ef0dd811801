"""The pages as a reader sees them: they open, every cell runs, nothing errs, and the contents know."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect
from screen import Screen

from cutaway.ground import course, progress

WRITTEN = [unit for unit in progress.units() if not unit.after]
LABS = [unit for unit in progress.units() if unit.after]
PROVED = ("00", "06")  # two lessons, and one lab below; all of them in the soak


def some(units: list[course.Unit], numbers: tuple[str, ...]) -> list[object]:
    """All of them, and those of other numbers for the soak alone."""
    return [pytest.param(unit, marks=[] if unit.number in numbers else [pytest.mark.soak]) for unit in units]


def test_the_first_page_leads_to_the_first_lesson(screen: Screen) -> None:
    screen.page.goto(screen.lab.url)
    expect(screen.page.get_by_role("heading", name="Cutaway")).to_be_visible()
    screen.until("() => [...document.images].every(image => image.complete && image.naturalWidth)")
    screen.whole_picture("contents")
    screen.page.get_by_role("link", name="Begin with").or_(screen.page.get_by_role("link", name="Go on with")).click()
    screen.until("() => window.jupyterapp.shell.currentWidget?.context?.path.endsWith('.ipynb')")
    screen.wait_for_kernel()


@pytest.mark.parametrize("unit", some(WRITTEN, PROVED), ids=lambda unit: unit.name)
def test_a_lesson_runs_from_the_top_and_the_contents_say_done(screen: Screen, unit: course.Unit) -> None:
    subprocess.run([sys.executable, "-m", "cutaway", "reset", unit.name], env=screen.lab.env, check=True)
    screen.open("notebooks/contents.md")
    row = screen.page.get_by_role("row").filter(has=screen.page.get_by_role("link", name=f"{unit.number} {unit.title}"))
    expect(row).to_contain_text("not yet")
    screen.open(progress.place(unit), reset=False)
    assert not any(cell.get("outputs") for cell in screen.cells()), "a page must not give away what its cells will say"
    screen.run_all()
    assert screen.errors() == []
    assert screen.page.locator("mjx-container").count() == 0, "a command with dollar signs is shown as a formula"
    screen.whole_picture(unit.name)
    screen.command("docmanager:save")
    screen.page.get_by_role("link", name="Contents", exact=True).first.click()
    expect(row).to_contain_text("done")


@pytest.mark.parametrize("unit", some(LABS, ("04",)), ids=lambda unit: unit.name)
def test_a_lab_opens_with_its_tasks_unsolved(screen: Screen, unit: course.Unit) -> None:
    screen.open(progress.place(unit))
    assert any("NotImplementedError" in cell["source"] for cell in screen.cells())
    screen.whole_picture(f"lab-{unit.name}")


def test_no_part_of_jupyterlab_that_is_not_for_readers_shows(screen: Screen) -> None:
    screen.page.goto(screen.lab.url)
    expect(screen.page.get_by_role("menuitem", name="File")).to_be_visible()
    assert screen.page.get_by_role("menuitem", name="Nbgrader").count() == 0
    assert screen.page.locator(".Toastify__toast").count() == 0
