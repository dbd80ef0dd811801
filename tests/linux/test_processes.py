"""A process is known by boot, number and start time, and reached through a pidfd."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cutaway.linux import Enclosed, Kind, Process, descendants, marked, processes
from cutaway.linux.processes import boot_id, stat


def test_this_process_is_alive() -> None:
    assert Process.current() == Process.of(os.getpid())
    assert Process.current().alive()


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    zombie = Process.of(child.pid)
    assert zombie.wait(timeout_s=10)
    assert stat(child.pid).state == "Z"
    assert not zombie.alive()
    child.wait()


def test_a_number_that_was_given_out_again_is_another_process() -> None:
    """In a PID namespace of our own the kernel can be told which number comes next."""
    with Enclosed({Kind.USER, Kind.PID, Kind.MNT}) as box:
        said = box.run([sys.executable, "-c", REUSES_A_NUMBER])
    assert said.splitlines() == ["same number: True", "same process: False", "killed the old one: False"]


REUSES_A_NUMBER = """
import subprocess, time
from pathlib import Path
from cutaway.linux import Process

def numbered(number):
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
    return subprocess.Popen(["sleep", "77"])

child = numbered(300)
old = Process.of(300)
child.kill(); child.wait()
while Process.of(1).boot_id and time.clock_gettime(time.CLOCK_BOOTTIME) * 100 < old.start_time + 2:
    time.sleep(0.001)  # start times are told in hundredths of a second
child = numbered(300)
print("same number:", child.pid == old.pid)
print("same process:", Process.of(300) == old)
print("killed the old one:", old.kill() or child.poll() is not None)
child.kill(); child.wait()
"""


def test_a_process_of_another_boot_is_dead() -> None:
    assert not Process.current()._replace(boot_id="yesterday").alive()


def test_its_processor_time_is_that_of_all_its_threads_and_none_when_it_is_gone() -> None:
    own = Process.current()
    worker = threading.Thread(target=burn, args=[0.1])
    worker.start()
    worker.join()
    assert own.processor_s() == pytest.approx(time.process_time(), abs=0.05)
    assert own._replace(pid=2**22 + 1).processor_s() == 0


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_kill_and_wait_reach_exactly_that_process() -> None:
    child = subprocess.Popen(["sleep", "77"])
    process = Process.of(child.pid)
    assert not process.wait(timeout_s=0.01)
    assert process.kill()
    assert process.wait(timeout_s=10)
    assert child.wait() == -signal.SIGKILL
    assert not process.kill()


def test_a_name_with_brackets_and_spaces_does_not_confuse_us(tmp_path: Path) -> None:
    odd = tmp_path / ") S 1 ("
    odd.symlink_to("/bin/sleep")
    child = subprocess.Popen([odd, "77"])
    assert stat(child.pid).parent == os.getpid()
    child.kill()
    child.wait()


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(ProcessLookupError, match="process 4194305 does not exist"):
        Process.of(4194305)  # above the greatest number that the kernel gives out


def test_descendants_are_children_and_their_children() -> None:
    child = subprocess.Popen(["sh", "-c", "sleep 77 & sleep 77 & echo; wait"], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    deadline = time.monotonic() + 10
    while any("sh" in processes.command(each.pid) for each in descendants(child.pid)):  # not yet what it will be
        assert time.monotonic() < deadline
    below = descendants(child.pid)
    assert [processes.command(process.pid) for process in below] == ["sleep 77", "sleep 77"]
    assert set(below) < set(descendants(os.getpid()))
    for process in [*below, Process.of(child.pid)]:
        process.kill()
    child.communicate()


def test_marked_are_those_that_carry_the_token_and_all_they_started() -> None:
    child = subprocess.Popen(
        ["sh", "-c", "setsid sleep 77 & echo; wait"], env={**os.environ, "CUTAWAY_TOKEN": "t1"}, stdout=subprocess.PIPE
    )
    assert child.stdout
    child.stdout.readline()
    found = marked("t1")
    assert {child.pid, *(process.pid for process in descendants(child.pid))} == {process.pid for process in found}
    assert marked("t") == []
    for process in found:
        process.kill()
    child.communicate()


def test_a_process_that_is_becoming_a_program_is_known_by_its_words_and_settings(tmp_path: Path) -> None:
    """For a moment the kernel has neither: here in every fiftieth look, and longer on a busy machine."""
    again = tmp_path / "again"
    again.write_text('exec sh "$0"\n')
    child = subprocess.Popen(["sh", again], env={**os.environ, "CUTAWAY_TOKEN": "t2"})
    seen = {(processes.command(child.pid), processes.environment(child.pid).get("CUTAWAY_TOKEN")) for _ in range(1000)}
    child.kill()
    child.wait()
    assert seen == {(f"sh {again}", "t2")}


def test_a_process_that_has_ended_or_was_given_nothing_has_no_words_or_settings() -> None:
    bare, ended = subprocess.Popen(["sleep", "77"], env={}), subprocess.Popen(["true"])
    assert Process.of(ended.pid).wait(timeout_s=10)
    assert (processes.command(bare.pid), processes.environment(bare.pid)) == ("sleep 77", {})
    assert (processes.command(ended.pid), processes.environment(ended.pid)) == ("", {})
    bare.kill()
    for each in (bare, ended):
        each.wait()


def test_the_boot_has_a_name() -> None:
    assert len(boot_id()) == 36


def test_who_is_born_while_the_parent_ends_is_seen() -> None:
    """A shell puts a process in the background, and ends, in the middle of the look."""
    done = subprocess.run([sys.executable, "-c", HANDS_OVER], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


HANDS_OVER = """
import os, subprocess
from cutaway.linux import calls, processes

calls.prctl(calls.PR_SET_CHILD_SUBREAPER, 1)
shell = subprocess.Popen(["sh", "-c", "read go; sleep 20 >/dev/null 2>&1 &"], stdin=subprocess.PIPE)
told = processes.stat

def stat(pid):
    if pid == shell.pid:
        shell.communicate(b"go\\n")
    return told(pid)

processes.stat = stat
below = processes.descendants(os.getpid())
print(len(below))
for each in below:
    each.kill()
"""


FORKED = """
import os, random, threading
from cutaway.linux import calls
from cutaway.linux.namespaces import Kind
stop = threading.Event()
threading.Thread(target=stop.wait).start()
drawn = random.getstate()
pid = calls.forking(Kind.USER.flag | Kind.PID.flag)()
if pid == 0:
    alone = threading.active_count()
    threading.Thread(target=lambda: print(os.getpid(), alone, random.getstate() != drawn, flush=True)).start()
    [each.join() for each in threading.enumerate() if each is not threading.current_thread()]
    os._exit(0)
os.waitpid(pid, 0)
stop.set()
"""


def test_a_fork_is_first_in_its_new_namespace_and_is_whole_as_python_forks() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "1 1 True\n", done.stderr
