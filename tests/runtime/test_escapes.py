"""Ways out of a container by way of its runtime: each is tried, and each is closed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import oci
import pytest
from oci import PATIENCE_S, Config, Runtime

from cutaway.linux import capabilities
from cutaway.runtime import launcher, sealed

Bundler = Callable[..., Path]
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: without it there is less to attack")
LIGHT = {
    *("__future__", "_ctypes", "_json", "_struct", "errno", "fcntl", "gc", "math", "resource", "select", "struct"),
    *("os", "os.path", "posixpath", "genericpath", "stat", "_stat"),
    *("_collections_abc", "abc", "_abc"),
}  # of Python's library, besides what Python has loaded before it runs anything


def every_capability(config: Config) -> None:
    names = capabilities.names(capabilities.known())
    config["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), names)


# --- What is loaded, and when ----------------------------------------------


def test_the_way_to_a_container_loads_only_what_is_light(program: Path) -> None:
    """Start-up is the budget: an engine starts the runtime three or four times a container."""
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; before = set(sys.modules); "
         f"sys.argv = [{str(program)!r}, '--version']; "
         f"code = open({str(program)!r}).read().replace('end(main', '(main'); exec(code); "
         "print(*sorted(set(sys.modules) - before))"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()[-1].split()  # fmt: skip
    assert {name for name in shown if not name.startswith("cutaway")} <= LIGHT
    assert not {"cutaway.ledger", "cutaway.ground", "cutaway.linux.mounts", "cutaway.runtime.console"} & set(shown)


@root
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_nothing_is_loaded_once_the_container_is_entered(ours: Runtime, bundle: Bundler, tmp_path: Path) -> None:
    """The attack: a root file system with Python modules of its own, for a runtime that would look for them there."""
    trace = tmp_path / "trace"
    argv = ["strace", "-f", "-e", "trace=pivot_root,open,openat,execve,setns,clone,fork,vfork", "-o", str(trace)]
    made = bundle("/bin/true")
    subprocess.run([*argv, *ours.argv, "run", "--bundle", str(made), ours.name()], check=True)
    lines = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    inside = next(pid for pid, call in lines if call.startswith("pivot_root"))
    calls = [call for pid, call in lines if pid == inside]
    after = calls[next(at for at, call in enumerate(calls) if call.startswith("pivot_root")) :]
    before_program = after[: next(at for at, call in enumerate(after) if call.startswith("execve"))]
    opened = {match[1] for call in before_program if (match := re.match(r'open(?:at)?\(.*?"([^"]*)"', call))}
    assert opened <= {"/etc/passwd"}


# --- CVE-2019-5736: the runtime's own program ------------------------------

GRAB = """
while :; do
    for each in /proc/[0-9]*; do
        link=$(readlink $each/exe) || continue
        case $link in *busybox*) continue ;; esac
        echo "saw $link"
    done
done
"""


def seen_while_entered(runtime: Runtime, made: Path, what: str) -> str:
    """What a container that watches for whoever enters it says of eight who do, or of more until it has said `what`."""
    deadline, entered = time.monotonic() + PATIENCE_S, 0
    with runtime.running(made) as name:
        while entered < 8 or (what not in (made / "out").read_text() and time.monotonic() < deadline):
            runtime("exec", name, "true")
            entered += 1
        said = (made / "out").read_text()
    assert what in said, "the attack itself must work, or it proves nothing"
    return said


@root
@pytest.mark.slow
def test_who_enters_shows_no_program_that_could_be_overwritten(
    ours: Runtime, bundle: Bundler, tmp_path: Path, program: Path
) -> None:
    python = os.path.realpath(sys.executable)
    before = hashlib.sha256(Path(python).read_bytes()).digest()
    made = bundle("/bin/sh", "-c", GRAB, change=every_capability)

    careless = tmp_path / "careless"  # the escape: the same runtime, started from this machine's Python
    by_python = re.sub(r"^#!.*", f"#!{python} -IS", program.read_text())
    careless.write_text(re.sub(r"\n    run_sealed\(.*\)", "\n    pass", by_python))
    careless.chmod(0o755)
    seen_while_entered(Runtime(careless, tmp_path / "careless-root"), made, f"saw {python}\n")
    said = seen_while_entered(ours, made, "saw ")
    assert python not in said
    assert hashlib.sha256(Path(python).read_bytes()).digest() == before


HOLD = """
while :; do
    for each in /proc/[0-9]*; do
        link=$(readlink $each/exe) || continue
        case $link in *busybox*) continue ;; esac
        {
            while [ -e $each/exe ]; do :; done
            (echo written by a container >> /proc/self/fd/9) && echo "wrote to what was $link"
        } 2>/dev/null 9< $each/exe
    done
