"""A class whose lab needs an engine is graded: right and wrong answers, an attack, and a grader that is killed."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from answers import answered, master, solution_of, wrong_answers
from engines import until
from machines import skip_without_machines

from cutaway.check.contract import Status
from cutaway.check.results import SIGN
from cutaway.grading import nbcourse
from cutaway.grading.nbcourse import Course
from cutaway.ground import course as ours
from cutaway.ground.guest import engine, workbench
from cutaway.linux import processes
from cutaway.linux.processes import Process

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("machine")]

LIFECYCLE, SURVIVE = "10-lifecycle", "11-survive"
WRONG = {
    LIFECYCLE: [
        ("task-1.says-more", "task-2.deaf", "task-3.begins-anew", "task-4.a-shell-before-it", "task-5.all-at-once"),
    ],
    SURVIVE: [
        ("task-1.published", "task-3.nobody-starts-it", "task-4.nowhere", "task-5.one-page"),
        ("task-2.elsewhere", "task-5.no-second-try"),
    ],
}
NAMES = {
    LIFECYCLE: {"CLIENT": "client(engine.url)", "FUNCTION": "start"},
    SURVIVE: {"CLIENT": "docker.engine.client()", "FUNCTION": "serve"},
}  # what stands in a notebook
COURSE = "from cutaway.grading.release import CONFIG\nget_config().merge(CONFIG)\n"

HOSTILE = """
import os, socket, subprocess
from pathlib import Path

def attempt(work):
    try:
        return work()
    except OSError:
        return None

def mounted(number):
    place = Path(f'/again{number}')
    place.mkdir()
    options = 'trans=virtio,version=9p2000.L'
    subprocess.run(['mount', '-t', '9p', '-o', options, f'lent{number}', str(place)], capture_output=True)
    return place

def everything(top):
    for folder, folders, files in os.walk(top):
        folders[:] = [each for each in folders if os.path.join(folder, each) not in ('/proc', '/sys', '/usr')
                      and each not in ('site-packages', 'overlay2')]
        yield from (os.path.join(folder, each) for each in files)

CLEAN = not Path('/root/left').exists() and 'left' not in str(CLIENT.images.list())
Path('/root/left').write_text('by the one before')
CLIENT.images.get('cutaway/base').tag('left')

LENT = [mounted(number) for number in range(8)]
WRITTEN = [str(each) for each in LENT if os.path.ismount(each) and attempt(lambda: (each / 'planted').touch() or True)]
SECRETS = ('LAB/checks.py', 'gradebook.db', 'LAB.ipynb', 'shadow')
FOUND = [path for path in everything('/') if path.endswith(SECRETS) and attempt(lambda: os.path.getsize(path))]
SEEN = [path for path in ('COURSE', 'ROOT/grading', 'ROOT/.git', 'BESIDE') if Path(path).exists()]
SEEN += [name for each in LENT for name in ('../BESIDE', '../../../BESIDE') if (each / name).exists()]
HOSTS = ('10.0.2.2', '10.0.2.3', '8.8.8.8')
OUT = [host for host in HOSTS for port in (22, 53, 80) if attempt(lambda: socket.create_connection((host, port), 1))]

def FUNCTION(*given):
    raise LookupError((os.getuid(), len(LENT), CLEAN, WRITTEN, FOUND, SEEN, OUT))
