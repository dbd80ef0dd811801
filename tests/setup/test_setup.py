"""Set-up: any Python can read it, it chooses well, mends what was cut short, and says one sentence when it cannot."""

from __future__ import annotations

import ast
import errno
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "tools" / "setup.py"
INPUTS = ("pyproject.toml", "environment.yml", "requirements.lock", "requirements-test.lock")


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/setup.py, at work in an empty checkout of its own; nothing in the environment tells it anything."""
    for name in ("PYTHON", "YES", "CI", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("cutaway_setup", SETUP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in INPUTS:
        shutil.copy(ROOT / name, checkout)
    for name, path in {"ROOT": "", "VENV": ".venv", "STATE": ".setup.json", "LOG": ".artefacts/setup.log"}.items():
        monkeypatch.setattr(module, name, checkout / path)
    monkeypatch.setattr(module, "VENV_PYTHON", str(checkout / ".venv/bin/python"))
    monkeypatch.setattr(module, "conda", lambda: None)
    return module


def put(folder: Path, name: str, script: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder / name)


# --- Any Python -------------------------------------------------------------


def test_python_3_6_can_parse_it():
    ast.parse(SETUP.read_text(), feature_version=(3, 6))


def test_it_needs_nothing_but_the_standard_library():
    nodes = [node for node in ast.walk(ast.parse(SETUP.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert modules - sys.stdlib_module_names <= {"cutaway.ground"}, "which is read once the Python is new enough"


def test_what_it_reads_of_cutaway_needs_nothing_but_the_standard_library(tmp_path: Path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from cutaway.ground import programs; programs.missing('soak')"
    )
    subprocess.run(["/usr/bin/env", "python3", "-I", "-S", "-c", script, str(ROOT / "src")], check=True)


def test_an_old_python_alone_is_one_sentence(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup.sys, "version_info", (3, 8, 10))
    monkeypatch.setattr(setup, "version", lambda python: (3, 8, 10))
    with pytest.raises(setup.Stop) as stop:
        setup.hand_over(setup.find_python())
    assert str(stop.value) == (
        "this is Python 3.8, and Cutaway needs 3.11 or newer; install it, or name one: make lab PYTHON=/path/to/python3"
    )


def test_an_old_python_hands_over_to_a_newer_one(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    handed: list[object] = []
    monkeypatch.setattr(setup.sys, "version_info", (3, 8, 10))
    monkeypatch.setattr(setup.sys, "argv", ["tools/setup.py", "lab"])
    monkeypatch.setattr(setup, "version", lambda python: (3, 12, 1) if python == "python3.12" else (3, 8, 10))
    monkeypatch.setattr(setup.os, "execvp", lambda *arguments: handed.append(arguments))
    setup.hand_over(setup.find_python())
    assert handed == [("python3.12", ["python3.12", "tools/setup.py", "lab"])]


def test_the_distributions_python_comes_before_a_version_managers(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "version", lambda python: (3, 12, 1))
    assert setup.find_python() == "/usr/bin/python3"


ANOTHER = "name another, or leave it out for the best one here"


def test_a_named_python_that_is_too_old_is_one_sentence(tmp_path: Path):
    old = put(tmp_path, "python3.9", "echo 3 9 2")
    assert sentence_of("make", "setup-lab", PYTHON=old) == (
        f"PYTHON={old}: this is Python 3.9, and Cutaway needs 3.11 or newer; {ANOTHER}"
    )


def test_a_named_python_that_does_not_run_is_one_sentence(tmp_path: Path):
    assert sentence_of("make", "setup-lab", PYTHON="/nowhere/python3") == (
        f"PYTHON=/nowhere/python3: this is no Python that runs, and Cutaway needs 3.11 or newer; {ANOTHER}"
    )


def test_without_any_python_make_says_so(tmp_path: Path):
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    assert "there is no python3 here" in sentence_of(f"{tmp_path}/make", "setup-lab", PATH=str(tmp_path))


def sentence_of(*argv: str, **env: str) -> str:
    """What a command that fails says for itself: one line after `cutaway:`, and no traceback."""
    ended = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("cutaway: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0].removeprefix("cutaway: ")


# --- The environment --------------------------------------------------------


@pytest.fixture
def done(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What set-up would run, noted instead of run; making the environment makes its Python."""
    noted: list[str] = []

    def note(doing: str, *rest: object) -> None:
        noted.append(doing)
        if doing == "environment":
            put(setup.VENV / "bin", "python", "echo 3 11 2")

    monkeypatch.setattr(setup, "narrate", note)
    monkeypatch.setattr(setup, "lacks_venv", lambda python: False)
    return noted