done
"""


@root
def test_who_keeps_what_entered_and_writes_to_it_later_writes_to_nobodys_file(
    ours: Runtime, bundle: Bundler, program: Path
) -> None:
    """The second half of the attack: whoever entered has ended, so nothing forbids to write to what it was."""
    copy, python = program.with_name("cutaway-oci.parts") / "loader", os.path.realpath(sys.executable)
    made = bundle("/bin/sh", "-c", HOLD, change=every_capability)
    seen_while_entered(ours, made, f"wrote to what was {copy}.")
    for each in (copy, program, Path(python), Path(sealed.loader_of(python))):
        assert b"written by a container" not in each.read_bytes()


@root
def test_each_start_has_a_copy_of_its_own(ours: Runtime, bundle: Bundler, program: Path) -> None:
    copy = program.with_name("cutaway-oci.parts") / "loader"
    with copy.open("rb") as before, ours.running(bundle("sleep", "600")) as name:
        assert copy.stat().st_ino != os.fstat(before.fileno()).st_ino
        ours("state", name)
        with copy.open("rb") as still:  # so that its number is not given away again
            ours("exec", name, "true")
            assert copy.stat().st_ino != os.fstat(still.fileno()).st_ino
            assert os.fstat(still.fileno()).st_nlink == 0
    assert copy.read_bytes() == Path(sealed.loader_of(os.path.realpath(sys.executable))).read_bytes()
    assert [each.name for each in copy.parent.iterdir() if each.name.startswith("loader")] == ["loader"]


def test_a_copy_that_the_kernel_lets_somebody_write_to_is_not_run_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux 6.11 does, though it runs; here it is a file that does not."""
    place = tmp_path / "loader"
    with place.open("wb") as held:
        place.unlink()
        monkeypatch.setattr(sealed, "EXE", f"/proc/self/fd/{held.fileno()}")
        assert not sealed.has_left(str(place))


def test_a_fresh_copy_is_for_everybody_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "loader"
    place.touch()
    before = os.umask(0o077)
    try:
        sealed.renew(str(place))
    finally:
        os.umask(before)
    assert place.stat().st_mode & 0o777 == 0o755
    monkeypatch.setattr(sealed, "loader_of", lambda _: str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError):
        sealed.renew(str(place))
    assert [each.name for each in tmp_path.iterdir()] == ["loader"]


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs readelf")
def test_the_loader_that_is_copied_is_the_one_that_a_program_names() -> None:
    for program in ("/bin/sh", os.path.realpath(sys.executable), str(shutil.which("busybox") or "/bin/ls")):
        said = subprocess.run(["readelf", "--wide", "--program-headers", program], capture_output=True, text=True)
        named = re.search(r"program interpreter: (.*)\]", said.stdout)
        assert sealed.loader_of(program) == (named[1] if named else "")


TELLS = """#!{start}
import os, sys
sys.path.insert(0, {source!r})
from cutaway.runtime import sealed
{otherwise}
sealed.run_sealed({copy!r})
print(os.readlink(sealed.EXE), sealed.is_sealed(), sys.argv[1:], sys.flags.isolated)
"""


