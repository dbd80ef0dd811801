"""How each kind of thing is undone, and that nothing else is."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway import ledger
from cutaway.ledger import paths
from cutaway.linux import Enclosed, Kind, Process, groups, links, subordinate
from cutaway.problem import Problem

Until = Callable[[Callable[[], object]], bool]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# --- Processes -------------------------------------------------------------


def test_a_process_goes_with_all_that_it_started_also_in_other_sessions(state_folder: Path) -> None:
    entry = ledger.record("process", "family")
    family = subprocess.Popen(
        ["sh", "-c", "setsid -f sleep 77; sleep 77 & echo started; wait"],
        env={**os.environ, **entry.env},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert family.stdout
    family.stdout.readline()
    assert entry.exists()
    entry.undo()
    assert not entry.exists()
    family.communicate()


def test_a_process_that_dropped_its_environment_goes_if_its_number_is_known(state_folder: Path) -> None:
    entry = ledger.record("process", "nameless")
    nameless = subprocess.Popen(["env", "-i", "/bin/sh", "-c", "/bin/sleep 77 & wait"])
    entry.update(pid=nameless.pid, start_time=Process.of(nameless.pid).start_time)
    entry.undo()
    assert not entry.exists()
    nameless.wait(timeout=10)  # killed, or ended by itself as its child was killed before it: 77 s are not over


def test_another_process_with_the_same_number_is_spared(state_folder: Path) -> None:
    entry = ledger.record("process", "old")
    bystander = subprocess.Popen(["sleep", "77"])
    entry.update(pid=bystander.pid, start_time=Process.of(bystander.pid).start_time - 1)
    entry.undo()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_we_never_kill_ourselves(state_folder: Path) -> None:
    entry = ledger.record("process", "us")
    entry.update(pid=os.getpid(), start_time=Process.current().start_time)
    entry.undo()


# --- Files and folders -----------------------------------------------------


def test_links_inside_do_not_lead_out(state_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("1")
    with ledger.kept("folder", "x", path=state_folder / "x"):
        (state_folder / "x").mkdir()
        (state_folder / "x" / "folder").symlink_to(tmp_path / "precious")
        (state_folder / "x" / "file").symlink_to(tmp_path / "precious" / "file")
        os.link(tmp_path / "precious" / "file", state_folder / "x" / "hard")
    assert not (state_folder / "x").exists()
    assert (tmp_path / "precious" / "file").read_text() == "1"


def test_a_folder_that_became_a_link_leads_nowhere(state_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").mkdir()
    entry = ledger.record("folder", "x", path=state_folder / "way" / "x")
    (state_folder / "way").symlink_to(tmp_path / "precious")
    with pytest.raises(Problem, match="it lies outside"):
        entry.undo()
    assert (tmp_path / "precious" / "x").exists()
    (state_folder / "way").unlink()
    (state_folder / "way").mkdir()
    (state_folder / "way" / "x").symlink_to(tmp_path / "precious")
    entry.undo()
    assert not (state_folder / "way" / "x").is_symlink()
    assert (tmp_path / "precious").exists()


def test_a_part_of_the_way_that_becomes_a_link_in_the_last_moment_is_not_followed(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious" / "x").mkdir(parents=True)
    (state_folder / "way").symlink_to(tmp_path / "precious")
    monkeypatch.setattr(paths, "ours", Path)  # what it found out was true a moment ago
    with pytest.raises(NotADirectoryError):
        paths.remove(str(state_folder / "way" / "x"))
    assert (tmp_path / "precious" / "x").exists()


def test_a_folder_goes_also_while_somebody_else_removes_from_it(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state_folder / "x").mkdir(parents=True)
    (state_folder / "x" / "file").touch()
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: ["gone since", *listed(folder)])
    paths.remove(str(state_folder / "x"))
    assert not (state_folder / "x").exists()


def test_folders_that_were_closed_to_writing_are_removed(state_folder: Path) -> None:
    """An ordinary user may not remove from a closed folder of his own; see that the room opens it first."""
    script = "from cutaway import ledger; import os; p = ledger.state_folder() / 'x'; os.makedirs(p / 'y' / 'z')"
    close = "os.chmod(p / 'y' / 'z', 0); os.chmod(p / 'y', 0o500)"
    undo = "from cutaway.ledger import paths; paths.remove(str(p)); assert not p.exists()"
    run_without_rights(f"{script}; {close}; {undo}", state_folder)


@as_root
@pytest.mark.skipif(not all(map(shutil.which, subordinate.HELPERS)), reason="needs newuidmap and newgidmap")
def test_files_of_users_that_were_lent_to_us_are_removed() -> None:
    """As after a container of an ordinary user; nobody is lent 65,536 users, in a mount namespace of our own."""
    with Enclosed({Kind.MNT, Kind.PID}) as box:
        box.run("mount -t tmpfs x /mnt; echo 65534:100000:65536 > /mnt/lent; chown 65534 /mnt")
        box.run("mount --bind /mnt/lent /etc/subuid; mount --bind /mnt/lent /etc/subgid")
        said = box.run(
            [*DROP, "env", "CUTAWAY_STATE=/mnt/state", sys.executable, "-c", LEAVES_LENT_FILES], timeout_s=60
        )
    assert said.splitlines() == ["100000 0o700", "without them: PermissionError", "gone: True"]


DROP = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

LEAVES_LENT_FILES = """
import os, subprocess, sys
from unittest import mock
from cutaway import ledger
from cutaway.linux import subordinate
folder = ledger.state_folder() / "x"
entry = ledger.record("folder", "x", path=folder)
folder.mkdir()
leave = f"mkdir -m 700 {folder}/theirs && touch {folder}/theirs/file && chown -R 1:1 {folder}/theirs"
subprocess.run([sys.executable, "-I", "-S", subordinate.__file__, "sh", "-c", leave], check=True)
seen = (folder / "theirs").stat()
print(seen.st_uid, oct(seen.st_mode & 0o777))
with mock.patch.object(subordinate, "available", lambda: False):
    try:
        entry.undo()
    except PermissionError as refused:
        print("without them:", type(refused).__name__)
