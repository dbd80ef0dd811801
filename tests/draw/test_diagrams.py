import importlib.util
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cutaway.draw import diagram
from cutaway.draw.diagrams import folder, sources
from cutaway.ground import course
from cutaway.problem import Problem

SPEC = importlib.util.spec_from_file_location("render_tool", Path(__file__).parents[2] / "tools" / "render.py")
render = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(render)


@pytest.fixture
def copied_course(tmp_path, monkeypatch):
    """A course whose diagrams a test may spoil."""
    shutil.copytree(folder(), tmp_path / "diagrams", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "notebooks").mkdir()
    shutil.copy(course.root() / course.CONTENTS, tmp_path / course.CONTENTS)
    monkeypatch.setenv("CUTAWAY_COURSE", str(tmp_path))
    return tmp_path / "diagrams"


def test_every_picture_is_what_its_source_says():
    assert render.out_of_date() == []


def test_every_diagram_has_a_title_and_a_caption_in_full_sentences():
    for source in sources():
        drawn = diagram(source.stem)
        assert drawn.title
        assert re.fullmatch(r"[A-Z].{40,}\.", drawn.description), source.name


def test_every_kept_picture_is_wellformed_and_names_no_place_of_a_machine():
    for source in sources():
        picture = source.with_suffix(".svg").read_text()
        ElementTree.fromstring(picture)
        assert not re.findall(r"/(?:home|root|work|tmp|usr)\b", picture)
        assert re.fullmatch(r"<!-- Graphviz [0-9.]+, .+ -->", picture.splitlines()[-1])


def test_a_changed_source_makes_its_picture_out_of_date(copied_course):
    source = copied_course / "06-pod.py"
    source.write_text(source.read_text().replace('"visitor"', '"queue"'))
    assert render.out_of_date() == ["06-pod.svg is not what 06-pod.py says"]


def test_a_picture_from_another_graphviz_is_compared_by_its_words(copied_course):
    picture = copied_course / "06-pod.svg"
    moved = picture.read_text().replace('x="', 'x="1').replace("Graphviz", "Graphviz 99 beside")
    picture.write_text(moved)
    assert render.out_of_date() == []
    picture.write_text(moved.replace(">visitor<", ">queue<"))
    assert render.out_of_date() == ["06-pod.svg is not what 06-pod.py says"]


def test_a_moved_text_is_noticed_where_graphviz_is_the_same(copied_course):
    picture = copied_course / "06-pod.svg"
    if picture.read_text().splitlines()[-1] != f"<!-- {render.painter()} -->":
        pytest.skip(f"needs the painter of the kept pictures; this is {render.painter()}")
    picture.write_text(picture.read_text().replace('x="', 'x="1', 1))
    assert render.out_of_date() == ["06-pod.svg is not what 06-pod.py says"]


def test_a_source_or_a_picture_that_stands_alone_is_named(copied_course):
    (copied_course / "06-pod.py").unlink()
    (copied_course / "building.svg").unlink()
    assert render.out_of_date() == ["06-pod.svg has no source", "building.py has no picture"]


def test_rendering_writes_what_the_check_accepts(copied_course, monkeypatch, capsys):
    for picture in copied_course.glob("*.svg"):
        picture.unlink()
    monkeypatch.setattr("sys.argv", ["render.py"])
    assert render.main() == 0
    monkeypatch.setattr("sys.argv", ["render.py", "--check"])
    assert render.main() == 0
    (copied_course / "06-pod.svg").write_text("<svg/>")
    assert render.main() == 1
    assert "06-pod.svg is not what 06-pod.py says" in capsys.readouterr().out


def test_an_unknown_diagram_is_refused_with_those_there_are():
    with pytest.raises(Problem, match=r"loading the diagram 'nonsense': .*there are 00-start-here, "):
        diagram("nonsense")