FRESH = ["environment", "pip", "packages", "Cutaway itself"]


def test_a_fresh_checkout_gets_all_and_the_second_run_nothing(setup: ModuleType, done: list[str]):
    setup.make_environment("lab", "python3")
    assert done == FRESH
    setup.make_environment("lab", "python3")
    assert done == FRESH


def test_what_the_tests_need_holds_what_the_course_needs(setup: ModuleType, done: list[str]):
    setup.make_environment("test", "python3")
    setup.make_environment("lab", "python3")
    assert done == FRESH


def test_the_course_alone_is_not_enough_for_the_tests(setup: ModuleType, done: list[str]):
    setup.make_environment("lab", "python3")
    done.clear()
    setup.make_environment("test", "python3")
    assert done == ["packages", "Cutaway itself"]


@pytest.mark.parametrize("cut_at", FRESH)
def test_an_interrupted_run_is_mended_by_the_next(
    cut_at: str, setup: ModuleType, done: list[str], monkeypatch: pytest.MonkeyPatch
):
    note = setup.narrate

    def cut(doing: str, *rest: object) -> None:
        note(doing, *rest)
        if doing == cut_at:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup, "narrate", cut)
    with pytest.raises(KeyboardInterrupt):
        setup.make_environment("lab", "python3")
    monkeypatch.setattr(setup, "narrate", note)
    done.clear()
    setup.make_environment("lab", "python3")
    assert done == FRESH


def test_an_environment_that_could_not_be_brought_up_to_date_is_kept(
    setup: ModuleType, done: list[str], monkeypatch: pytest.MonkeyPatch
):
    """A reader who is off the network loses nothing by trying."""
    note = setup.narrate

    def offline(doing: str, *rest: object) -> None:
        note(doing, *rest)
        if doing == "packages":
            raise setup.Stop("the network did not answer")

    setup.make_environment("lab", "python3")
    monkeypatch.setattr(setup, "narrate", offline)
    with pytest.raises(setup.Stop):
        setup.make_environment("test", "python3")
    monkeypatch.setattr(setup, "narrate", note)
    done.clear()
    setup.make_environment("lab", "python3")
    assert done == []


