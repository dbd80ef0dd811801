"""*sieve*, the program that only computes: one algorithm, one source for each language, in `notebooks/programs`."""

from __future__ import annotations

from pathlib import Path

from cutaway.ground import course

FILES = {
    "c": "sieve.c",
    "java": "Sieve.java",
    "php": "sieve.php",
    "py": "sieve.py",
    "js": "sieve.js",
    "wat": "sieve.wat",
}


def source(language: str) -> Path:
    """Where the sieve in `language` (c, java, php, py, js, wat) is; KeyError for another."""
    return course.root() / "notebooks" / "programs" / "sieve" / FILES[language]
