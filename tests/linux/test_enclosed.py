"""Processes in namespaces of their own, seen from inside and from outside."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import cutaway
from cutaway.linux import (
    CommandFailed,
    Enclosed,
    Kind,
    Process,
    Refused,
    enter,
    enter_held,
    hold,
    identities,
    identity,
    shared,
)
from cutaway.linux.mounts import mounts

ALL = set(Kind)
DEADLINE_S = 30
SOURCES = str(Path(cutaway.__file__).parents[1])


def until(condition: Callable[[], object]) -> bool:
    """Whether the condition came true before the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def as_seen_inside(box: Enclosed, kind: Kind) -> int:
    return int(box.run(f"readlink /proc/self/ns/{kind.value}").strip(f"{kind.value}:[]"))


# --- The eight kinds -------------------------------------------------------


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_one_kind_is_new_and_all_others_are_shared(kind: Kind) -> None:
    with Enclosed({kind}) as box:
        assert shared("self", box.pid) == ALL - box.kinds
        assert as_seen_inside(box, kind) == identity(kind, box.pid) != identity(kind)


def test_all_eight_at_once() -> None:
    with Enclosed(ALL) as box:
        assert shared("self", box.pid) == set()
        assert box.identities() == {kind: as_seen_inside(box, kind) for kind in Kind}


def test_a_user_namespace_is_added_only_for_those_who_need_one() -> None:
    with Enclosed({Kind.UTS}) as box:
        assert (Kind.USER in box.kinds) == (os.geteuid() != 0)


def test_uts_another_host_name_that_nobody_outside_notices() -> None:
    before = socket.gethostname()
    with Enclosed({Kind.UTS}, hostname="inner") as box:
        assert box.run("hostname") == "inner"
        assert box.run("hostname renamed && hostname") == "renamed"
    assert socket.gethostname() == before


def test_pid_the_first_process_inside_is_number_1() -> None:
    with Enclosed({Kind.PID, Kind.MNT}) as box:
        assert set(box.run("ls /proc").split()) & {"1", "2", str(box.pid)} == {"1", "2"}  # 2 is the shell of ls
        assert "NSpid:\t" + f"{box.pid}\t1" in Path(f"/proc/{box.pid}/status").read_text()


def test_pid_ps_shows_the_host_until_proc_is_mounted() -> None:
    with Enclosed({Kind.PID, Kind.MNT}, mount_proc=False) as box:
        assert str(os.getpid()) in box.run("ls /proc").split()
        box.run("mount -t proc proc /proc")
        assert str(os.getpid()) not in box.run("ls /proc").split()


def test_pid_orphans_inside_are_reaped() -> None:
    with Enclosed({Kind.PID, Kind.MNT}) as box:
        box.run("(true & true) & exec true")
        assert until(lambda: not [pid for pid in box.run("ls /proc").split() if pid.isdigit() and int(pid) > 1][2:])
        assert until(lambda: "Z" not in box.run("cat /proc/[0-9]*/stat | cut -d' ' -f3"))


def test_mnt_a_mount_inside_is_not_seen_outside() -> None:
    name = f"inner-{os.getpid()}"  # others may mount something here meanwhile
    with Enclosed({Kind.MNT}) as box:
        box.run(f"mount -t tmpfs {name} /mnt && touch /mnt/here")
        assert box.run("ls /mnt") == "here"
        assert name in {mount.source for mount in mounts(box.pid)}
        assert name not in {mount.source for mount in mounts()}


def test_net_the_only_link_is_a_loopback_and_it_is_off_unless_asked_for() -> None:
    with Enclosed({Kind.NET}) as off, Enclosed({Kind.NET}, network_up=True) as on:
        listed = off.run("cat /proc/net/dev").splitlines()[2:]
        assert [line.split(":")[0].strip() for line in listed if "lo:" in line] == ["lo"]
        knock = [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9), 1)"]
        with pytest.raises(CommandFailed, match="Network is unreachable"):
            off.run(knock)
        with pytest.raises(CommandFailed, match="Connection refused"):
            on.run(knock)


