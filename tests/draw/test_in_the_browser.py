"""The drawings and views as a browser shows them, in JupyterLab's own light and dark colours."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from cutaway.draw import Seen, View, diagram, here, legend
from cutaway.draw.diagrams import sources

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"
OVERFLOWING_TEXTS = """() => [...document.querySelectorAll('svg g.cluster, svg g.node')].flatMap(group => {
  const box = group.querySelector('path');
  if (!box) return [];
  const outer = box.getBoundingClientRect();
  return [...group.querySelectorAll('text')].filter(text => {
    const inner = text.getBoundingClientRect();
    return inner.left < outer.left || inner.right > outer.right || inner.top < outer.top || inner.bottom > outer.bottom;
  }).map(text => text.textContent);
})"""
CONTRASTS = """() => {
  const channels = color => color.match(/[0-9.]+/g).map(Number);
  const over = (color, below) => { const [r, g, b, a = 1] = channels(color);
    return [r, g, b].map((part, i) => part * a + below[i] * (1 - a)); };
  const luminance = rgb => rgb.map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = channels(getComputedStyle(document.querySelector('table')).backgroundColor);
  return [...document.querySelectorAll('caption, th, td, td span')].map(cell => {
    const [dark, light] = [over(getComputedStyle(cell).color, ground), ground].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def view() -> View:
    numbers = {"uts": 1, "pid": 2, "mnt": 3, "cgroup": 4}
    sees = {"uts": "laptop", "pid": ["1 systemd", "2 python"], "mnt": 28, "cgroup": "/user.slice/" + "a" * 200}
    return View(Seen(numbers, sees), Seen({**numbers, "uts": 11}, sees))


@pytest.mark.parametrize("name", [source.stem for source in sources()] + ["here", "legend"])
def test_every_text_stays_in_its_box(page, name):
    drawings = {"here": here, "legend": legend}
    drawing = drawings[name]() if name in drawings else diagram(name)
    page.set_content(drawing.svg)
    assert page.evaluate("document.querySelectorAll('svg text').length") > 3
    assert page.evaluate(OVERFLOWING_TEXTS) == []


@pytest.mark.parametrize("form", ["image/svg+xml", "text/html", "view"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page, form):
    forms = diagram("06-namespaces")._repr_mimebundle_() | {"view": view().html}
    page.set_viewport_size({"width": 360, "height": 640})
    page.set_content(f'<!doctype html><meta name="viewport" content="width=device-width">{forms[form]}')
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("theme", ["light", "dark", "dark-high-contrast"])
def test_a_view_is_legible_in_every_theme_of_jupyterlab(page, theme):
    style = (THEMES / f"theme-{theme}-extension" / "index.css").read_text()
    page.set_content(f"<!doctype html><style>{style}</style><body>{view().html}</body>")
    assert min(page.evaluate(CONTRASTS)) >= 4.5


def test_a_view_is_legible_where_there_is_no_jupyterlab(page):
    page.set_content(f"<!doctype html><body style='background: black'>{view().html}</body>")
    assert min(page.evaluate(CONTRASTS)) >= 4.5


@pytest.mark.parametrize("form", ["image/svg+xml", "text/html"])
def test_a_screen_reader_is_told_what_a_drawing_shows(page, form):
    drawing = diagram("06-pod")
    page.set_content(drawing._repr_mimebundle_()[form])
    assert page.get_by_role("img", name=drawing.title).count() == 1
    assert page.get_by_role("img", name="process visitor, process 1").count() == 1


def test_a_hostile_host_name_runs_nothing(page):
    alarms = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    seen = Seen({"uts": 1}, {"uts": "<script>alert(1)</script><img src=x onerror=alert(2)>"})
    page.set_content(View(seen, seen).html)
    assert page.get_by_text("<script>alert(1)").count() == 2
    assert page.evaluate("document.querySelectorAll('img, script').length") == 0
    assert alarms == []