def test_a_changed_lock_is_installed_into_the_same_environment(setup: ModuleType, done: list[str]):
    setup.make_environment("lab", "python3")
    done.clear()
    with (setup.ROOT / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    setup.make_environment("lab", "python3")
    assert done == ["packages", "Cutaway itself"]


def test_an_environment_whose_python_has_gone_is_made_anew(setup: ModuleType, done: list[str]):
    setup.make_environment("lab", "python3")
    done.clear()
    (setup.VENV / "bin" / "python").unlink()
    setup.make_environment("lab", "python3")
    assert done == FRESH


def test_an_environment_that_was_moved_is_made_anew(setup: ModuleType, done: list[str]):
    setup.make_environment("lab", "python3")
    state = json.loads(setup.STATE.read_text())
    setup.STATE.write_text(json.dumps({**state, "root": "/elsewhere"}))
    done.clear()
    setup.make_environment("lab", "python3")
    assert done == FRESH


@pytest.mark.parametrize("state", ['{"root": ', "null", '{"finished": {"x": 1}}'])
def test_a_state_that_was_cut_short_or_says_something_else_counts_as_none(
    state: str, setup: ModuleType, done: list[str]
):
    setup.make_environment("lab", "python3")
    setup.STATE.write_text(state)
    done.clear()
    setup.make_environment("lab", "python3")
    assert done == FRESH


def test_another_python_that_is_named_makes_it_anew(
    setup: ModuleType, done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    setup.make_environment("lab", "python3")
    done.clear()
    monkeypatch.setenv("PYTHON", put(tmp_path, "python3.12", "echo 3 12 1"))
    setup.make_environment("lab", "python3.12")
    assert done[0] == "environment"


def test_somebody_elses_environment_is_not_touched(setup: ModuleType, done: list[str]):
    setup.VENV.mkdir()
    (setup.VENV / "precious").touch()
    with pytest.raises(setup.Stop, match="it is there and set-up did not make it; move it away and try again"):
        setup.make_environment("lab", "python3")
    assert (setup.VENV / "precious").exists()
    assert done == []


def test_who_may_not_move_it_away_is_not_told_to(setup: ModuleType, done: list[str], monkeypatch: pytest.MonkeyPatch):
    setup.VENV.mkdir()
    monkeypatch.setattr(setup.os, "access", lambda *_: False)
    with pytest.raises(setup.Stop, match="it is there and set-up did not make it; use a clone of your own"):
        setup.make_environment("lab", "python3")


def test_a_python_that_cannot_make_environments_is_told_the_command(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "declarations", lambda: Remedies())
    monkeypatch.setattr(setup, "lacks_venv", lambda python: True)
    with pytest.raises(setup.Stop, match=r"lacks .* venv and ensurepip; do this and try again: apt-get .*venv"):
        setup.make_environment("lab", setup.DISTRIBUTION)


class Remedies:
    @staticmethod
    def remedy(name: str) -> str:
        return f"apt-get install python3-{name}"


def test_too_little_room_is_told_before_anything_is_made(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 30, 1 << 30, 3 << 20))
    with pytest.raises(setup.Stop, match=r"it takes 1400 MB and 3 MB are free; make room first"):
        setup.make_environment("lab", "python3")
    assert not setup.VENV.exists()


# --- conda ------------------------------------------------------------------

CONDA = """
echo "$@" > {said}
while [ $# -gt 0 ]; do case $1 in --prefix) prefix=$2;; esac; shift; done
mkdir -p "$prefix/conda-meta" "$prefix/bin"
printf '#!/bin/sh\\nif [ "$1" = -I ]; then echo 3 11 2; fi\\n' > "$prefix/bin/python"
chmod +x "$prefix/bin/python"
"""


def test_with_conda_the_environment_is_made_by_conda_and_only_cutaway_by_pip(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    said = tmp_path / "said"
    conda = put(tmp_path, "conda", CONDA.format(said=said))
    monkeypatch.setattr(setup, "conda", lambda: conda)
    assert setup.find_python() is None
    setup.make_environment("lab", None)
    assert said.read_text().split() == [
        "env", "create", "--prefix", str(setup.VENV), "--file", str(setup.ROOT / "environment.yml"),
    ]  # fmt: skip
    shown = capsys.readouterr().out
    assert "Cutaway itself: done" in shown
    assert "packages" not in shown.replace("conda environment", "")
    said.unlink()
    setup.make_environment("lab", None)
    assert not said.exists(), "the second run has nothing to do"


def test_a_named_python_comes_before_conda(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup, "conda", lambda: "/opt/conda/bin/conda")
    monkeypatch.setenv("PYTHON", put(tmp_path, "python3", "echo 3 12 1"))
    assert setup.find_python() == os.environ["PYTHON"]


# --- System programs --------------------------------------------------------


@pytest.fixture
def offer(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Offer the programs of an empty machine; the packages that would be installed."""
    from cutaway.ground import programs

    installed: list[list[str]] = []
    absent = [programs.named("strace"), programs.named("docker")]
    monkeypatch.setattr(programs, "missing", lambda use: absent)
    monkeypatch.setattr(setup, "declarations", lambda: programs)
    monkeypatch.setattr(setup, "in_the_archive", lambda programs, absent: ["strace", "docker.io"])
    monkeypatch.setattr(setup, "plan", lambda packages: (2, "1 MB", "2 MB"))
    monkeypatch.setattr(setup, "install", installed.append)
    monkeypatch.setattr(setup.shutil, "which", lambda name: f"/usr/bin/{name}")

    def offering(yes: bool, user: int, answer: str | None = None) -> list[list[str]]:
        monkeypatch.setattr(setup.os, "geteuid", lambda: user)
        monkeypatch.setattr(setup.sys.stdin, "isatty", lambda: answer is not None, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: answer)
        setup.offer_programs("lab", "python3", yes)
        return installed

    return offering


def test_root_who_said_yes_gets_them_installed(offer: Callable[..., list[list[str]]]):
    assert offer(yes=True, user=0) == [["strace", "docker.io"]]


@pytest.mark.parametrize(("answer", "packages"), [("y", [["strace", "docker.io"]]), ("", []), ("n", []), (None, [])])
def test_root_is_asked_and_silence_is_a_no(
    answer: str | None, packages: list[list[str]], offer: Callable[..., list[list[str]]]
):
    assert offer(yes=False, user=0, answer=answer) == packages


def test_an_ordinary_user_is_given_the_command_even_after_a_yes(
    offer: Callable[..., list[list[str]]], capsys: pytest.CaptureFixture[str]
):
    assert offer(yes=True, user=1000) == []
    assert "sudo apt-get install --no-install-recommends strace docker.io" in capsys.readouterr().out


def test_what_is_missing_is_listed_with_its_purpose(
    offer: Callable[..., list[list[str]]], capsys: pytest.CaptureFixture[str]
):
    offer(yes=False, user=0)
    shown = capsys.readouterr().out
    assert re.search(r"program +what it does here +Debian's package\n", shown)
    assert re.search(r"strace +shows the system calls of a program +strace", shown)


def test_on_a_narrow_terminal_no_line_is_wider_than_it(
    setup: ModuleType,
    offer: Callable[..., list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(setup.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(setup.shutil, "get_terminal_size", lambda: os.terminal_size((40, 24)))
    offer(yes=True, user=0)
    listed = capsys.readouterr().out.partition("  asking apt")[0].splitlines()
    assert any("shows the system calls" in line for line in listed)
    assert max(map(len, listed)) <= 40


def test_on_another_distribution_the_names_are_called_debians_and_the_doctor_is_named(
    setup: ModuleType,
    offer: Callable[..., list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    assert offer(yes=True, user=0) == []
    said = capsys.readouterr().out
    assert "where they may have other names than Debian's" in said
    assert "cutaway doctor" in said


def test_without_package_lists_an_ordinary_user_is_told_how_to_get_them(
    setup: ModuleType,
    offer: Callable[..., list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(setup, "in_the_archive", lambda *_: [])
    assert offer(yes=True, user=1000) == []
    said = capsys.readouterr().out
    assert "To install them: sudo apt-get update && sudo apt-get install " in said
    assert "Going on with what is here" in said
    assert "size is not known" not in said


def test_package_lists_that_know_nothing_are_not_said_to_lack_each_package(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from cutaway.ground import programs

    monkeypatch.setattr(programs, "known", lambda names: set())
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    assert setup.in_the_archive(programs, [programs.named("strace")]) == []
    assert capsys.readouterr().out == "  apt has no package lists here, or they know none of these\n"


def test_what_apt_planned_is_said_also_when_nothing_is_to_be_downloaded(setup: ModuleType):
    assert setup.sized((2, "nothing", "3 MB")) == "with what they bring: 2 packages, nothing to download, 3 MB on disk"
    assert "apt cannot plan" in setup.sized((0, "nothing", "nothing more"))


@pytest.mark.parametrize("systemd", [True, False])
def test_a_service_that_a_package_would_start_is_told_before_the_yes(
    systemd: bool,
    setup: ModuleType,
    offer: Callable[..., list[list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(setup, "SYSTEMD", tmp_path if systemd else tmp_path / "nowhere")
    offer(yes=False, user=0)
    assert ("docker.io starts Docker" in capsys.readouterr().out) == systemd


@pytest.mark.parametrize(
    ("argv", "env", "terminal", "yes"),
    [
        (["lab"], {}, True, False),
        (["lab"], {"CI": "true"}, False, False),
        (["lab"], {"YES": "1"}, True, True),
        (["lab", "--yes"], {}, True, True),
        (["test"], {}, True, False),
        (["test"], {}, False, True),
        (["test"], {"CI": "true"}, True, True),
        (["test"], {"YES": "1"}, True, True),
    ],
)
def test_who_counts_as_having_said_yes(
    argv: list[str], env: dict[str, str], terminal: bool, yes: bool, setup: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(setup.sys, "argv", ["setup.py", *argv])
    monkeypatch.setattr(setup.sys.stdin, "isatty", lambda: terminal, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert setup.read_command_line() == (argv[0], yes)


def test_apt_is_asked_what_an_installation_would_cost(setup: ModuleType):
    if shutil.which("apt-get") is None or shutil.which("apt-cache") is None:
        pytest.skip("there is no apt here")
    from cutaway.ground import programs

    absent = [
        name
        for name in sorted(programs.known(["hello", "sl", "figlet", "toilet", "cowsay"]))
        if not Path(f"/usr/share/doc/{name}").exists()
    ]
    if not absent:
        pytest.skip("apt has no package lists here (apt-get update), or everything is installed")
    shape = r"with what they bring: \d+ packages, [\d.,]+ \w?B to download, [\d.,]+ \w?B on disk"
    assert re.fullmatch(shape, setup.sized(setup.plan(absent)))


def test_nothing_is_taken_away_and_nothing_merely_recommended_comes_along(setup: ModuleType):
    assert {"--no-remove", "--no-install-recommends"} <= set(setup.apt_get("install", ["strace"]))


# --- Sentences --------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "the disk is full"),
        ("ProxyError('Cannot connect to proxy.', NewConnectionError(...))", "the proxy does not answer"),
        ("NewConnectionError: [Errno -3] Temporary failure in name resolution", "the network did not answer"),
        ("Err:1 http://x/debian bookworm InRelease\n  Temporary failure resolving 'x'", "the network did not answer"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "is not what the lock names"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'", "certificate that is not"),
        (
            "Collecting jupyter-server-proxy\nERROR: No matching distribution found for x",
            "No matching distribution found",
        ),
        ("E: pkgProblemResolver::Resolve generated breaks", "E: pkgProblemResolver::Resolve generated breaks"),
        ("E: Unable to locate package strase", "E: Unable to locate package strase"),
        ("", "it failed without a word; mend what it says"),
        ("ERROR: Could not install packages: unsupported scheme foo, should use http://", "the proxy does not answer"),
        ("WARNING: Retrying after ReadTimeout\nERROR: Failed building wheel for x", "wheel for x; mend what it says"),
        (
            "WARNING: ProxyError('x')\nERROR: Could not find a version (from versions: none)",
            "the proxy does not answer",
        ),
        (
            "E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)",
            "E: Could not open lock",
        ),
    ],
)
def test_what_a_program_said_becomes_a_cause(said: str, meant: str, setup: ModuleType):
    assert meant in setup.explanation(said.splitlines())


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EROFS, "/x/y may not be written (Read-only file system); use a clone of your own"),
        (errno.EACCES, "/x/y may not be written (Permission denied); use a clone of your own"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_sentence(number: int, meant: str, setup: ModuleType):
    assert meant in setup.sentence(OSError(number, os.strerror(number), "/x/y"))


def test_a_step_that_fails_names_its_cause_and_keeps_all_that_was_said(setup: ModuleType):
    with pytest.raises(setup.Stop, match=r"packages: the network did not answer; .*run the same command again"):
        setup.narrate("packages", ["sh", "-c", "echo much; echo Temporary failure in name resolution; exit 1"])
    first, *rest = setup.LOG.read_text().splitlines()
    assert re.match(r"# \d{4}-\d\d-\d\d \d\d:\d\d:\d\d sh -c echo much", first)
    assert rest[0] == "much"


def test_a_terminal_that_can_only_write_gets_nothing_else(setup: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not setup.Progress("packages", 2).live


def test_progress_counts_steps_and_never_claims_to_be_done(setup: ModuleType, capsys: pytest.CaptureFixture[str]):
    progress = setup.Progress("packages", 2)
    progress.live = True
    for _ in range(5):
        progress.advance("one more")
    assert "99%  one more" in capsys.readouterr().out


# --- make -------------------------------------------------------------------


def test_make_help_lists_every_target_that_has_a_description():
    listed = subprocess.check_output(["make", "help"], cwd=ROOT, text=True)
    for target in ("lab", "test", "test-fast", "soak", "lock", "clean"):
        assert re.search(rf"^{target}\s+\S", listed, re.MULTILINE), listed


def test_ci_calls_make_test():
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert commands == ['cd "$(dirname "$0")/.." && exec make test']
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_test_is_the_whole_proof():
    plan = subprocess.check_output(["make", "--dry-run", "test"], cwd=ROOT, text=True)
    for part in ("setup.py test", "ruff check", "ruff format --check", "mypy", "lint-imports", '-m "not soak"'):
        assert part in plan


LOADED = f"""
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("s", {str(SETUP)!r})
s = importlib.util.module_from_spec(spec)
spec.loader.exec_module(s)
s.ROOT = pathlib.Path(sys.argv[1])
s.LOG = s.ROOT / "artefacts" / "setup.log"
"""
WAITING = "with s.one_at_a_time(): print('mine', flush=True)"
HELD = "with s.one_at_a_time(): s.narrate('packages', ['sh', '-c', 'read line < fifo'])"


def elsewhere(script: str, checkout: Path) -> tuple[subprocess.Popen[str], str]:
    """Another set-up in the same checkout, and the first line that it says."""
    argv = [sys.executable, "-c", LOADED + script, str(checkout)]
    process = subprocess.Popen(argv, cwd=checkout, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline()


def test_a_second_set_up_waits_for_the_first(setup: ModuleType):
    with setup.one_at_a_time():
        second, said = elsewhere(WAITING, setup.ROOT)
        assert f", process {os.getpid()}; waiting for it" in said
    assert second.communicate(timeout=30)[0] == "mine\n"


def test_what_a_killed_set_up_left_running_keeps_the_folder_until_it_ends(setup: ModuleType):
    """Two installers in one environment would ruin it."""
    os.mkfifo(setup.ROOT / "fifo")
    first, said = elsewhere(HELD, setup.ROOT)
    assert "packages" in said
    installer = (setup.ROOT / "fifo").open("w")  # returns once the installer reads
    first.kill()
    first.wait()
    second, said = elsewhere(WAITING, setup.ROOT)
    assert "waiting for it" in said
    installer.close()
    assert second.communicate(timeout=30)[0] == "mine\n"
