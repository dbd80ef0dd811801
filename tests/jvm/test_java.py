"""`cutaway java` behaves as `java` does: streams, exit codes, sentences, and UTF-8 whatever the locale."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cutaway.jvm.launcher import ENGINES


def cutaway(classes: Path, *words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "cutaway", "java", "-cp", str(classes), *words]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, env={**os.environ, **environment})


@pytest.mark.parametrize("engine", ENGINES)
def test_the_exit_code_is_the_programs(classes: Path, engine: str) -> None:
    done = cutaway(classes, "--engine", engine, "ExitCodes")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_output_is_utf8_in_the_c_locale(classes: Path) -> None:
    done = cutaway(classes, "Unicode", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "本" in done.stdout.decode()


def test_an_uncaught_exception_ends_in_javas_words(classes: Path) -> None:
    done = cutaway(classes, "UncaughtInMain")
    assert done.returncode == 1
    assert done.stdout == b"before\n"
    assert done.stderr.startswith(b'Exception in thread "main" java.lang.IllegalStateException: nobody catches\n\tat ')


def test_a_missing_class_is_said_as_java_says_it(tmp_path: Path) -> None:
    done = cutaway(tmp_path, "Nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: Could not find or load main class Nowhere\n")


def test_a_missing_part_says_so_by_name(tmp_path: Path) -> None:
    (tmp_path / "T.java").write_text(
        "public class T { public static void main(String[] a) { new Thread(() -> {}).start(); } }"
    )
    subprocess.run(["javac", "-d", tmp_path, tmp_path / "T.java"], check=True)
    done = cutaway(tmp_path, "T")
    assert done.returncode == 1
    assert b"UnsupportedOperationException: java.lang.Thread is not part of cutaway's Java machine" in done.stderr


def test_a_reader_that_goes_away_ends_the_program_quietly(tmp_path: Path) -> None:
    (tmp_path / "Chatter.java").write_text(
        'public class Chatter { public static void main(String[] a) { while (true) System.out.println("more"); } }'
    )
    subprocess.run(["javac", "-d", tmp_path, tmp_path / "Chatter.java"], check=True)
    command = [sys.executable, "-m", "cutaway", "java", "-cp", str(tmp_path), "Chatter"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.wait(timeout=60) == 141
        assert program.stderr is not None
        assert program.stderr.read() == b""


def test_hello_world_costs_less_than_a_second_of_processor_time(tmp_path: Path) -> None:
    (tmp_path / "Hello.java").write_text(
        'public class Hello { public static void main(String[] a) { System.out.println("Hello, " + a.length + "!"); } }'
    )
    subprocess.run(["javac", "-d", tmp_path, tmp_path / "Hello.java"], check=True)
    before = os.times()
    started = time.monotonic()
    done = cutaway(tmp_path, "Hello")
    after = os.times()
    assert done.stdout == b"Hello, 0!\n"
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 1, f"{spent:.2f} s of processor time, {time.monotonic() - started:.2f} s on the wall"