def test_ipc_a_message_queue_inside_is_not_seen_outside() -> None:
    with Enclosed({Kind.IPC}) as box:
        box.run("ipcmk -Q")
        assert len(box.run("cat /proc/sysvipc/msg").splitlines()) == 2
        number = box.run("tail -n 1 /proc/sysvipc/msg").split()[0]
        assert number not in [line.split()[0] for line in Path("/proc/sysvipc/msg").read_text().splitlines()[1:]]


def test_user_root_inside_is_ourselves_outside() -> None:
    with Enclosed({Kind.USER}) as box:
        assert box.run("id -u; id -g").split() == ["0", "0"]
        assert box.run("cat /proc/self/uid_map").split() == ["0", str(os.geteuid()), "1"]
        assert box.run("cat /proc/self/setgroups") == "deny"
        assert Path(f"/proc/{box.pid}").stat().st_uid == os.geteuid()


def test_cgroup_the_path_inside_begins_where_the_namespace_was_made() -> None:
    with Enclosed({Kind.CGROUP}) as box:
        assert {line.split(":", 2)[2] for line in box.run("cat /proc/self/cgroup").splitlines()} == {"/"}


def test_time_the_machine_has_been_up_for_longer() -> None:
    a_year = 365 * 24 * 3600
    with Enclosed({Kind.TIME}, boot_offset_s=a_year) as box:
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        up_inside = float(box.run("cat /proc/uptime").split()[0])
        assert before - 0.01 <= up_inside - a_year <= time.clock_gettime(time.CLOCK_BOOTTIME)  # told in hundredths


@pytest.mark.parametrize(
    ("wish", "missing"),
    [({"hostname": "x"}, Kind.UTS), ({"network_up": True}, Kind.NET), ({"boot_offset_s": 1}, Kind.TIME)],
)
def test_a_wish_that_would_change_the_host_is_refused(wish: dict[str, object], missing: Kind) -> None:
    with pytest.raises(ValueError, match=rf"Enclosed without {missing!r}: that would .*; add {missing!r} to the kinds"):
        Enclosed(ALL - {missing}, **wish)  # type: ignore[arg-type]


# --- Commands inside -------------------------------------------------------


def test_a_failed_command_keeps_every_fact() -> None:
    with Enclosed({Kind.UTS}) as box, pytest.raises(CommandFailed) as failed:
        box.run("echo said; echo complained >&2; exit 3")
    assert (failed.value.status, failed.value.stdout, failed.value.stderr) == (3, "said\n", "complained\n")
    assert str(failed.value) == "echo said; echo complained >&2; exit 3: status 3: complained"


def test_a_command_that_is_not_there_is_named() -> None:
    with Enclosed({Kind.UTS}) as box:
        with pytest.raises(Refused, match=r"execve\('/no/program'\): ENOENT: no such program there"):
            box.run(["/no/program"])
        with pytest.raises(Refused, match=r"execve\('/'\): EACCES: .* is closed to this user"):
            box.run(["/"])


def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    with Enclosed({Kind.UTS}) as box:
        with pytest.raises(CommandFailed, match=r"still running after 0\.2 s; killed") as failed:
            box.run("setsid sleep 77 & sleep 77; true", timeout_s=0.2)
        assert failed.value.status is None
        assert until(lambda: len(box.members()) == 1)


def test_a_background_process_is_not_waited_for_and_ends_with_the_enclosure() -> None:
    with Enclosed({Kind.UTS}) as box:
        pid = int(box.run("sleep 77 & echo $!"))
        sleeper = Process.of(pid)
        assert sleeper in box.members()
    assert not sleeper.alive()


def test_a_command_that_dies_of_a_signal_says_so_as_a_shell_does() -> None:
    with Enclosed({Kind.PID}) as box, pytest.raises(CommandFailed) as failed:
        box.run("kill -9 $$")
    assert failed.value.status == 128 + signal.SIGKILL


