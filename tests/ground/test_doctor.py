"""The doctor is honest: what is taken away is missed, and what breaks is a finding."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any

import pytest
from rich.console import Console

from cutaway.cli.doctor import show
from cutaway.ground import course, doctor, probes, programs
from cutaway.ground.guest import kernel as guest_kernels
from cutaway.ground.probes import PROBES, Finding, Lacking, finding, kernel, limits, machines
from cutaway.linux import seccomp
from cutaway.problem import Problem

DOCTOR = [sys.executable, "-m", "cutaway", "doctor"]
TRY = "import json, sys; from cutaway.ground import probes; print(json.dumps(vars(probes.find(sys.argv[1]))))"
NOBODY = 65534


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that an ordinary user may write to as well; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="cutaway-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def said(argv: list[str], **env: str) -> dict[str, Any]:
    """The JSON that a process of its own prints."""
    ended = subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    parsed: dict[str, Any] = json.loads(ended.stdout)
    return parsed


def examined(*wrapping: str, **env: str) -> dict[str, Any]:
    """The whole report, with its findings also by name, under the conditions that `wrapping` makes."""
    report = said([*wrapping, *DOCTOR, "--json"], **env)
    return {**report, "named": {each["name"]: each for each in report["findings"]}}


def tried(name: str, *wrapping: str, **env: str) -> dict[str, Any]:
    """One finding, under the conditions that `wrapping` makes."""
    return said([*wrapping, sys.executable, "-c", TRY, name], **env)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What the doctor says here, with nothing taken away."""
    return examined()


def inside(script: str) -> tuple[str, ...]:
    """Run what follows as root of new user and mount namespaces, after `script`."""
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{script}; exec "$@"', "sh")


# --- The report -------------------------------------------------------------


def test_json_says_for_everything_what_was_tried_and_what_came_of_it(report: dict[str, Any]):
    assert {"grounds", "findings", "lessons"} < report.keys()
    assert [each["name"] for each in report["findings"]] == list(PROBES)
    for each in report["findings"]:
        assert set(each) == {"name", "ok", "tried", "evidence", "opens", "remedy"}
        assert all((each["tried"], each["evidence"], each["opens"])), each
        assert bool(each["remedy"]) != each["ok"], each
    assert {each["name"] for each in report["lessons"]} >= {"00-start-here", "06-namespaces", "04-isolate"}


def test_what_this_machine_has_is_found(report: dict[str, Any]):
    """Held against what other tools say of the same machine."""
    named = report["named"]
    assert named["kernel"]["evidence"].startswith(f"Linux {os.uname().release}")
    for name, tool in {"java": "java", "php": "php", "strace": "strace", "graphviz": "dot"}.items():
        assert named[name]["ok"] == (shutil.which(tool) is not None), named[name]
    assert named["root"]["ok"] == (os.geteuid() == 0)


def test_every_need_of_the_contents_is_something_that_is_tried():
    needs = {need for unit in [*course.lessons(), *course.labs()] for need in unit.needs}
    assert needs <= PROBES.keys()


def test_a_finding_names_the_lessons_and_labs_that_it_opens(report: dict[str, Any]):
    opens = report["named"]["user namespaces"]["opens"]
    assert "lesson 06" in opens
    assert "lab 04" in opens


def test_the_lab_machine_is_a_ground_where_all_that_it_takes_is_here(report: dict[str, Any]):
    ground = {each["name"]: each for each in report["grounds"]}["lab machine"]
    lacks = [need for need in doctor.LAB_MACHINE_NEEDS if not report["named"][need]["ok"]]
    assert ground["ok"] == (not lacks)
    assert ("cutaway machine shell" if not lacks else lacks[0]) in ground["why"]


# --- For people -------------------------------------------------------------


