"""What runtimes ask of the kernel is sorted into steps; and Docker takes ours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from engines import engine  # noqa: F401  a fixture

from cutaway.ground import alignment, base, docker_runtime
from cutaway.ground import engine as engines
from cutaway.ground.alignment import Row, Step
from cutaway.ground.engine import Engine
from cutaway.ground.experiment import Kind, enclosed
from cutaway.ground.trace import SystemCall
from cutaway.images import closure, layers
from cutaway.panels import Alignment
from cutaway.problem import Problem
from cutaway.runtime import example, launcher


def call(text: str) -> SystemCall:
    name, _, rest = text.partition("(")
    return SystemCall(7, name, rest.removesuffix(")"), "0")


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ('clone(child_stack=NULL, flags=CLONE_NEWNS|CLONE_NEWPID|SIGCHLD)', "new namespaces"),
        ("unshare(CLONE_NEWCGROUP)", "control groups seen from within"),
        ('mount("", "/", 0xa5, MS_REC|MS_SLAVE, NULL)', "mounts do not spread"),
        ('mount("/b/rootfs", "/b/rootfs", 0xa5, MS_BIND|MS_REC, NULL)', "the folder becomes a mount"),
        ('mount("tmpfs", "/proc/self/fd/6", "tmpfs", MS_NOSUID, "mode=755")', "file systems of the kernel"),
        ('mount("tmpfs", "/proc/acpi", "tmpfs", MS_RDONLY, NULL)', "places are hidden or made read-only"),
        ('mount("/proc/bus", "/proc/bus", 0xa5, MS_BIND|MS_REC, NULL)', "places are hidden or made read-only"),
        ('seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=80, filter=0x1c})', "a filter of system calls"),
        ('execve("/bin/true", ["true"], 0x7f /* 3 vars */)', alignment.PROGRAM),
        ('execve("/proc/self/exe", ["runc", "init"], 0xc0 /* 7 vars */)', None),
        ("clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD)", None),
    ],
)  # fmt: skip
def test_a_call_belongs_to_a_step(written: str, step: str | None) -> None:
    assert alignment.step_of(call(written), "true") == step


def test_rows_stand_in_the_order_of_the_first_and_what_one_leaves_out_has_no_place() -> None:
    one, two, three = (Step(name, (call(f"{name}()"),)) for name in ("a", "b", "c"))
    rows = alignment.aligned([one, two], [two, three])
    assert rows == [
        Row("a", (1, None), (one.calls, ())),
        Row("b", (2, 1), (two.calls, two.calls)),
        Row("c", (None, 2), ((), three.calls)),
    ]
    shown = Alignment(rows, ("ours", "<theirs>"))
    assert repr(shown).splitlines()[1].split() == ["a", "1.", "(1", "call)", "-"]
    assert "&lt;theirs&gt;" in shown._repr_html_()


def test_without_runc_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cutaway.ground.programs.path", lambda name: None)
    with pytest.raises(Problem, match=r"looking for runc: it is not here; .*runc"):
        alignment.runc()


def test_the_course_s_runtime_takes_its_steps_with_rights_last(tmp_path: Path, state_folder: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    layers.unpack([closure.archive(base.contents())], tmp_path / "rootfs")
    config = example.without_root(example.protected("true"), uid=0, gid=0)
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = f"{launcher.install(tmp_path / 'bin')} --root {tmp_path}/known run --bundle {tmp_path} traced"
    with enclosed({Kind.USER, Kind.PID, Kind.MNT}) as box:
        found = alignment.steps(command, "true", tmp_path, box.run)
    names = [step.name for step in found]
    assert names[0] == alignment.FIRST
    assert names.index("another root") < names.index("capabilities") < names.index("a filter of system calls")
    assert names[-1] == alignment.PROGRAM
    assert not any(str(tmp_path) in str(each) for step in found for each in step.calls)


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.xdist_group("engine")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs Docker, which takes root here")
def test_docker_s_containers_are_alike_whoever_made_them(
    engine: Engine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(engines.CHOICE, "private")
    before = {each["Id"] for each in engine.containers()}
    said = docker_runtime.said()
    assert said.alike, said
    assert said.answers["cutaway"][0] == "inside"
    assert {each["Id"] for each in engine.containers()} == before