def test_commands_may_run_at_once_and_from_any_thread() -> None:
    said: list[str] = []
    with Enclosed({Kind.UTS}, hostname="inner") as box:
        threads = [threading.Thread(target=lambda: said.append(box.run("hostname"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert said == ["inner"] * 4


def test_the_environment_is_added_to_ours() -> None:
    with Enclosed({Kind.UTS}, env={"CUTAWAY_WORD": "aperture"}) as box:
        assert box.run("echo $CUTAWAY_WORD in $PATH") == f"aperture in {os.environ['PATH']}"


def test_no_descriptor_of_ours_leads_out_of_the_namespaces() -> None:
    with Enclosed(ALL) as box:
        assert box.run("ls /proc/self/fd").split() == ["0", "1", "2", "3"]  # 3 is the listing's own
        held = hold(box.pid, {Kind.USER, Kind.UTS})
        assert enter_held(held, "ls /proc/self/fd").split() == ["0", "1", "2", "3"]
        for fd in held.values():
            os.close(fd)


def test_a_mount_does_not_travel_out_although_the_host_shares_its_mounts() -> None:
    """Many hosts do, by systemd's choice: shown here on a host of our own, once with the tool's default undone."""
    with Enclosed({Kind.USER, Kind.MNT, Kind.PID}) as host:
        host.run("mount --make-rshared /")
        host.run("unshare --mount --propagation unchanged sh -c 'mount -t tmpfs escaped /mnt'")
        assert "escaped" in {mount.source for mount in mounts(host.pid)}
        host.run([sys.executable, "-c", MOUNTS_WITHIN])
        assert "kept" not in {mount.source for mount in mounts(host.pid)}


MOUNTS_WITHIN = """
from cutaway.linux import Enclosed, Kind
with Enclosed({Kind.MNT}) as box:
    box.run("mount -t tmpfs kept /mnt")
"""


# --- Sharing, joining, keeping ---------------------------------------------


def test_two_processes_share_one_namespace() -> None:
    with Enclosed({Kind.UTS}, hostname="pod") as box:
        one, other = int(box.run("sleep 77 & echo $!")), int(box.run("sleep 77 & echo $!"))
        assert shared(one, other) == ALL
        assert identity(Kind.UTS, one) == identity(Kind.UTS, other) != identity(Kind.UTS)


def test_one_may_join_only_some_of_the_namespaces() -> None:
    with Enclosed({Kind.USER, Kind.UTS, Kind.NET}, hostname="inner") as box:
        both = enter(box.pid, {Kind.USER, Kind.UTS}, "hostname; readlink /proc/self/ns/net").split()
    assert both == ["inner", f"net:[{identity(Kind.NET)}]"]


def test_a_namespace_lives_while_a_file_leads_to_it() -> None:
    with Enclosed({Kind.USER, Kind.UTS}, hostname="kept") as box:
        held = hold(box.pid, {Kind.UTS, Kind.USER})
        number = identity(Kind.UTS, box.pid)
    try:
        assert enter_held(held, "hostname") == "kept"
        assert os.fstat(held[Kind.UTS]).st_ino == number
    finally:
        for fd in held.values():
            os.close(fd)


def test_a_namespace_lives_while_a_bind_mount_leads_to_it() -> None:
    with Enclosed({Kind.USER, Kind.MNT}) as box:
        box.run("mount -t tmpfs kept /mnt && touch /mnt/uts")
        box.run("unshare --uts sh -c 'hostname kept && mount --bind /proc/self/ns/uts /mnt/uts'")
        assert box.run("nsenter --uts=/mnt/uts hostname") == "kept"


# --- The end ---------------------------------------------------------------


def test_after_close_nothing_is_left_and_closing_again_is_no_error() -> None:
    box = Enclosed(ALL)
    members = [*box.members(), Process.of(box._keeper.pid)]
    box.close()
    box.close()
    assert not any(process.alive() for process in members)
    with pytest.raises(Refused, match=r"ESRCH: that process has ended"):
        box.run("true")


@pytest.mark.parametrize("kinds", [ALL, {Kind.UTS}], ids=["with a PID namespace", "without"])
def test_it_ends_with_its_maker_even_by_sigkill(kinds: set[Kind]) -> None:
    named = ",".join(kind.name for kind in kinds)
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, named], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert maker.stdin
    assert maker.stdout
    family = [Process.of(int(pid)) for pid in maker.stdout.readline().split()]
    assert len(family) == 2
    assert all(process.alive() for process in family)
    maker.kill()
    maker.communicate()
    assert until(lambda: not any(process.alive() for process in family))


MAKER = textwrap.dedent("""
    import sys, threading
    from cutaway.linux import Enclosed, Kind
    boxes = []
    thread = threading.Thread(target=lambda: boxes.append(Enclosed({Kind[name] for name in sys.argv[1].split(",")})))
    thread.start()
    thread.join()  # the enclosure outlives the thread that made it
    boxes[0].run("true")
    print(boxes[0].pid, boxes[0]._keeper.pid, flush=True)
    input()
""").strip()


def test_a_command_ends_with_its_maker(tmp_path: Path) -> None:
    maker = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path / "pid")], start_new_session=True)
    assert until((tmp_path / "pid").exists)
    assert until(lambda: (tmp_path / "pid").read_text().endswith("\n"))
    sleeper = Process.of(int((tmp_path / "pid").read_text()))
    maker.kill()
    maker.wait()
    assert until(lambda: not sleeper.alive())