@pytest.mark.parametrize(
    ("quick", "otherwise"),
    [
        (False, ""),
        (False, "sealed.loader_of = lambda _: ''"),
        (True, ""),
        (True, "sealed.has_left = lambda _: False"),
    ],
    ids=["the loader", "all of Python", "a copy for one start", "one that cannot be replaced"],
)
def test_what_runs_is_a_copy_and_has_the_words_that_were_given(quick: bool, otherwise: str, tmp_path: Path) -> None:
    launcher.install(tmp_path)
    script, source, parts = tmp_path / "script", str(Path(sealed.__file__).parents[2]), tmp_path / "cutaway-oci.parts"
    start = f"{parts}/loader {parts}/python" if quick else f"{os.path.realpath(sys.executable)} -IS"
    copy = f"{parts}/loader" if quick else ""
    script.write_text(TELLS.format(start=start, source=source, otherwise=otherwise, copy=copy))
    script.chmod(0o755)
    done = subprocess.run([script, "run", "a b"], capture_output=True, text=True, check=True)
    exe = (
        rf"{parts}/loader\.\d+ \(deleted\) False" if quick and not otherwise else r"/memfd:cutaway-oci \(deleted\) True"
    )
    assert re.fullmatch(rf"{exe} \['run', 'a b'\] 1\n", done.stdout)


@root
def test_a_program_that_is_the_runtimes_own_is_the_sealed_copy(ours: Runtime, bundle: Bundler) -> None:
    for word in ("/proc/self/exe", "/proc/1/exe"):
        done = ours.run(bundle(word, "-c", "print(1)"))
        assert done.stdout == ""
        assert done.returncode != 0


# --- Folders of outside ----------------------------------------------------


@root
@pytest.mark.parametrize("number", range(3, 16))
def test_no_open_folder_of_outside_can_be_the_folder_to_start_in(ours: Runtime, bundle: Bundler, number: int) -> None:
    """CVE-2024-21626: a descriptor of the runtime's as working directory, and from there up and out."""
    made = bundle("/bin/sh", "-c", "cat ../../../../etc/hostname ../../../../../etc/shadow; pwd")
    config = made / "config.json"
    config.write_text(config.read_text().replace('"cwd": "/"', f'"cwd": "/proc/self/fd/{number}"'))
    done = ours.run(made)
    assert "root:" not in done.stdout
    assert done.returncode != 0 or done.stdout.startswith("/"), done.stdout


def test_a_link_in_the_image_leads_no_mount_outside(ours: Runtime, tmp_path: Path, bundle: Bundler) -> None:
    outside, image = tmp_path / "outside", oci.unpack(tmp_path / "image")
    outside.mkdir()
    for name, target in (
        ("up", f"../../../../../../..{outside}"),
        ("out", str(outside)),
        ("dangling", f"{outside}/new"),
    ):
        (image / name).symlink_to(target)
    mounts = [
        {"destination": f"/{name}/in", "type": "tmpfs", "source": "tmpfs", "options": ["mode=777"]}
        for name in ("up", "out", "dangling")
    ]
    made = bundle("/bin/sh", "-c", f"ls {outside}", root=image, change=lambda config: config["mounts"].extend(mounts))
    done = ours.run(made)
    assert done.returncode == 0, done.stderr
    assert list(outside.iterdir()) == []
    assert "in" in done.stdout  # the same path, below the container's root


def test_proc_behind_a_link_is_refused(ours: Runtime, tmp_path: Path, bundle: Bundler) -> None:
    image = oci.unpack(tmp_path / "image")
    shutil.rmtree(image / "proc", ignore_errors=True)
    (image / "proc").symlink_to("tmp")
    assert "a link is there" in ours.run(bundle("true", root=image)).stderr


@root
def test_masks_do_not_go_through_the_containers_own_devices(ours: Runtime, tmp_path: Path, bundle: Bundler) -> None:
    """An image whose /dev/null is a link to a secret: masking by that name would show it in place of nothing."""
    image = oci.unpack(tmp_path / "image")
    (image / "secret").write_text("secret\n")
    shutil.rmtree(image / "dev", ignore_errors=True)
    (image / "dev").mkdir()
    (image / "dev/null").symlink_to("/secret")

    def change(config: Config) -> None:
        config["linux"]["maskedPaths"] = ["/proc/version"]
        config["mounts"] = [each for each in config["mounts"] if not each["destination"].startswith("/dev")]

    done = ours.run(bundle("cat", "/proc/version", root=image, change=change))
    assert "secret" not in done.stdout