entry.undo()
print("gone:", not folder.exists())
"""


def run_without_rights(code: str, folder: Path) -> None:
    """Run Python with no capabilities; as the owner of files one may still open them."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    subprocess.run([*drop, sys.executable, "-c", code], check=True, env={**os.environ, "CUTAWAY_STATE": str(folder)})


@pytest.mark.parametrize("path", ["/", "/etc", "/etc/passwd", "/tmp/x", "~", "/tmp/cutaway", "/tmp/cutaway-x/../y"])
def test_what_is_not_ours_by_place_or_name_is_refused(path: str, state_folder: Path) -> None:
    with pytest.raises(
        Problem, match=r"^claiming .*: it lies outside .* and no part of it begins with cutaway-; choose"
    ):
        ledger.record("folder", "x", path=os.path.expanduser(path))  # noqa: PTH111
    assert ledger.entries() == []


def test_the_state_folder_itself_is_refused(state_folder: Path) -> None:
    with pytest.raises(Problem, match="it lies outside"):
        ledger.record("folder", "x", path=state_folder)


def test_a_forged_entry_cannot_remove_what_is_not_ours(state_folder: Path, tmp_path: Path) -> None:
    entry = ledger.record("folder", "x", path=state_folder / "x")
    (tmp_path / "precious").mkdir()
    entry.facts["path"] = str(tmp_path / "precious")
    entry.owner = entry.owner._replace(start_time=1)
    entry.save()
    (outcome,) = ledger.sweep()
    assert "it lies outside" in outcome.trouble
    assert (tmp_path / "precious").exists()
    entry.forget()


# --- Mounts, network: in namespaces of our own, where everybody is root ----


def in_namespaces(code: str, *kinds: Kind) -> list[str]:
    """What Python says in namespaces of its own, with tmpfs on /mnt (the state folder is there) and /run."""
    with Enclosed({Kind.USER, Kind.MNT, *kinds}, env={"CUTAWAY_STATE": "/mnt/state"}) as box:
        box.run("mount -t tmpfs x /mnt; mount -t tmpfs x /run")
        return box.run([sys.executable, "-c", PRELUDE + textwrap.dedent(code)], timeout_s=60).splitlines()


PRELUDE = """
import os, subprocess
from pathlib import Path
from cutaway import ledger
from cutaway.linux import links, mounts
folder = ledger.state_folder()
"""


def test_a_mount_is_detached_also_while_it_is_in_use() -> None:
    assert in_namespaces("""
        (folder / "m").mkdir()
        with ledger.kept("mount", "m", target=folder / "m") as entry:
            mounts.tmpfs(str(folder / "m"), 1 << 20)
            mounts.tmpfs(str(folder / "m"), 1 << 20)
            os.chdir(folder / "m")
            print(entry.exists(), mounts.mounted(str(folder / "m")))
        print(entry.exists(), mounts.mounted(str(folder / "m")))
    """) == ["True 2", "False 0"]


def test_a_mount_in_a_folder_is_detached_and_not_emptied() -> None:
    assert in_namespaces("""
        Path("/mnt/precious").mkdir()
        Path("/mnt/precious/file").touch()
        with ledger.kept("folder", "x", path=folder / "x"):
            (folder / "x" / "way").mkdir(parents=True)
            mounts.bind("/mnt/precious", str(folder / "x" / "way"))
            print(os.listdir(folder / "x" / "way"))
        print((folder / "x").exists(), os.listdir("/mnt/precious"))
    """) == ["['file']", "False ['file']"]