RUNNER = textwrap.dedent("""
    import sys
    from cutaway.linux import Enclosed, Kind
    Enclosed({Kind.UTS}).run(f"echo $$ > {sys.argv[1]}; exec sleep 77", timeout_s=77)
""").strip()


def test_it_starts_in_the_blink_of_an_eye() -> None:
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        Enclosed(ALL).close()
        took.append(time.perf_counter() - begin)
    assert min(took) < 10  # 0.05 s on an idle machine; tests share theirs


def test_a_closed_box_has_no_namespaces_and_says_so() -> None:
    with Enclosed({Kind.USER, Kind.UTS}) as box:
        pass
    with pytest.raises(ProcessLookupError, match=f"namespaces of process {box.pid}: it has ended, and they with it"):
        box.identities()


def test_identities_are_those_of_the_kernel_links() -> None:
    assert identities() == {kind: os.stat(f"/proc/self/ns/{kind.value}").st_ino for kind in Kind}  # noqa: PTH116


# --- One within another ----------------------------------------------------


def test_a_box_within_another_shares_all_with_it_but_its_own_kinds() -> None:
    kinds = {Kind.USER, Kind.NET, Kind.UTS}
    with Enclosed(kinds, hostname="outer") as outer, Enclosed({Kind.NET}, within=outer) as inner:
        assert shared(outer.pid, inner.pid) == ALL - {Kind.NET}
        assert shared("self", inner.pid) == ALL - kinds
        assert inner.run("hostname; id -u").split() == ["outer", "0"]
        assert as_seen_inside(inner, Kind.NET) == identity(Kind.NET, inner.pid)


def test_the_end_of_the_inner_one_leaves_the_outer_one_and_not_the_other_way_round() -> None:
    outer = Enclosed({Kind.USER, Kind.UTS})
    with Enclosed({Kind.UTS}, within=outer):
        pass
    assert outer.run("echo here") == "here"
    inner = Enclosed({Kind.UTS}, within=outer)
    outer.close()
    assert until(lambda: not Path(f"/proc/{inner.pid}").exists())
    inner.close()


def test_what_goes_inside_loads_only_what_is_light():
    """Lessons start it again and again; in an emulated machine, Python's library takes longer to load than Python."""
    told = f"import sys; sys.path.insert(0, {SOURCES!r}); import cutaway.linux.stage; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-I", "-S", "-c", told], capture_output=True, text=True).stdout.split()
    )
    assert "cutaway.linux.calls" in loaded
    assert not loaded & {"enum", "signal", "subprocess", "pathlib", "typing", "re", "cutaway.linux.namespaces"}
