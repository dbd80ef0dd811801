"""The three files of lab 10 that an image is built of: what is to be installed, what installs it, and the program."""

from __future__ import annotations

from collections.abc import Iterable

INSTALL = """set -e
mkdir -p installed
while read -r name version; do echo "$version" > "installed/$name"; done < requirements.txt
cat /proc/sys/kernel/random/uuid > installed/.when
"""
PROGRAM = """trap 'exit 0' TERM
echo "{word} with" $(ls installed)
echo "installed as $(cat installed/.when)"
while :; do sleep 0.1; done
"""


def files(word: str, requirements: Iterable[str]) -> dict[str, str]:
    """A program that says the word, with these requirements: its folder, by file name."""
    wanted = "".join(f"{each} 1\n" for each in requirements)
    return {"requirements.txt": wanted, "install.sh": INSTALL, "app.sh": PROGRAM.format(word=word)}
