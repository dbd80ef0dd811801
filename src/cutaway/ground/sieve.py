"""*sieve*, the program that only computes: one algorithm, one source for each language, in `notebooks/programs`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from cutaway.ground import course
from cutaway.linux import commands
from cutaway.problem import Problem

FILES = {
    "c": "sieve.c",
    "java": "Sieve.java",
    "php": "sieve.php",
    "py": "sieve.py",
    "js": "sieve.js",
    "wat": "sieve.wat",
}
WASM_HOST = Path(__file__).with_name("wasm_host.py")


def source(language: str) -> Path:
    """Where the sieve in `language` (c, java, php, py, js, wat) is; KeyError for another."""
    return course.root() / "notebooks" / "programs" / "sieve" / FILES[language]


@dataclass(frozen=True)
class Runnable:
    """What the kernel starts, and what that then reads; `reads` is empty for a program that reads nothing."""

    starts: tuple[str, ...]
    reads: tuple[str, ...] = ()

    def command(self, limit: int, *options: str) -> list[str]:
        """The command that counts the primes below `limit`; `options` are for the program that is started."""
        return [*self.starts, *options, *self.reads, str(limit)]


def build(folder: Path) -> dict[str, Runnable]:
    """Compile into `folder` what needs it (machine code, a class file, a module); the six ways to run *sieve*.

    Needs a C compiler and a JDK.
    """
    commands.run(["gcc", "-O2", "-o", f"{folder}/sieve", str(source("c"))])
    commands.run(["javac", "-d", str(folder), str(source("java"))], timeout_s=30)
    module = folder / "sieve.wasm"
    module.write_bytes(binary(source("wat")))
    return {
        "C": Runnable((f"{folder}/sieve",)),
        "Java": Runnable(("java",), ("-cp", str(folder), "Sieve")),
        "PHP": Runnable(("php",), (str(source("php")),)),
        "Python": Runnable((sys.executable,), (str(source("py")),)),
        "JavaScript": Runnable(("node",), (str(source("js")),)),
        "WebAssembly": Runnable((sys.executable, str(WASM_HOST)), (str(module),)),
    }


def binary(text: Path) -> bytes:
    """The module that a file in WebAssembly's text format describes, in its binary format."""
    try:
        return bytes(wasmtime.wat2wasm(text.read_text()))
    except wasmtime.WasmtimeError as error:
        raise Problem(f"translating {text}: {error}; mend it there") from error
