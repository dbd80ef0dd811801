"""Programs for another processor: real ones, fetched once; and a page that goes on without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cutaway.ground import debian, foreign, programs, sieve
from cutaway.ground.foreign import Foreign
from cutaway.ground.guest import cache
from cutaway.linux import CommandFailed, commands
from cutaway.problem import Problem


def fetched() -> Foreign:
    """The programs, or a skip that says what is missing."""
    found = foreign.other()
    if not isinstance(found, Foreign):
        pytest.skip(str(found))
    return found


@pytest.mark.slow
def test_the_same_bytes_give_the_same_answer_on_both_processors_and_machine_code_does_not(tmp_path: Path) -> None:
    there, here = fetched(), sieve.build(tmp_path)
    for language, command in there.interpreters(tmp_path).items():
        assert commands.run([*command, "20000"], 120) == commands.run(here[language].command(20_000), 120), language
    assert foreign.made_for(there.java) == foreign.made_for(there.python) == there.processor
    assert foreign.made_for(here["C"].starts[0]) not in ("", there.processor)
    with pytest.raises(CommandFailed, match="Invalid ELF image"):
        commands.run(there.command(here["C"].starts[0], "100"))
    again = foreign.other()
    assert again == there
    assert not list(there.root.parent.glob(f"{cache.DRAFT}*"))


def test_a_machine_without_qemu_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "path", lambda _: None)
    found = foreign.other()
    assert not found
    assert "qemu-user is not here" in str(found)


def test_another_distribution_reads_on_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(programs, "path", lambda _: "/usr/bin/true")
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none")
    assert "this is no Debian" in str(foreign.other())


def test_a_processor_that_nobody_described_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "none are known for riscv64" in str(foreign.other())


@pytest.mark.slow
def test_a_fetch_that_fails_leaves_no_half_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not (shutil.which("apt-get") and debian.KEYRING.exists()):
        pytest.skip("this is no Debian")
    monkeypatch.setattr(programs, "path", lambda _: "/usr/bin/true")
    monkeypatch.setenv("CUTAWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(foreign, "SUITE", "no-such-suite")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")  # nobody is asked
    found = foreign.other()
    assert not found
    assert "the page goes on without them" in str(found)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_program_is_made_for_none(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("#!/bin/sh\n")
    assert foreign.made_for(text) == ""


def test_a_module_that_cannot_be_translated_names_its_file(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wat"
    broken.write_text("(module (func")
    with pytest.raises(Problem, match=r"broken\.wat"):
        sieve.binary(broken)
