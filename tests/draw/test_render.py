import os
import re
from base64 import b64decode
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cutaway.draw import LAYERS, Arrow, Drawing, container, hardware, kernel, legend, private, process, render, shared
from cutaway.draw.render import PANEL, SOFT_TEXT, TEXT
from cutaway.ground import programs
from cutaway.problem import Problem

SVG = "{http://www.w3.org/2000/svg}"
EVIL = ["<script>alert(1)</script>", "&lt;", "quotes \" and '", "]]>", "\\N \\G \\l", "%s {0} $HOME", "a > b", "--"]


def drawing(*names: str) -> Drawing:
    boxes = [private(container(name, process(name, name))) for name in names]
    return Drawing(hardware(shared(kernel(*boxes))), title=" ".join(names), description=f"Boxes: {names}.")


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, 1.4.3: relative luminance and contrast ratio."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_picture_names_and_describes_itself_to_a_screen_reader():
    root = ElementTree.fromstring(drawing("web").svg)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "web"
    assert desc.text == drawing("web").words


def test_no_two_pictures_on_a_page_share_an_id():
    ids = [re.findall(r' id="([^"]+)"', drawing(name).svg) for name in ("one", "other")]
    assert len({*ids[0], *ids[1]}) == 4


def test_a_picture_is_never_wider_than_its_page():
    root = ElementTree.fromstring(drawing("web", "database").svg)
    assert root.get("width").isdigit()
    assert root.get("height").isdigit()
    assert "max-width: 100%" in root.get("style")
    assert root.get("viewBox").split()[2:] == [root.get("width"), root.get("height")]


def test_the_same_drawing_gives_the_same_bytes_and_names_no_place_of_this_machine():
    svg = drawing("web", "database").svg
    assert svg == drawing("web", "database").svg
    assert not [path for path in (str(Path.home()), str(Path.cwd()), "/tmp/") if path in svg]


@pytest.mark.parametrize("evil", EVIL)
def test_a_name_is_text_whatever_it_contains(evil):
    shown = texts(drawing(evil).svg)
    assert shown.count(evil) == 3
    assert "<script>" not in drawing(evil).svg


def test_sharing_is_told_by_a_word_and_by_the_line():
    svg = drawing("web").svg
    assert {"shared", "private"} <= set(texts(svg))
    assert "stroke-dasharray" in svg
    widths = {float(width) for width in re.findall(r'stroke-width="([0-9.]+)"', svg)}
    assert len(widths) == 2


def test_every_text_is_legible_on_its_box():
    for layer in LAYERS.values():
        assert min(contrast(ink, layer.fill) for ink in (layer.ink, TEXT, SOFT_TEXT)) >= 4.5, layer
    assert contrast(TEXT, PANEL) >= 4.5


def test_no_two_kinds_have_one_colour():
    assert (
        len({layer.fill for layer in LAYERS.values()}) == len({layer.ink for layer in LAYERS.values()}) == len(LAYERS)
    )


def test_an_arrow_carries_its_word_and_has_one_head():
    one, other = process("one"), process("other")
    for whole, arrow in (
        (kernel(one, other), Arrow(one, "port 80", other)),
        (kernel(one), Arrow(one, "system call", kernel(one))),
    ):
        svg = Drawing(whole, title="t", description="d", arrows=[arrow]).svg
        assert arrow.word in texts(svg)
        assert svg.count("<polygon") == 1


def test_jupyter_is_given_the_picture_and_the_edges():
    bundle = drawing("web")._repr_mimebundle_()
    assert bundle["text/plain"] == repr(drawing("web"))
    assert bundle["image/svg+xml"].startswith("<svg ")


def test_on_a_page_a_picture_has_the_drawing_in_words_as_its_alternative_text():
    evil = drawing('"><script>alert(1)</script>')
    html = evil._repr_mimebundle_()["text/html"]
    assert html.count("<") == 1
    found = re.fullmatch(r'<img alt="([^"]+)" style="[^"]+" src="data:image/svg\+xml;base64,([^"]+)">', html)
    assert unescape(found[1]) == f"{evil.title}. {evil.words}"
    assert b64decode(found[2]).decode() == evil.svg


def test_without_graphviz_the_edges_remain_and_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    bundle = drawing("web")._repr_mimebundle_()
    remedy = programs.remedy("graphviz")
    assert bundle == {"text/plain": f"{drawing('web')!r}\n(painting a drawing: Graphviz's `dot` is not here; {remedy})"}


def test_without_the_python_package_nobody_is_sent_to_install_graphviz(monkeypatch):
    monkeypatch.setattr(render, "find_spec", lambda _: None)
    with pytest.raises(Problem, match="the Python package graphviz is not here; set up anew with `make lab`"):
        _ = drawing("web").svg


def test_a_graphviz_that_hangs_is_given_up(tmp_path, monkeypatch):
    slow = tmp_path / "dot"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin:/bin")
    monkeypatch.setattr(render, "PATIENCE_S", 0.2)
    with pytest.raises(Problem, match=r"`dot` had not ended after 0\.2 s; try again"):
        _ = drawing("web").svg


def test_a_graphviz_that_fails_is_quoted(tmp_path, monkeypatch):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho 'Error: no layout engine' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin:/bin")
    with pytest.raises(Problem, match="`dot` exited with 3: Error: no layout engine; where `dot -V` prints a version"):
        _ = drawing("web").svg


def test_the_legend_is_painted():
    assert set(texts(legend().svg)) >= {kind.value.upper() for kind in LAYERS}
