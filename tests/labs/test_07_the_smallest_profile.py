"""Lab 07: every right way passes, no cheat gains a point, and each learner has a service of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import master
from verdicts import of_cells, unmet

from cutaway.check.contract import Result, Status
from cutaway.check.learner import Learner
from cutaway.check.service import drawn

LAB = "07-the-smallest-profile"
Run = Callable[..., subprocess.CompletedProcess[str]]


def results(folder: Path, cells: list[str], task: int | None = None) -> list[Result]:
    """What the checks say of a notebook with these cells."""
    return of_cells(LAB, cells, folder, task)


# --- Three other ways than the solution's ----------------------------------

BY_COUNTING = r"""
import json, subprocess

def asked(argv):
    done = subprocess.run(["strace", "-c", "-f", "-U", "name", "-o", "/dev/fd/2", "--", *argv],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    table = done.stderr.split("----")[1:-1] or [done.stderr]
    return ["exit_group", *(word for word in "".join(table).split() if word.replace("_", "a").isalnum()
                            and not word.isdigit())]  # what never returns is not counted

def profile(names):
    rules = [{"names": [name], "action": "SCMP_ACT_ALLOW", "args": []} for name in names]
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": rules}

def smallest(works):
    return profile(list(dict.fromkeys(sum(map(asked, works), []))))

def one_signal(works, signal):
    wanted = smallest(works)
    for rule in wanted["syscalls"]:
        if rule["names"] == ["kill"]:
            rule["args"] = [{"index": 1, "value": 0xFFFFFFFF, "valueTwo": signal, "op": "SCMP_CMP_MASKED_EQ"}]
    return wanted

def finished(works, signal, never, path):
    wanted = one_signal(works, signal)
    wanted["syscalls"] += [{"names": [name], "action": "SCMP_ACT_KILL"} for name in never]
    json.dump(wanted, open(path, "w"))
"""

BY_FILES = r"""
import glob, json, pathlib, subprocess, tempfile

def asked(argv):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["strace", "-ff", "-o", folder + "/of", *argv], capture_output=True)
        lines = [line for path in glob.glob(folder + "/of.*") for line in open(path)]
    return sorted({line.partition("(")[0] for line in lines if line[0].isalpha()})

def profile(names):
    return {"syscalls": [{"action": "SCMP_ACT_ALLOW", "names": names}], "defaultAction": "SCMP_ACT_ERRNO"}

def smallest(works):
    found = set()
    for work in works:
        found.update(asked(work))
    return profile(list(found))

