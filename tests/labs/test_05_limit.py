"""Lab 05: every right way passes, and no cheat gains a point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import verdicts
from answers import master, working_cells, wrong_answers
from ordinary import Run
from verdicts import of_cells, unmet

from cutaway.check.contract import Result

LAB = "05-limit"


def results(folder: Path, answers: str, task: int | None = None) -> list[Result]:
    """What the checks say of these functions, with what the notebook gives beside them."""
    given = [cell for cell in working_cells(master(LAB)) if "SOLUTION" not in cell]
    return of_cells(LAB, [*given, answers], folder, task)


# --- Three other ways than the solution's ----------------------------------

BY_PYTHON = '''
PROGRAM = """
import os, subprocess, sys
group, controllers, limits, *programs = sys.argv[1:]
top = "/sys/fs/cgroup"

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

def put(place, program):
    os.makedirs(place, exist_ok=True)
    enter = lambda: write(f"{place}/cgroup.procs", str(os.getpid()))
    subprocess.Popen([program], preexec_fn=enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

os.makedirs(f"{top}/{group}")
for controller in controllers.split():
    write(f"{top}/cgroup.subtree_control", f"+{controller}")
for limit in filter(None, limits.split(";")):
    file, _, value = limit.partition("=")
    write(f"{top}/{group}/{file}", value)
if len(programs) == 1:
    put(f"{top}/{group}", programs[0])
else:
    write(f"{top}/{group}/cgroup.subtree_control", "+cpu +memory")
    for name, program, weight in zip("ab", programs, programs[2:]):
        put(f"{top}/{group}/{name}", program)
        write(f"{top}/{group}/{name}/cpu.weight", weight)
"""

def put(computer, group, controllers, limits, *programs):
    argv = ["python3", "-I", "-S", "-c", PROGRAM, group, controllers, ";".join(limits), *programs]
    machine.named(computer).run(argv)

def agreed(memory_mib, processes="max", percent=None):
    time = [f"cpu.max={percent * 500} 50000"] if percent else []
    return [f"memory.max={memory_mib << 20}", "memory.oom.group=1", f"pids.max={processes}", *time]

def enclose(computer, group, program):
    put(computer, group, "", [], program)

def with_memory(computer, group, program, memory_mib):
    put(computer, group, "memory pids", agreed(memory_mib), program)

def with_processes(computer, group, program, memory_mib, processes):
    put(computer, group, "memory pids", agreed(memory_mib, processes), program)

def with_processor(computer, group, program, memory_mib, processes, percent):
    put(computer, group, "cpu memory pids", agreed(memory_mib, processes, percent), program)

def divided(computer, group, first, second, memory_mib, processes, percent, times):
    limits = agreed(memory_mib, processes, percent)
    put(computer, group, "cpu memory pids", limits, first, second, str(times), "1")
'''

FROM_ABOVE = '''
HELD = """
    cd /sys/fs/cgroup && mkdir -p {group}/room
    for each in . {group}; do echo '+cpu +io +memory +pids' > $each/cgroup.subtree_control; done
    cd {group}
    echo {memory}K > memory.max; echo {processes} > pids.max; echo '{percent}00 10000' > cpu.max
    echo 1 > memory.oom.group
"""
WAITS = """
    mkfifo /tmp/gate{name}
    setsid sh -c 'read gate < /tmp/gate{name}; exec {program}' > /dev/null 2>&1 &
    mkdir -p {name}; echo $! > {name}/cgroup.procs; echo > /tmp/gate{name}
"""

def held(computer, group, *waiting, memory_mib=400, processes=99, percent=100):
    script = HELD.format(group=group, memory=memory_mib * 1024, processes=processes, percent=percent)
    root(computer, script + "".join(waiting))

def waits(program, name="room", weight=100):
    return WAITS.format(program=program, name=name) + f"    echo {weight} > {name}/cpu.weight\\n"

def enclose(computer, group, program):
    held(computer, group, waits(program))

def with_memory(computer, group, program, memory_mib):
    held(computer, group, waits(program), memory_mib=memory_mib)

def with_processes(computer, group, program, memory_mib, processes):
    held(computer, group, waits(program), memory_mib=memory_mib, processes=processes)

def with_processor(computer, group, program, memory_mib, processes, percent):
    held(computer, group, waits(program), memory_mib=memory_mib, processes=processes, percent=percent)

def divided(computer, group, first, second, memory_mib, processes, percent, times):
    both = waits(first, "room", 50 * times), waits(second, "cellar", 50)
    held(computer, group, *both, memory_mib=memory_mib, processes=processes, percent=percent)
'''

BY_THE_COURSES_GROUPS = '''
HELD = """
import os, subprocess, sys
from cutaway.linux.groups import Groups
name, limits, *programs = sys.argv[1:]
group = Groups.named(f"/{name}")
group.make()
for limit in filter(None, limits.split(";")):
    file, _, value = limit.partition("=")
    group.set(file.partition(".")[0], file, value)
for number, (program, weight) in enumerate(zip(programs[::2], programs[1::2])):
    inner = Groups.named(f"/{name}/{number}")
    inner.make()
    if weight:
        inner.set("cpu", "cpu.weight", weight)
    subprocess.Popen([program], preexec_fn=inner.enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""

def held(computer, group, limits, *programs):
    machine.named(computer).run(["python", "-c", HELD, group, ";".join(limits), *programs])

def enclose(computer, group, program):
    held(computer, group, [], program, "")

def with_memory(computer, group, program, memory_mib):
    held(computer, group, [f"memory.max={memory_mib}M", "memory.oom.group=1"], program, "")

def with_processes(computer, group, program, memory_mib, processes):
    held(computer, group, [f"memory.max={memory_mib}M", f"pids.max={processes}"], program, "")

def with_processor(computer, group, program, memory_mib, processes, percent):
    limits = [f"memory.max={memory_mib}M", f"pids.max={processes}", f"cpu.max={percent * 1000}"]
    held(computer, group, limits, program, "")

def divided(computer, group, first, second, memory_mib, processes, percent, times):
    limits = [f"memory.max={memory_mib}M", f"pids.max={processes}", f"cpu.max={percent * 1000}"]
    held(computer, group, limits, first, str(times * 10), second, "10")
'''

WAYS = {"Python inside": BY_PYTHON, "limits above, moved while waiting": FROM_ABOVE, "Groups": BY_THE_COURSES_GROUPS}


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_another_way_earns_every_point(way: str, tmp_path: Path) -> None:
    said = results(tmp_path, way)
    assert unmet(said) == []


@pytest.mark.soak
def test_an_ordinary_user_is_given_the_same_verdict_on_every_answer(
    as_ordinary_user: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts on the same answers for root, where that is who tests, are in test_labs.py."""
    monkeypatch.setattr(verdicts, "AT_ONCE", 2)
    done = as_ordinary_user(verdicts.__file__, LAB)
    assert done.returncode == 0, done.stderr
    caught = {wrong.name: [wrong.caught_by] for wrong in wrong_answers(LAB)}
    assert json.loads(done.stdout.splitlines()[-1]) == {"solution": [], **caught}


# --- Cheats ----------------------------------------------------------------

CHEATS = {
    "returns that all is well": "def enclose(computer, group, program):\n    return {'passed': 3}",
    "runs the program in its own machine": (
        "def enclose(computer, group, program):\n"
        "    computer = fresh_computer()\n"
        "    root(computer, f'mkdir /sys/fs/cgroup/{group}; echo 0 > /sys/fs/cgroup/{group}/cgroup.procs; sleep 99 &')"
    ),
    "runs another program of that name": (
        "def enclose(computer, group, program):\n"
        "    root(computer, f'''mkdir /sys/fs/cgroup/{group}; echo 0 > /sys/fs/cgroup/{group}/cgroup.procs\n"
        "        cp /bin/sleep /tmp/sleep; /tmp/sleep 100000000 > /dev/null 2>&1 &''')"
    ),
    "stops the machine": "def enclose(computer, group, program):\n    machine.named(computer).stop()",
}


@pytest.mark.soak
@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_gains_nothing(cheat: str, tmp_path: Path) -> None:
    assert sum(each.earned for each in results(tmp_path, cheat, 1)) == 0
