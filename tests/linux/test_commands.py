"""Commands on the host: what they say, how they fail, when they end."""

import contextlib
import os
import select
import shlex
import signal
import sys
import time

import pytest

from cutaway.linux import CommandFailed, commands, descendants


def test_what_a_command_says_is_stripped() -> None:
    assert commands.run("echo; echo ' word '; echo") == "word"
    assert commands.run(["echo", "$HOME; true"]) == "$HOME; true"


def test_much_output_on_both_streams_does_not_block() -> None:
    assert len(commands.run("head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero >&2")) == 3_000_000


def test_a_failure_says_command_status_and_stderr() -> None:
    with pytest.raises(CommandFailed, match=r"^ls '/no such place': status 2: ls: cannot access") as failed:
        commands.run(["ls", "/no such place"])
    assert (failed.value.command, failed.value.status) == (["ls", "/no such place"], 2)


def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    with pytest.raises(CommandFailed) as failed:
        commands.run("kill -TERM $$")
    assert failed.value.status == 128 + signal.SIGTERM


def test_a_time_out_says_what_was_heard_until_then() -> None:
    command = "echo begun; sleep 77"
    process = commands.start(commands.words(command))
    select.select([process.stdout], [], [], 30)  # it has begun
    with pytest.raises(CommandFailed, match=r"still running after 0\.3 s; killed") as failed:
        commands.finish(process, command, timeout_s=0.3)
    assert (failed.value.status, failed.value.stdout) == (None, "begun\n")


HOARD = "hoard = b'x' * (100 << 20); print('begun', flush=True); import time; time.sleep(77)"


def test_when_a_command_was_killed_what_it_had_started_has_ended() -> None:
    """Who has much memory takes a while to end."""
    process = commands.start(["sh", "-c", f"{shlex.join([sys.executable, '-c', HOARD])}; true"])
    select.select([process.stdout], [], [], 30)
    (hoarder,) = descendants(process.pid)
    commands.end(process)
    assert not hoarder.alive()


def test_a_chattering_background_child_does_not_hold_us_up() -> None:
    begin = time.monotonic()
    with pytest.raises(CommandFailed, match="still running"):
        commands.run("exec yes", timeout_s=0.3)
    pid = int(commands.run("(while :; do echo noise; sleep 0.01; done) & echo $!", timeout_s=60).split()[0])
    with contextlib.suppress(ProcessLookupError):  # it ends by itself once nobody reads its noise
        os.kill(pid, signal.SIGKILL)
    assert time.monotonic() - begin < 30


def test_a_command_has_a_session_of_its_own_so_our_interrupt_does_not_reach_it() -> None:
    assert int(commands.run("ps -o sid= -p $$")) != os.getsid(0)
