"""Closures against two judges: ldd, and the programs themselves, run where nothing else is."""

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from cutaway.images import closure as closures
from cutaway.images.closure import Closure, Copy, Folder, Link, Written, archive, closure, digest, elf, libraries, tree
from cutaway.problem import Problem

LDD_LINE = re.compile(r"^\t(?:(\S+) => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
SEED, SAMPLE = 6, 25


def host_programs() -> list[Path]:
    """Every dynamically linked program in the two folders where programs are."""
    paths = sorted({path.resolve() for folder in ("/usr/bin", "/usr/sbin") for path in Path(folder).iterdir()})
    return [path for path in paths if path.is_file() and (asked := elf(path)) and asked.interpreter]


def according_to_ldd(program: Path) -> set[Path]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "not found" not in said, said
    return {Path(path).resolve() for _, path in LDD_LINE.findall(said)}


def differences(programs: list[Path]) -> dict[Path, set[Path]]:
    """Where we and ldd do not name the same files."""
    ours = {program: {path.resolve() for path in libraries(program).values()} for program in programs}
    return {program: diff for program in programs if (diff := ours[program] ^ according_to_ldd(program))}


def unpacked(packed: bytes, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    subprocess.run(["tar", "--extract", "--preserve-permissions", "--directory", folder], input=packed, check=True)
    return folder


def run_inside(root: Path, *command: str) -> str:
    """What the command says when `root` is all that it has; a user namespace lets anybody chroot."""
    argv = ["unshare", "--user", "--map-root-user", "chroot", str(root), *command]
    run = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin:/bin"})
    assert run.returncode == 0, f"{command}: {run.stderr}"
    return run.stdout.strip()


def test_libraries_are_those_that_ldd_names():
    programs = host_programs()
    assert len(programs) > SAMPLE, "this machine has too few programs to compare"
    assert differences(random.Random(SEED).sample(programs, SAMPLE)) == {}


@pytest.mark.soak
def test_libraries_of_every_program_here_are_those_that_ldd_names():
    assert differences(host_programs()) == {}


@pytest.mark.parametrize(
    ("command", "answer"),
    [("bash -c echo\\ $((6*7))", "42"), ("ls /usr", "bin"), ("sed --version", "GNU"), ("ip -V", "iproute2")],
)
def test_a_closure_is_enough_to_run_its_program_in_an_empty_root(command, answer, tmp_path):
    words = shlex.split(command)
    root = unpacked(archive(closure([words[0]])), tmp_path)
    assert answer in run_inside(root, *words)


def test_without_its_libraries_the_same_program_does_not_start(tmp_path):
    files = {path: entry for path, entry in closure(["bash"]).entries.items() if not path.name.startswith("libc.")}
    with pytest.raises(AssertionError, match=r"libc\.so"):
        run_inside(unpacked(archive(Closure(files)), tmp_path), "bash", "-c", "true")


def test_a_script_brings_its_interpreter(tmp_path):
    script = tmp_path / "greet"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    root = unpacked(archive(closure([script])), tmp_path / "root")
    assert run_inside(root, str(script)) == "hello"


def test_a_script_that_asks_env_brings_what_env_will_find(tmp_path):
    script = tmp_path / "greet"
    script.write_text("#!/usr/bin/env -S WORD=hello bash -e\necho $WORD\n")
    script.chmod(0o755)
    root = unpacked(archive(closure([script])), tmp_path / "root")
    assert run_inside(root, str(script)) == "hello"


def test_links_stay_links(tmp_path):
    program = tmp_path / "lists"
    program.symlink_to("/usr/bin/ls")
    entries = closure([program]).entries
    assert entries[program] == Link("/usr/bin/ls")
    assert entries[Path("/usr/bin/ls")] == Copy(Path("/usr/bin/ls"))


def test_every_step_of_a_path_is_there_before_what_lies_in_it():
    with tarfile.open(fileobj=BytesIO(archive(closure(["bash"])))) as tar:
        members = {member.name: member for member in tar}
    for index, name in enumerate(members):
        parent = str(Path(name).parent)
        assert parent == "." or (parent in list(members)[:index] and members[parent].isdir()), name


def test_a_relative_link_through_parents_is_followed(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "file").write_text("here")
    (tmp_path / "a" / "b" / "link").symlink_to("../../file")
    entries = closures.trail(tmp_path / "a" / "b" / "link")
    assert entries[tmp_path / "file"] == Copy(tmp_path / "file")


# --- Search order, on programs made for it -----------------------------------


def compiled(folder: Path, name: str, source: str, *flags: str) -> Path:
    """A small program or library made with gcc; the source goes in on standard input."""
    made = folder / name
    made.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-", "-o", str(made), *flags], input=source, text=True, check=True)
    return made


@pytest.fixture
def two_answers(tmp_path):
    """A library `libanswer.so` in two folders, with two answers, and a source that asks it."""
    for folder, answer in (("first", 1), ("second", 2)):
        compiled(tmp_path / folder, "libanswer.so", f"int answer(void) {{ return {answer}; }}", "-shared", "-fPIC")
    return "int answer(void); int main(void) { return answer(); }"


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"], ids=["RUNPATH", "RPATH"])
def test_origin_leads_to_the_library_beside_the_program(tags, two_answers, tmp_path):
    where = ["-L", str(tmp_path / "second"), "-lanswer", f"-Wl,{tags},-rpath,$ORIGIN/../second"]
    program = compiled(tmp_path / "bin", "asks", two_answers, *where)
    assert libraries(program)["libanswer.so"].resolve() == tmp_path / "second" / "libanswer.so"
    assert differences([program]) == {}
    assert subprocess.run([program], check=False).returncode == 2


@pytest.mark.parametrize(("tags", "inherited"), [("--disable-new-dtags", True), ("--enable-new-dtags", False)])
def test_a_library_inherits_the_rpath_of_its_user_and_not_the_runpath(tags, inherited, two_answers, tmp_path):
    link = ["-L", str(tmp_path / "first"), "-lanswer"]
    asks = "int answer(void); int ask(void) { return answer(); }"
    compiled(tmp_path / "first", "libasks.so", asks, "-shared", "-fPIC", *link)
    main = "int ask(void); int main(void) { return ask(); }"
    rpath = f"-Wl,{tags},-rpath,{tmp_path / 'first'},-rpath-link,{tmp_path / 'first'}"
    program = compiled(tmp_path / "bin", "asks", main, "-L", str(tmp_path / "first"), "-lasks", rpath)
    if inherited:
        assert differences([program]) == {}
        assert "libanswer.so" in libraries(program)
    else:
        with pytest.raises(Problem, match=r"its library libanswer\.so is not on this machine"):
            libraries(program)
        assert subprocess.run([program], check=False, capture_output=True).returncode == 127, "the loader agrees"


def the_cache_says(monkeypatch, *paths: Path) -> None:
    """Let the loader's cache know libanswer.so as well, which only root could tell it."""
    known = closures.cached()
    monkeypatch.setattr(closures, "cached", lambda: {**known, "libanswer.so": paths})


def test_a_library_that_only_the_cache_leads_to_gets_a_link_that_works_without_it(two_answers, tmp_path, monkeypatch):
    program = compiled(tmp_path, "asks", two_answers, "-L", str(tmp_path / "second"), "-lanswer")
    the_cache_says(monkeypatch, tmp_path / "second" / "libanswer.so")
    root = unpacked(archive(closure([program, "sh"])), tmp_path / "root")
    assert run_inside(root, "sh", "-c", f"{program}; echo $?") == "2"


def test_a_library_of_another_processor_is_passed_over(two_answers, tmp_path, monkeypatch):
    other = tmp_path / "other" / "libanswer.so"
    other.parent.mkdir()
    image = bytearray((tmp_path / "first" / "libanswer.so").read_bytes())
    image[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    other.write_bytes(image)
    program = compiled(tmp_path, "asks", two_answers, "-L", str(tmp_path / "first"), "-lanswer")
    the_cache_says(monkeypatch, other, tmp_path / "first" / "libanswer.so")
    assert libraries(program)["libanswer.so"] == tmp_path / "first" / "libanswer.so"


def test_a_static_program_needs_nothing_but_itself(tmp_path):
    program = compiled(tmp_path, "alone", "int main(void) { return 0; }", "-static")
    assert libraries(program) == {}
    files = [entry for entry in closure([program]).entries.values() if isinstance(entry, Copy)]
    assert files == [Copy(program)]


# --- The archive ------------------------------------------------------------


def test_equal_files_give_equal_bytes_at_another_time_under_another_umask(tmp_path):
    programs = ["bash", "ps"]
    here = digest(archive(closure(programs)))
    pack = "import os; os.umask(0o077); from cutaway.images.closure import *; print(digest(archive(closure(%r))))"
    argv = [sys.executable, "-c", pack % programs[::-1]]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip() == here
    os.utime(tmp_path)
    assert digest(archive(closure(programs) | {"/tmp": Folder(0o1777)})) != here


def test_nothing_in_an_archive_is_setuid_or_anybodys_but_roots():
    with tarfile.open(fileobj=BytesIO(archive(closure(["su", "mount"])))) as tar:
        for member in tar:
            assert (member.uid, member.gid, member.mtime, member.mode & 0o6000) == (0, 0, 0, 0), member.name


def test_what_we_write_into_an_image_is_there(tmp_path):
    furnished = closure(["sh"]) | {"/etc": Folder(), "/etc/motd": Written(b"hello\n"), "/tmp": Folder(0o1777)}
    root = unpacked(archive(furnished), tmp_path)
    assert (root / "etc" / "motd").read_text() == "hello\n"
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777


# --- What cannot be packed ---------------------------------------------------


def test_a_missing_program_is_named_in_one_sentence():
    with pytest.raises(Problem, match=r"^packing 'no-such-program': there is no such program on this machine; install"):
        closure(["no-such-program"])


def test_a_file_that_is_no_program_is_named_in_one_sentence(tmp_path):
    letter = tmp_path / "letter"
    letter.write_text("dear reader")
    letter.chmod(0o755)
    with pytest.raises(Problem, match="neither an ELF program nor a script"):
        closure([letter])


def test_a_tree_has_what_is_opened_by_name_with_its_libraries_and_without_what_is_left_out(tmp_path: Path) -> None:
    """Python's own library, which it opens by name: in a root with nothing else, a module in C is found."""
    python, library = Path(sys.executable).resolve(), Path(os.__file__).parent
    inside = closure([python]) | tree(library, ("__pycache__", "config-*", "*-packages", "test"))
    names = {path.name for path in inside.entries}
    assert "__pycache__" not in names
    subprocess.run(["tar", "--extract", "--directory", tmp_path], input=archive(inside), check=True)
    argv = ["unshare", "--user", "--map-root-user", "chroot", str(tmp_path), str(python), "-c", "import ssl; print(1)"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "1\n"