def test_a_named_network_namespace_goes_as_ip_netns_made_it() -> None:
    assert in_namespaces("""
        with ledger.kept("netns", "n1", name="n1") as entry:
            subprocess.run(["ip", "netns", "add", "n1"], check=True)
            print(entry.exists(), os.listdir("/run/netns"))
        print(entry.exists(), os.listdir("/run/netns"), mounts.mounted("/run/netns/n1"))
    """, Kind.NET) == ["True ['n1']", "False [] 0"]  # fmt: skip


def test_a_link_goes_and_its_other_end_with_it() -> None:
    assert in_namespaces("""
        with ledger.kept("link", "v0", name="v0") as entry:
            subprocess.run(["ip", "link", "add", "v0", "type", "veth", "peer", "v1"], check=True)
            print(entry.exists(), "v1" in links.links())
        print(entry.exists(), "v1" in links.links())
    """, Kind.NET) == ["True True", "False False"]  # fmt: skip


def test_a_link_in_a_named_network_namespace_goes() -> None:
    assert in_namespaces("""
        subprocess.run(["ip", "netns", "add", "n1"], check=True)
        with ledger.kept("link", "v0", name="v0", netns="n1") as entry:
            subprocess.run(["ip", "-n", "n1", "link", "add", "v0", "type", "veth", "peer", "v1"], check=True)
            print(entry.exists(), links.links("n1"), "v0" in links.links())
        print(entry.exists(), links.links("n1"))
    """, Kind.NET) == ["True ['lo', 'v1', 'v0'] False", "False ['lo']"]  # fmt: skip


def test_a_link_that_will_not_go_is_said() -> None:
    assert in_namespaces("""
        try:
            links.delete("lo")
        except OSError as refused:
            print(refused)
    """, Kind.NET) == ["RTM_DELLINK('lo'): ENOTSUP: operation not supported"]  # fmt: skip


def test_links_here_are_those_that_ip_lists() -> None:
    before = set(links.links())
    listed = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
    after = set(links.links())  # others may make and remove some meanwhile
    assert before & after <= {line.split(": ")[1].split("@")[0] for line in listed.splitlines()} <= before | after


# --- Control groups --------------------------------------------------------


def hierarchies() -> list[Path]:
    """The top of each control group hierarchy that is mounted here: version 2 everywhere, or one a controller."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(line[1]) for line in lines if line[2] in ("cgroup", "cgroup2")]


@as_root
@pytest.mark.parametrize("top", hierarchies(), ids=lambda top: top.name)
def test_a_control_group_goes_with_its_processes_and_the_groups_below(top: Path, state_folder: Path) -> None:
    group = top / f"cutaway-{os.getpid()}"
    with ledger.kept("cgroup", group.name, path=group):
        (group / "below" / "deeper").mkdir(parents=True)
        if top.name == "cpuset":  # version 1 asks for these before a process may enter
            for each in (group, group / "below", group / "below" / "deeper"):
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (each / file).write_text((top / file).read_text())
        sleeper = subprocess.Popen(["sleep", "77"])
        (group / "below" / "deeper" / "cgroup.procs").write_text(str(sleeper.pid))
        if (group / "freezer.state").exists():
            (group / "freezer.state").write_text("FROZEN")
        assert groups.members(str(group)) == [sleeper.pid]
    assert not group.exists()
    assert sleeper.wait(timeout=10) == -9


@as_root
def test_a_control_group_that_cannot_go_says_who_is_in_it(state_folder: Path) -> None:
    group = hierarchies()[0] / f"cutaway-{os.getpid()}-us"
    entry = ledger.record("cgroup", group.name, path=group)
    group.mkdir()
    home = hierarchies()[0] / "cgroup.procs"
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        with pytest.raises(OSError, match=rf"removing {group}: this process itself is in it; move it out first"):
            entry.undo()
    finally:
        home.write_text(str(os.getpid()))
    entry.undo()
    assert not group.exists()


@as_root
@pytest.mark.parametrize("path", ["/sys/fs/cgroup", str(hierarchies()[0] / "theirs")])
def test_a_control_group_that_does_not_bear_our_name_is_refused(path: str, state_folder: Path) -> None:
    with pytest.raises(Problem, match=r"claiming .*: it lies outside .*; choose another path"):
        ledger.record("cgroup", "theirs", path=path)


def test_a_folder_is_not_undone_as_a_control_group(state_folder: Path) -> None:
    entry = ledger.record("cgroup", "x", path=state_folder / "x")
    (state_folder / "x").mkdir()
    with pytest.raises(OSError, match=r"removing .*/x: it is no control group; see /proc/self/mountinfo"):
        entry.undo()
    assert (state_folder / "x").exists()
    entry.forget()


def test_the_name_of_a_network_namespace_is_no_way_to_a_file(state_folder: Path) -> None:
    with pytest.raises(Problem, match=r"claiming the network namespace '\.\./\.\./etc/hosts': a name has no slash"):
        ledger.record("netns", "x", name="../../etc/hosts")
