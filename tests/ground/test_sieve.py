"""*sieve*: one algorithm, whose answer is the same in every language."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.ground import sieve
from cutaway.linux import commands

LIMITS = ("2", "10", "1000", "100000")


def primes_below(limit: int) -> int:
    """Counted in another way than the sieve's: by trial division."""
    return sum(all(number % each for each in range(2, int(number**0.5) + 1)) for number in range(2, limit))


COMMANDS = {
    "py": lambda source, _: [sys.executable, source],
    "php": lambda source, _: ["php", source],
    "js": lambda source, _: ["node", source],
    "java": lambda source, _: ["java", source],
    "c": lambda source, folder: compiled(["gcc", "-O2", "-o", f"{folder}/sieve", source], f"{folder}/sieve"),
}


def compiled(compiler: list[str], program: str) -> list[str]:
    subprocess.run(compiler, check=True)
    return [program]


@pytest.mark.parametrize("language", COMMANDS)
def test_every_language_counts_the_same_primes(language: str, tmp_path: Path) -> None:
    needed = {"py": sys.executable, "js": "node", "c": "gcc"}.get(language, language)
    if not shutil.which(needed):
        pytest.skip(f"{needed} is not here")
    command = COMMANDS[language](str(sieve.source(language)), tmp_path)
    for limit in LIMITS if language != "java" else LIMITS[-2:]:
        said = subprocess.run([*command, limit], capture_output=True, text=True, check=True).stdout
        assert said.split()[0] == str(primes_below(int(limit))), f"{language}, {limit}: {said}"


@pytest.mark.slow
def test_what_is_built_counts_the_same_primes_with_every_option_of_its_reader(tmp_path: Path) -> None:
    if not (shutil.which("gcc") and shutil.which("javac") and shutil.which("node") and shutil.which("php")):
        pytest.skip("needs gcc, a JDK, node and php")
    options = {"Java": "-Xint", "JavaScript": "--jitless", "WebAssembly": "--interpreted"}
    for language, program in sieve.build(tmp_path).items():
        for chosen in ([], [options[language]] if language in options else []):
            assert commands.run(program.command(10_000, *chosen)) == "1229 primes below 10000", (language, chosen)


def test_there_is_a_source_for_every_language_and_no_other_file() -> None:
    folder = sieve.source("c").parent
    assert {path.name for path in folder.iterdir()} == set(sieve.FILES.values())


def test_a_language_that_nobody_wrote_it_in_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="cobol"):
        sieve.source("cobol")