# --- Descriptors and the launcher ------------------------------------------


def test_descriptors_of_the_caller_do_not_reach_the_program(ours: Runtime, bundle: Bundler, tmp_path: Path) -> None:
    secret = (tmp_path / "secret").open("w+")
    made = bundle("/bin/sh", "-c", "ls /proc/self/fd | wc -l")
    done = ours("run", "--bundle", made, ours.name(), pass_fds=[secret.fileno()])
    assert done.stdout == "4\n"


def test_asked_for_descriptors_do(ours: Runtime, bundle: Bundler, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given\n")
    made = bundle("/bin/sh", "-c", "cat <&3")
    words = ["run", "--preserve-fds", "1", "--bundle", str(made), ours.name()]
    argv = ["sh", "-c", f'exec 3<{tmp_path}/given; exec "$@"', "sh", *ours.argv, *words]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "given\n"


# --- What is started -------------------------------------------------------


def version(program: Path, **env: str) -> str:
    """What the program says of itself."""
    done = subprocess.run([program, "--version"], env=env, capture_output=True, text=True, cwd=program.parent)
    return done.stdout + done.stderr


def test_the_launcher_is_written_once_and_asks_nothing_of_the_user(tmp_path: Path) -> None:
    program = launcher.install(tmp_path)
    before = {each: each.lstat().st_mtime_ns for each in tmp_path.rglob("*")}
    launcher.install(tmp_path)
    assert {each: each.lstat().st_mtime_ns for each in tmp_path.rglob("*")} == before
    parts = sorted(each.name for each in (tmp_path / "cutaway-oci.parts").iterdir())
    assert parts == ["loader", "packed", "python", "python._pth"]
    assert not any(each.lstat().st_mode & 0o022 for each in tmp_path.rglob("*") if not each.is_symlink())
    for name in ("ctypes.py", "struct.py", "cutaway.py"):
        (tmp_path / name).write_text("raise SystemExit('taken over')")
    home, start = str(tmp_path), str(tmp_path / "struct.py")
    said = version(program, PYTHONPATH=home, PYTHONHOME=home, PYTHONSTARTUP=start, PYTHONPLATLIBDIR=home, PATH="/bin")
    assert said.startswith("cutaway-oci version")


def test_who_edits_a_source_runs_it_the_next_time(tmp_path: Path) -> None:
    """What is packed is never older than its source; and what is damaged is not taken."""
    shutil.copytree(launcher.SOURCE + "/cutaway/runtime", tmp_path / "cutaway/runtime")
    for name in ("linux", "problem.py", "__init__.py"):
        (tmp_path / "cutaway" / name).symlink_to(f"{launcher.SOURCE}/cutaway/{name}")
    install = f"from cutaway.runtime import launcher; launcher.install(launcher.Path({str(tmp_path)!r}))"
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {install}"]
    subprocess.run(argv, check=True)
    program, cli = tmp_path / "cutaway-oci", tmp_path / "cutaway/runtime/cli.py"
    pack, text = tmp_path / "cutaway-oci.parts/packed", cli.read_text()
    assert "version 0.1.0" in version(program)
    cli.write_text(text.replace("version 0.1.0", "version 47.11"))
    assert "version 47.11" in version(program)
    subprocess.run(argv, check=True)
    whole = pack.read_bytes()
    assert b"version 47.11" in whole
    for damaged in (b"", whole[:3], whole[:2000], whole[:-1], b"xxxx" + whole[4:]):
        pack.write_bytes(damaged)
        assert "version 47.11" in version(program)
    subprocess.run(argv, check=True)
    assert pack.read_bytes() == whole


def test_where_a_first_line_is_too_long_python_itself_is_started(tmp_path: Path) -> None:
    far = tmp_path / ("x" * 120)
    program = launcher.install(far)
    assert program.read_text().startswith(f"#!{os.path.realpath(sys.executable)} -IS\n")
    assert version(program).startswith("cutaway-oci version")
    assert launcher.install(tmp_path / "a b").read_text().startswith(f"#!{os.path.realpath(sys.executable)} -IS\n")