"""


@pytest.fixture(autouse=True)
def _programs() -> None:
    skip_without_machines()
    if missing := engine.missing(workbench.KIND):
        pytest.skip(f"needs {', '.join(missing)}")


def handed_in(folder: Path, lab: str, **pages: Any) -> Course:
    """A course in which these students have handed in these notebooks, or what was released to them."""
    shutil.copytree(ours.unit(lab).path.parent, folder / "source" / lab)
    (folder / "nbgrader_config.py").write_text(COURSE)
    course = Course(folder)
    stub = nbformat.read(nbcourse.release(course, lab) / f"{lab}.ipynb", as_version=4)
    for student, page in pages.items():
        place = folder / "submitted" / student / lab
        place.mkdir(parents=True)
        nbformat.write(page or stub, place / f"{lab}.ipynb")
    return course


def grading(course: Course, lab: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "cutaway", "grade", lab, "--course", str(course.folder), "--json"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def without_tries(page: Any) -> Any:
    """The notebook without the cells that only try an answer."""
    page.cells = [cell for cell in page.cells if cell.cell_type == "code" and not cell.id.startswith("look-")]
    return page


def hostile(lab: str, course: Path, beside: Path) -> str:
    """An answer to task 1 that looks round as root, and says what it has found; later tasks can lean on it."""
    source = HOSTILE
    words = {"COURSE": course, "ROOT": ours.root(), "BESIDE": beside, "LAB": lab, **NAMES[lab]}
    for word, place in words.items():
        source = source.replace(word, str(place))
    return solution_of(lab, "task-1") + source


def wrongly(lab: str) -> list[dict[str, str]]:
    """Wrong answers to several tasks, for one notebook after another."""
    sources = {each.name: (each.cell.replace("-", "_"), each.source) for each in wrong_answers(lab)}
    return [dict(sources[name] for name in names) for names in WRONG[lab]]


@pytest.mark.timeout(7200)
def test_right_answers_have_all_wrong_ones_are_caught_and_no_attack_finds_anything(tmp_path: Path) -> None:
    (wrong,) = wrongly(LIFECYCLE)
    attack = {"task_1": attacking(tmp_path, LIFECYCLE)}
    marks, pages = graded(
        tmp_path / "class",
        LIFECYCLE,
        ada=master(LIFECYCLE),
        bob=None,
        cem=without_tries(answered(master(LIFECYCLE), **wrong)),
        eve=without_tries(answered(master(LIFECYCLE), **attack, task_2="while True:\n    pass")),
        fay=without_tries(answered(master(LIFECYCLE), **attack)),
    )
    assert marks == {
        "ada": [3, 3, 4, 4, 5],
        "bob": [0, 0, 0, 0, 0],
        "cem": [2, 0, 1, 3, 1],
        "eve": [0, 0, 4, 4, 5],
        "fay": [0, 3, 4, 4, 5],
    }, pages
    says_who_caught(LIFECYCLE, pages["cem"])
    for student in ("eve", "fay"):
        assert "LookupError: (0, 8, True, [], [], [], [])" in pages[student]
    assert "cell task-2 ran for more than 60 s and was stopped" in pages["eve"]


@pytest.mark.timeout(7200)
def test_so_it_is_where_a_database_is_harmed_and_files_and_ports_are_shared(tmp_path: Path) -> None:
    first, second = wrongly(SURVIVE)
    attack = {"task_1": attacking(tmp_path, SURVIVE)}
    marks, pages = graded(
        tmp_path / "class",
        SURVIVE,
        ada=master(SURVIVE),
        bob=None,
        cem=without_tries(answered(master(SURVIVE), **first)),
        fay=without_tries(answered(master(SURVIVE), **attack, **second)),
    )
    assert marks == {
        "ada": [4, 4, 4, 3, 4],
        "bob": [0, 0, 0, 0, 0],
        "cem": [3, 4, 0, 0, 0],
        "fay": [0, 2, 4, 0, 2],
    }, pages
    says_who_caught(SURVIVE, pages["cem"], pages["fay"])
    assert "LookupError: (0, 8, True, [], [], [], [])" in pages["fay"]


def attacking(tmp_path: Path, lab: str) -> str:
    (beside := tmp_path / "beside").write_text("nobody else's")
    return hostile(lab, tmp_path / "class", beside)


def graded(folder: Path, lab: str, **pages: Any) -> tuple[dict[str, list[float]], dict[str, str]]:
    """The marks of each student's tasks, and what each reads."""
    course = handed_in(folder, lab, **pages)
    with grading(course, lab) as grader:
        said, beside_it = grader.communicate()
    assert grader.returncode == 0, beside_it
    assert "each was checked in a lab machine of its own" in beside_it
    lines = {line["student"]: line for line in map(json.loads, said.splitlines())}
    marks = {name: [cell["score"] for cell in line["cells"].values()] for name, line in lines.items()}
    return marks, feedback(course, lab)


def says_who_caught(lab: str, *pages: str) -> None:
    wrong = {each.name: each for each in wrong_answers(lab)}
    for names, page in zip(WRONG[lab], pages, strict=True):
        for name in names:
            assert f"{SIGN[Status.FAILED]} {wrong[name].caught_by} (0 of " in page


def feedback(course: Course, lab: str) -> dict[str, str]:
    """What each student reads."""
    argv = [sys.executable, "-m", "cutaway", "feedback", lab, "--course", str(course.folder)]
    subprocess.run(argv, check=True, capture_output=True)
    pages = (course.folder / "feedback").glob(f"*/{lab}/{lab}.html")
    return {page.parts[-3]: html.unescape(page.read_text()) for page in pages}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lab", [LIFECYCLE, SURVIVE])
def test_a_grader_that_is_killed_leaves_no_machine(lab: str, tmp_path: Path) -> None:
    waits = without_tries(answered(master(lab), task_1="import time\ntime.sleep(3600)"))
    with grading(handed_in(tmp_path / "class", lab, ada=waits), lab) as grader:
        machine = until(lambda: machine_below(grader.pid), "a machine runs the submission", 900)
        below = processes.descendants(grader.pid)
        os.kill(grader.pid, signal.SIGKILL)
        grader.communicate()
    until(lambda: not any(each.alive() for each in [machine, *below]), "all has ended with the grader", 60)


def machine_below(pid: int) -> Process | None:
    """The QEMU that goes on from a saved machine, below this process."""
    return next((each for each in processes.descendants(pid) if "-incoming" in processes.command(each.pid)), None)
