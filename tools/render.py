"""Paint every diagram beside its source: `python tools/render.py`; with `--check` say which pictures are out of date.

The pictures are compared byte by byte where Graphviz and its font are those that painted them (a picture's last line
says which), and elsewhere by their words: another version sets the same text a little differently.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from xml.etree import ElementTree

from cutaway.draw import diagram
from cutaway.draw.diagrams import folder, sources


def painter() -> str:
    """The version of Graphviz and the font that it finds for ours."""
    version = subprocess.run(["dot", "-V"], capture_output=True, text=True, check=True).stderr
    ask = ["fc-match", "Helvetica", "family"]  # without fontconfig Graphviz estimates the widths of letters
    font = subprocess.run(ask, capture_output=True, text=True, check=True).stdout if which(ask[0]) else "no font"
    return f"Graphviz {re.findall(r'[0-9.]+', version)[0]}, {font.strip()}"


def painted(source: Path) -> str:
    """The picture of one diagram, as it is kept."""
    return f"{diagram(source.stem).svg}\n<!-- {painter()} -->\n"


def words(picture: str) -> list[str]:
    """All text of a picture in order, whatever its places."""
    return ["".join(element.itertext()) for element in ElementTree.fromstring(picture).iter() if element.text]


def is_current(kept: str, new: str) -> bool:
    """Whether a kept picture is what its source says today."""
    same_painter = kept.splitlines()[-1:] == new.splitlines()[-1:]
    return kept == new if same_painter else words(kept) == words(new)


def out_of_date() -> list[str]:
    """Every picture that differs from its source, and every one of the two that stands alone."""
    names = {path.stem for path in folder().iterdir() if path.suffix in {".py", ".svg"}}
    return [complaint for name in sorted(names) if (complaint := _complaint(folder() / name))]


def _complaint(path: Path) -> str:
    source, picture = path.with_name(f"{path.name}.py"), path.with_name(f"{path.name}.svg")
    if not source.exists():
        return f"{picture.name} has no source"
    if not picture.exists():
        return f"{source.name} has no picture"
    return "" if is_current(picture.read_text(), painted(source)) else f"{picture.name} is not what {source.name} says"


def main() -> int:
    if "--check" in sys.argv[1:]:
        complaints = out_of_date()
        print("\n".join([*complaints, "paint them with `python tools/render.py`"]) if complaints else "all are current")
        return 1 if complaints else 0
    for source in sources():
        source.with_suffix(".svg").write_text(painted(source))
        print(source.with_suffix(".svg").name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