def shown(finding: Finding, width: int = 80) -> str:
    out = StringIO()
    report = doctor.Report(grounds=[], findings=[finding], lessons=[])
    show(report, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_words_and_not_colour_say_what_is_here(report: dict[str, Any]):
    text = subprocess.check_output(DOCTOR, text=True)
    assert "\x1b" not in text
    for name in ("kernel", "root", "user namespaces", "kvm", "java", "guest kernel"):
        assert f"\n{'yes' if report['named'][name]['ok'] else 'no':5}{name}" in text


def test_what_is_missing_is_shown_with_all_that_is_known_of_it():
    text = shown(Finding("java", False, "start it", "it is not here", "lesson 02", "apt-get install it"))
    assert all(each in text for each in ("it is not here", "start it", "lesson 02", "apt-get install it"))


def test_a_remedy_keeps_to_one_line_so_that_it_can_be_copied():
    long = "apt-get download " + "x" * 200
    assert long in shown(Finding("java", False, "start it", "it is not here", "lesson 02", long), width=60)


def test_on_a_narrow_terminal_nothing_is_lost_and_the_text_has_room():
    text = shown(
        Finding("disk", True, "write", "9.9 GB are free at /a/long/folder/of/the/readers/own", "images", ""), 40
    )
    assert "/a/long/folder/of/the/readers/own" in text.replace("\n     ", "").replace("\n", "")
    assert max(map(len, text.splitlines())) <= 40
    assert len(text.splitlines()) < 15


def test_brackets_in_what_a_program_said_are_shown_as_they_are():
    odd = "[bold]not markup[/bold] [/]"
    assert odd in shown(Finding("java", True, "start it", odd, "lesson 02", ""))


def test_a_reader_who_closes_the_pipe_early_sees_no_error():
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m cutaway doctor | head -c 1"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stderr


# --- Taken away -------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming an ordinary user takes root")
def test_an_ordinary_user_gets_another_and_honest_answer(report: dict[str, Any], state: Path):
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all")
    ordinary = examined(*become, CUTAWAY_STATE=str(state), HOME=str(state))
    assert report["named"]["root"]["ok"]
    assert not ordinary["named"]["root"]["ok"]
    assert f"user {NOBODY} with 0 of" in ordinary["named"]["root"]["evidence"]
    assert not {each["name"]: each for each in ordinary["grounds"]}["host, as root"]["ok"]
    assert ordinary["named"]["disk"]["ok"] == report["named"]["disk"]["ok"]
    if report["named"]["kvm"]["ok"] and Path("/dev/kvm").stat().st_mode & 0o006 == 0:
        assert "permission denied" in ordinary["named"]["kvm"]["evidence"]


def test_without_a_path_every_program_is_missed_and_nothing_breaks():
    named = examined(PATH="/nowhere")["named"]
    for name in ("java", "php", "strace", "graphviz", "podman"):
        assert not named[name]["ok"], named[name]
        assert "not here" in named[name]["evidence"]
    assert not [each for each in named.values() if "the trial broke" in each["evidence"]]


def test_where_user_namespaces_are_forbidden_the_limit_is_named_and_lessons_have_no_ground():
    report = examined(*inside("echo 0 > /proc/sys/user/max_user_namespaces"))
    missing = report["named"]["user namespaces"]
    assert not missing["ok"]
    assert "the limit on user namespaces is 0" in missing["evidence"]
    assert "sysctl user.max_user_namespaces=" in missing["remedy"]
    assert not report["named"]["uts namespace"]["ok"]
    assert [name for name, each in report["named"].items() if "max_user_namespaces" in each["evidence"]] == []
    for name in ("uts namespace", "overlay", "private networks"):
        assert "takes a user namespace" in report["named"][name]["evidence"]
        assert report["named"][name]["remedy"] == "see `user namespaces`"
    start = {each["name"]: each for each in report["lessons"]}["00-start-here"]
    ground = {each["name"]: each for each in report["grounds"]}[start["ground"]]
    assert ground["ok"], "what a page runs on is a ground"
    assert "needs no user namespaces" in ground["why"]
    lesson = {each["name"]: each for each in report["lessons"]}["06-namespaces"]
    assert (lesson["ground"], lesson["missing"]) == ("none", ["user namespaces"])


def test_one_kind_of_namespace_may_be_missing_alone():
    forbidden = inside("echo 0 > /proc/sys/user/max_net_namespaces")
    assert not tried("net namespace", *forbidden)["ok"]
    assert tried("uts namespace", *forbidden)["ok"]


def test_a_disk_without_room_is_told_by_writing(state: Path):
    full = tried("disk", *inside(f"mount -t tmpfs -o size=64k tmpfs {state}"), CUTAWAY_STATE=str(state))
    assert not full["ok"]
    assert "no space left" in full["evidence"]
    assert "make room" in full["remedy"]


def test_a_disk_with_little_room_is_told_by_counting(state: Path):
    small = tried("disk", *inside(f"mount -t tmpfs -o size=64m tmpfs {state}"), CUTAWAY_STATE=str(state))
    assert not small["ok"]
    assert "0.1 GB are free" in small["evidence"]


def test_a_state_folder_that_may_not_be_written_is_told(state: Path):
    closed = tried("disk", *inside(f"mount -t tmpfs -o ro tmpfs {state}"), CUTAWAY_STATE=str(state))
    assert not closed["ok"]
    assert "read-only file system" in closed["evidence"]


def test_an_overlay_is_missed_where_nothing_may_be_mounted():
    assert not tried("overlay", *inside("echo 0 > /proc/sys/user/max_mnt_namespaces"))["ok"]


def test_private_networks_are_missed_where_none_may_be_made():
    assert not tried("private networks", *inside("echo 0 > /proc/sys/user/max_net_namespaces"))["ok"]


def test_a_docker_that_does_not_answer_is_not_found(tmp_path: Path):
    own = {"CUTAWAY_STATE": str(tmp_path / "state")}  # where no other test's engine runs
    missing = tried("docker", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock", **own)
    assert not missing["ok"]
    assert f"{tmp_path}/nobody.sock: there is no such socket" in missing["evidence"]


def test_a_docker_that_answers_is_found(tmp_path: Path):
    with answering(tmp_path / "docker.sock", b'{"Version": "99.1"}'):
        found = tried("docker", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    assert found["ok"]
    assert f"docker 99.1 answers at {tmp_path}/docker.sock (not ours)" in found["evidence"]


@contextmanager
def answering(socket: Path, body: bytes) -> Iterator[None]:
    """A server on a Unix socket that gives the same answer to everybody."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with ThreadingUnixStreamServer(str(socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_a_choice_of_engine_that_there_is_not_says_what_to_choose():
    finding = tried("engine", CUTAWAY_ENGINE="rkt")
    assert (finding["ok"], finding["evidence"]) == (False, "choosing an engine: CUTAWAY_ENGINE='rkt' is none")
    assert "say docker, podman, private" in finding["remedy"]


# --- Why user namespaces are refused ----------------------------------------


def proc(folder: Path, seccomp_mode: int = 0, **settings: str) -> Path:
    (folder / "self").mkdir()
    (folder / "self" / "status").write_text(f"Name:\tx\nSeccomp:\t{seccomp_mode}\n")
    for name, value in settings.items():
        file = folder / "sys" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return folder


def test_apparmors_restriction_is_explained(tmp_path: Path):
    evidence, remedy = kernel.barrier(
        "uid_map: EPERM", proc(tmp_path, kernel__apparmor_restrict_unprivileged_userns="1")
    )
    assert "AppArmor lets an ordinary program make a user namespace but gives it no power inside" in evidence
    assert "uid_map: EPERM" in evidence
    assert "sysctl kernel.apparmor_restrict_unprivileged_userns=0" in remedy


def test_a_containers_filter_is_explained(tmp_path: Path):
    evidence, remedy = kernel.barrier("unshare: EPERM", proc(tmp_path, seccomp_mode=2))
    assert "filtered, as in a container" in evidence
    assert "--security-opt seccomp=unconfined" in remedy


def test_a_setting_that_allows_is_not_blamed(tmp_path: Path):
    settings = proc(tmp_path, kernel__apparmor_restrict_unprivileged_userns="0", user__max_user_namespaces="31000")
    assert kernel.barrier("unshare: EINVAL", settings)[0] == "unshare: EINVAL"


# --- Remedies ---------------------------------------------------------------


def test_a_program_is_asked_where_it_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in programs.named("mariadb").probe:
        (tmp_path / name).write_text("#!/bin/sh\necho the one in sbin\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "SBIN", str(tmp_path))
    found = probes.find("mariadb")
    assert (found.ok, found.evidence) == (True, "the one in sbin")


def test_a_program_that_is_only_slow_is_not_to_be_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("java", "javac"):
        (tmp_path / name).write_text("#!/bin/sh\nexec /bin/sleep 60\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding, "PATIENCE_S", 0.2)
    slow = probes.find("java")
    assert slow.evidence == "java --version did not end within 0.2 s"
    assert slow.remedy == "try again when this machine is less busy"


def test_ids_are_lent_that_nobody_has(tmp_path: Path):
    users, groups = tmp_path / "subuid", tmp_path / "subgid"
    assert limits.free_range([users, groups]) == "100000-165535"
    users.write_text("ada:100000:65536\n")
    groups.write_text("ada:100000:65536\nbob:165536:65536\n")
    assert limits.free_range([users, groups]) == "231072-296607"


def test_a_kvm_that_has_no_group_is_not_joined_by_its_group(monkeypatch: pytest.MonkeyPatch):
    closed = os.stat_result((0o020600, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    shared = os.stat_result((0o020660, 0, 0, 1, 0, os.getgid() or 1, 0, 0, 0, 0))
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr(Path, "stat", lambda _: closed)
    assert "chown" in machines.key_to_kvm()
    monkeypatch.setattr(Path, "stat", lambda _: shared)
    assert "usermod -aG" in machines.key_to_kvm()


def test_only_where_systemd_runs_its_words_are_a_remedy(monkeypatch: pytest.MonkeyPatch):
    for runs, remedy in ((True, limits.V2_ALONE), (False, limits.IN_A_MACHINE)):
        monkeypatch.setattr(Path, "exists", lambda _, runs=runs: runs)
        assert limits.by_systemd(limits.V2_ALONE) == remedy


def test_a_finding_names_no_lesson_that_is_not_written_yet(report: dict[str, Any]):
    unwritten = [f"lesson {unit.number}" for unit in course.lessons() if not unit.written]
    opened = ", ".join(each["opens"] for each in report["findings"]).split(", ")
    assert not set(unwritten) & set(opened)


def test_a_cache_that_cannot_be_made_is_told_and_no_room_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTAWAY_CACHE", "/proc/nothing")
    found = probes.find("guest kernel")
    assert not found.ok
    assert found.evidence.startswith("making /proc/nothing: ")
    assert found.remedy == "set CUTAWAY_CACHE to a folder that you may write to"


def test_a_lab_machine_takes_a_state_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTAWAY_STATE", "/proc/nothing")
    monkeypatch.delenv("CUTAWAY_MACHINE", raising=False)
    here = {name: Finding(name, True, "", "", "", "") for name in doctor.LAB_MACHINE_NEEDS}
    ground = doctor._lab_machine(here)
    assert (ground.ok, ground.why.partition(":")[0]) == (False, "making /proc/nothing")


def test_a_disk_without_room_for_a_guest_kernel_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    full = "echo 'E: Error writing to file - write (28: No space left on device)' >&2; exit 100"
    with pytest.raises(Problem, match=f"; make room in {tmp_path}, or set CUTAWAY_CACHE"):
        guest_kernels._apt(["sh", "-c", full])


# --- Single trials ----------------------------------------------------------


def test_the_guest_must_come_to_the_right_sum(monkeypatch: pytest.MonkeyPatch):
    if not probes.find("qemu").ok:
        pytest.skip(f"qemu: {probes.find('qemu').evidence}")
    adds_two = machines.FIRMWARE.replace(bytes.fromhex("0401"), bytes.fromhex("0402"))
    monkeypatch.setattr(machines, "FIRMWARE", adds_two)
    with pytest.raises(Lacking, match=r"the guest ended with 45 and not 43"):
        machines.qemu()


def test_a_guest_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch):
    if not probes.find("qemu").ok:
        pytest.skip(f"qemu: {probes.find('qemu').evidence}")
    monkeypatch.setattr(machines, "FIRMWARE", b"\xf4" * len(machines.FIRMWARE))  # hlt
    monkeypatch.setattr(machines, "PATIENCE_S", 0.5)
    with pytest.raises(Lacking, match=r"had not ended after 0\.5 s"):
        machines.qemu()


def test_a_filter_that_allows_everything_is_no_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lives_on = tmp_path / "lives_on.py"
    lives_on.write_text("")
    monkeypatch.setattr(seccomp, "__file__", str(lives_on))
    with pytest.raises(Lacking, match="the process lived on"):
        kernel.filters()


def test_a_guest_kernel_is_one_that_has_a_boot_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    named = tmp_path / "vmlinuz"
    monkeypatch.setenv("CUTAWAY_GUEST_KERNEL", str(named))
    with pytest.raises(Lacking, match="no such file"):
        machines.guest_kernel()
    named.write_bytes(b"MZ" + bytes(600))
    with pytest.raises(Lacking, match="no boot header"):
        machines.guest_kernel()


def test_where_there_is_no_guest_kernel_yet_it_is_said_when_one_will_come(monkeypatch: pytest.MonkeyPatch, state: Path):
    monkeypatch.setenv("CUTAWAY_CACHE", str(state))
    monkeypatch.delenv("CUTAWAY_GUEST_KERNEL", raising=False)
    if list(Path("/boot").glob("vmlinuz-*")) or not guest_kernels.fetchable():
        pytest.skip("needs a package archive with linux-image-amd64, and nothing in /boot")
    assert "the first machine fetches one" in machines.guest_kernel()
    monkeypatch.setattr(guest_kernels, "fetchable", lambda: False)
    with pytest.raises(Lacking, match="there is none yet") as lacking:
        machines.guest_kernel()
    assert "CUTAWAY_GUEST_KERNEL" in lacking.value.remedy


def test_the_cgroup_mode_is_what_is_mounted():
    mounted = {line.split(" - ")[1].split()[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    expected = {(True, True): "hybrid", (True, False): "v1", (False, True): "v2", (False, False): "none"}
    assert limits.cgroup_mode() == expected["cgroup" in mounted, "cgroup2" in mounted]


def test_a_group_is_made_and_gone_again_where_version_2_has_controllers(state: Path, monkeypatch: pytest.MonkeyPatch):
    home = limits.own_cgroup()
    if home is None or not os.access(home, os.W_OK):
        pytest.skip("no version 2 group of cgroups is ours to write")
    monkeypatch.setenv("CUTAWAY_STATE", str(state))
    monkeypatch.setattr(limits, "NEEDED", set())
    assert "a group was made" in limits.cgroup_delegation()
    assert not list(home.glob("cutaway-doctor-*"))


def test_a_group_that_may_not_be_made_is_told(state: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUTAWAY_STATE", str(state))
    monkeypatch.setattr(limits, "own_cgroup", lambda: Path("/proc"))  # where nobody makes a folder
    monkeypatch.setattr(limits, "offered", lambda group: limits.NEEDED)
    with pytest.raises(Lacking, match=r"/proc/cutaway-doctor-\d+: no such file or directory") as lacking:
        limits.cgroup_delegation()
    assert "systemd-run --user --scope -p Delegate=yes" in limits.BEGIN_IN_ONE_OF_YOUR_OWN
    assert lacking.value.remedy == limits.by_systemd(limits.BEGIN_IN_ONE_OF_YOUR_OWN)


# --- Trials that go wrong ---------------------------------------------------


def test_a_trial_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def breaks() -> str:
        raise ZeroDivisionError("by accident")

    monkeypatch.setitem(PROBES, "java", dataclasses.replace(PROBES["java"], run=breaks))
    found = probes.find_all(["java", "root"])
    assert not found["java"].ok
    assert "the trial broke: ZeroDivisionError: by accident" in found["java"].evidence
    assert found["root"].evidence.startswith("user ")


def test_a_trial_that_hangs_does_not_hold_the_others(monkeypatch: pytest.MonkeyPatch):
    released = threading.Event()

    def hangs() -> str:
        released.wait()
        return "too late"

    monkeypatch.setitem(PROBES, "java", dataclasses.replace(PROBES["java"], run=hangs))
    found = probes.find_all(["java", "root"], deadline_s=2)
    released.set()
    assert found["java"].evidence == "no answer within 2 s"
    assert found["root"].evidence.startswith("user ")


def test_all_commands_together_are_given_up_before_the_report_is():
    assert 2 * finding.PATIENCE_S < finding.DEADLINE_S, "a trial runs two commands at most"