def one_signal(works, signal):
    wanted = smallest(works)
    names = wanted["syscalls"][0]["names"]
    below, above = [{"index": 1, "value": signal, "op": op} for op in ("SCMP_CMP_LT", "SCMP_CMP_GT")]
    names.remove("kill")
    return profile(names) | {"syscalls": [*wanted["syscalls"],
        {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [below]},
        {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [above]},
        {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": signal, "op": "SCMP_CMP_EQ"}]}]}

def finished(works, signal, never, path):
    wanted = one_signal(works, signal)
    wanted["syscalls"].insert(0, {"names": never, "action": "SCMP_ACT_KILL_PROCESS"})
    pathlib.Path(path).write_text(json.dumps(wanted))
"""

BY_TRYING = r"""
import json, re, subprocess
from cutaway.linux import limited, syscalls

def said(argv):
    done = subprocess.run(argv, capture_output=True)
    return done.returncode, done.stdout, done.stderr

def asked(argv):
    trace = subprocess.run(["strace", "--follow-forks", "--trace=all", "-o", "!cat >&2", *argv],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return list(set(re.findall(r"^(?:\d+ +)?([a-z_0-9]+)\(", trace, re.M)) & set(syscalls.native()))

def profile(names):
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}]}

def smallest(works):
    '''What was seen, and of that only what is missed when it is taken away.'''
    names = {name for work in works for name in asked(work)}
    for name in ("getppid", "uname", "rseq"):
        fewer = profile(sorted(names - {name}))
        if all(said(limited.command(work, profile=fewer)) == said(work) for work in works):
            names.discard(name)
    return profile(sorted(names))

def one_signal(works, signal):
    wanted = smallest(works)
    wanted["syscalls"][0]["names"].remove("kill")
    wanted["syscalls"] += [{"names": ["kill"], "action": "SCMP_ACT_ALLOW",
                            "args": [{"op": "SCMP_CMP_EQ", "index": 1, "value": signal}]}]
    return wanted

def finished(works, signal, never, path):
    text = json.dumps(one_signal(works, signal))
    rule = json.dumps({"names": never, "action": "SCMP_ACT_KILL_THREAD"})
    open(path, "w").write(text[:-2] + ", " + rule + "]}")
"""

WAYS = {"counting": BY_COUNTING, "a file for each process": BY_FILES, "taking away": BY_TRYING}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    assert unmet(results(tmp_path, [way])) == []


AS_NOBODY = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from answers import working_cells
from test_07_the_smallest_profile import LAB, Status, master, results
said = results(Path.home(), working_cells(master(LAB)))
print(json.dumps([each.name for each in said if each.status is not Status.PASSED]))
"""


@pytest.mark.slow
def test_an_ordinary_user_earns_every_point(as_ordinary_user: Run) -> None:
    done = as_ordinary_user("-c", AS_NOBODY, str(Path(__file__).parent), str(Path(__file__).parents[1]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


# --- Cheats ----------------------------------------------------------------

CHEATS = {
    "names every call there is": (
        1,
        "from cutaway.linux import syscalls\ndef asked(argv): return list(syscalls.native())",
    ),
    "names nothing": (1, "def asked(argv): return []"),
    "returns what is no list": (1, "def asked(argv): return 'execve'"),
    "allows nothing and calls it a profile": (2, "def profile(names): return {'syscalls': names}"),
    "returns what has no meaning": (2, "def profile(names): return {'defaultAction': 'NO', 'syscalls': []}"),
    "writes no file": (5, "def finished(works, signal, never, path): return json"),
}


@pytest.mark.parametrize(("task", "cheat"), CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(task: int, cheat: str, tmp_path: Path) -> None:
    said = results(tmp_path, [f"import json\n{cheat}"], task)
    assert sum(each.earned for each in said) == 0
    assert {each.status for each in said} <= {Status.FAILED, Status.NOT_REACHED}


def test_the_courses_own_trace_cannot_be_had_in_the_lab(tmp_path: Path) -> None:
    begin = next(cell.source for cell in master(LAB).cells if cell.id == "set-up")
    cells = [begin, "def asked(argv):\n    from cutaway.ground import trace\n    return trace"]
    (first, *_) = results(tmp_path, cells, 1)
    assert "it holds the answer of lab" in first.observed


# --- The service -----------------------------------------------------------


def test_each_learner_has_a_service_of_their_own_and_the_same_one_each_time(tmp_path: Path) -> None:
    names = [f"student-{number}" for number in range(30)]
    first, again = ([text_of(name, tmp_path) for name in names] for _ in range(2))
    assert first == again
    assert len(set(first)) > 25


def text_of(name: str, folder: Path) -> str:
    learner = Learner(LAB, name)
    service = drawn(learner.random("service"), learner.word, str(folder))
    return f"{service.text} {service.never}"


def test_a_service_does_its_work_again_and_again_and_leaves_nothing(tmp_path: Path) -> None:
    for seed in range(6):
        service = drawn(Learner(LAB, str(seed)).random("service"), "word", str(tmp_path))
        for work in service.works * 2:
            done = subprocess.run(work, capture_output=True, text=True)
            assert "word" in done.stdout + done.stderr
            assert (done.returncode == 0) == (work[-1] != "missing")
    assert [each.name for each in tmp_path.iterdir()] == ["service.sh"]
