"""What the reader changed is never overwritten, and what nobody changed follows the course."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import small_course

from cutaway.cli import contents, handouts
from cutaway.ground import course as courses
from cutaway.ground import work as works
from cutaway.ground.work import BOOK, Damaged, Handout, Outcome, Work
from cutaway.problem import Problem

LESSON = "notebooks/06-namespaces.ipynb"


def hand_out(work: Work) -> dict[str, Outcome]:
    with work.changing() as book:
        return {each.place: work.give(each, book) for name in ("00", "06") for each in handouts.of(courses.unit(name))}


def test_a_lesson_is_handed_out_without_what_its_cells_will_say(work: Work, course: Path) -> None:
    hand_out(work)
    given = json.loads((work.path / LESSON).read_text())
    code = [cell for cell in given["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * 4
    assert [cell["execution_count"] for cell in code] == [None] * 4
    assert "said by" in (course / LESSON).read_text(), "the course's own page must keep its outputs"


def test_a_lesson_starts_the_kernel_of_this_environment(work: Work) -> None:
    hand_out(work)
    assert json.loads((work.path / LESSON).read_text())["metadata"]["kernelspec"]["name"] == "python3"


def test_pictures_come_along(work: Work) -> None:
    assert [each.place for each in handouts.pictures()] == ["diagrams/building.svg"]


def test_handing_out_twice_changes_nothing(work: Work) -> None:
    assert hand_out(work)[LESSON] is Outcome.GIVEN
    before = (work.path / LESSON).stat()
    assert hand_out(work)[LESSON] is Outcome.SAME
    assert (work.path / LESSON).stat() == before


def test_a_copy_that_nobody_touched_follows_the_course(work: Work, course: Path) -> None:
    hand_out(work)
    small_course.change(course / LESSON, source="print('second edition')")
    assert hand_out(work)[LESSON] is Outcome.UPDATED
    assert "second edition" in (work.path / LESSON).read_text()


def test_a_copy_that_jupyterlab_saved_without_a_change_is_untouched(work: Work, course: Path) -> None:
    hand_out(work)
    page = json.loads((work.path / LESSON).read_text())
    page["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    page["cells"][1]["source"] = [page["cells"][1]["source"]]
    (work.path / LESSON).write_text(json.dumps(page, indent=4))
    small_course.change(course / LESSON, source="print('second edition')")
    assert hand_out(work)[LESSON] is Outcome.UPDATED


@pytest.mark.parametrize(
    "mine",
    [{"source": "print('my own idea')"}, {"execution_count": 1, "outputs": [{"output_type": "stream", "text": "1"}]}],
    ids=["edited", "run"],
)
def test_a_copy_that_was_edited_or_run_is_kept_when_the_course_changes(
    work: Work, course: Path, mine: dict[str, object]
) -> None:
    hand_out(work)
    small_course.change(work.path / LESSON, **mine)
    before = (work.path / LESSON).read_bytes()
    assert hand_out(work)[LESSON] is Outcome.KEPT
    small_course.change(course / LESSON, source="print('second edition')")
    assert [hand_out(work)[LESSON] for _ in range(3)] == [Outcome.NEWER] * 3
    assert (work.path / LESSON).read_bytes() == before


def test_a_file_that_was_there_before_the_course_is_kept(work: Work) -> None:
    (work.path / LESSON).parent.mkdir(parents=True)
    (work.path / LESSON).write_text(json.dumps(small_course.notebook("My own", "print('mine')")))
    before = (work.path / LESSON).read_bytes()
    assert [hand_out(work)[LESSON] for _ in range(3)] == [Outcome.NEWER] * 3
    assert (work.path / LESSON).read_bytes() == before


def test_a_lesson_that_the_reader_deleted_is_given_again(work: Work) -> None:
    hand_out(work)
    (work.path / LESSON).unlink()
    assert hand_out(work)[LESSON] is Outcome.GIVEN


def test_a_page_in_which_only_the_reader_caught_up_is_no_longer_called_old(work: Work, course: Path) -> None:
    hand_out(work)
    small_course.change(work.path / LESSON, source="print('mine')")
    small_course.change(course / LESSON, source="print('second edition')")
    assert hand_out(work)[LESSON] is Outcome.NEWER
    small_course.change(work.path / LESSON, source="print('second edition')")
    assert hand_out(work)[LESSON] is Outcome.SAME
    assert work.book().given[LESSON].newer is None


# --- Putting back ----------------------------------------------------------


def put_back(work: Work, name: str = "06") -> list[Path | None]:
    with work.changing() as book:
        return [work.put_back(each, book) for each in handouts.of(courses.unit(name))]


def test_putting_back_keeps_every_version_under_a_name_of_its_own(work: Work) -> None:
    hand_out(work)
    given, kept = (work.path / LESSON).read_bytes(), []
    for idea in ("first", "second", "third"):
        small_course.change(work.path / LESSON, source=f"print({idea!r})")
        kept += put_back(work)
        assert (work.path / LESSON).read_bytes() == given
    assert len(set(kept)) == 3
    for idea, path in zip(("first", "second", "third"), kept, strict=True):
        assert path is not None
        assert idea in path.read_text()


def test_putting_back_what_was_not_changed_keeps_nothing_aside(work: Work) -> None:
    hand_out(work)
    assert put_back(work) == [None]
    assert len(list((work.path / "notebooks").iterdir())) == 2


def test_a_damaged_page_is_named_and_put_back(work: Work) -> None:
    hand_out(work)
    (work.path / LESSON).write_text('{"cells": [\n{"cell_type": "code",')
    with pytest.raises(
        Damaged, match=r"reading your notebooks/06-namespaces.ipynb: it is not valid JSON at line 2; `cutaway reset"
    ):
        hand_out(work)
    (kept,) = put_back(work)
    assert kept is not None
    assert kept.read_text().startswith('{"cells": [')
    assert hand_out(work)[LESSON] is Outcome.SAME


@pytest.mark.parametrize(
    "content", ["[]", "null", "{}", '{"cells": 3}', '{"cells": [{"source": "x"}]}', '{"cells": ["x"]}']
)
def test_json_that_is_no_notebook_is_damaged(work: Work, content: str) -> None:
    with pytest.raises(Damaged, match="it is not a notebook"):
        works.digest(LESSON, content.encode())


def test_a_page_that_became_a_folder_is_named_and_put_back(work: Work) -> None:
    hand_out(work)
    (work.path / LESSON).unlink()
    (work.path / LESSON / "inside").mkdir(parents=True)
    with pytest.raises(Damaged, match="it is a folder; `cutaway reset 06-namespaces`"):
        hand_out(work)
    (kept,) = put_back(work)
    assert kept is not None
    assert (kept / "inside").is_dir()


# --- The folder ------------------------------------------------------------


def test_the_folder_is_in_the_home_unless_it_is_named(
    home: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert works.folder() == home / "cutaway"
    monkeypatch.setenv("CUTAWAY_FOLDER", "~/elsewhere")
    assert works.folder() == home / "elsewhere"


def test_a_checkout_that_lies_at_the_usual_place_gets_a_folder_beside_it(
    home: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(course, home / "cutaway")
    monkeypatch.setenv("CUTAWAY_COURSE", str(home / "cutaway"))
    assert works.folder() == home / "my-cutaway"


@pytest.mark.parametrize("inside", [".", "notebooks", "labs/mine", "../home/link"])
def test_a_folder_inside_the_course_is_refused(
    home: Path, course: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    (home / "link").symlink_to(course / "notebooks")
    monkeypatch.setenv("CUTAWAY_FOLDER", str(course / inside))
    with pytest.raises(Problem, match=r"inside the course itself, .*; choose a folder outside with --folder"):
        works.folder()


def test_a_link_back_into_the_course_is_not_followed(work: Work, course: Path) -> None:
    work.path.mkdir()
    (work.path / "notebooks").symlink_to(course / "notebooks")
    with work.changing() as book, pytest.raises(Problem, match="leads back into the course itself; remove that link"):
        work.give(Handout("notebooks/new.svg", b"<svg/>"), book)
    assert not (course / "notebooks" / "new.svg").exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"given": 3, "checks": {}}', '{"given": {"a": {"b": 1}}, "checks": {}}']
)
def test_a_damaged_book_is_named_and_nothing_is_touched(work: Work, content: str) -> None:
    hand_out(work)
    small_course.change(work.path / LESSON, source="print('mine')")
    before = (work.path / LESSON).read_bytes()
    (work.path / BOOK).write_text(content)
    with pytest.raises(Problem, match=r"this record of what you were given is damaged; move it away with `mv "):
        hand_out(work)
    assert (work.path / BOOK).read_text() == content
    (work.path / BOOK).rename(work.path / "away.json")
    assert hand_out(work)[LESSON] is Outcome.NEWER
    assert (work.path / LESSON).read_bytes() == before


# --- The real course -------------------------------------------------------


@pytest.mark.slow
def test_every_link_of_the_real_course_leads_somewhere_in_the_readers_folder(home: Path) -> None:
    work = Work(home / "cutaway")
    with work.changing() as book:
        places = [each.place for each in handouts.everything() if work.give(each, book)]
    contents.write(work)
    pages = [place for place in places if place.endswith(".ipynb")]
    broken = [
        f"{page}: {link}"
        for page in pages
        for link in links(work, page)
        if not (work.path / page).parent.joinpath(link).exists()
    ]
    assert pages
    assert broken == []


def links(work: Work, place: str) -> list[str]:
    """Every relative link and picture in a page's prose, without fragment."""
    prose = [
        "".join(cell["source"]) for cell in works.cells(place, work.read(place)) if cell["cell_type"] == "markdown"
    ]
    found = re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose))
    return [link.split("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


@pytest.mark.slow
def test_every_page_of_the_real_course_starts_this_environments_kernel(home: Path) -> None:
    pages = [each for each in handouts.everything() if each.place.endswith(".ipynb")]
    assert {json.loads(page.content)["metadata"]["kernelspec"]["name"] for page in pages} == {"python3"}
