"""A submission's notebook as it is to be run: read as far as it can be, and with the release's own cells put back.

Of what was handed in only sources, kinds and the names of cells are taken; outputs, other metadata and claims about
points are not. See nbgrader's OverwriteCells and DeduplicateIds, of which this does the work for damaged notebooks.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # nbgrader takes a second to load
    from cutaway.grading.nbcourse import Notebook, Source

NOTEBOOK_BYTES, CELLS, SOURCE_CHARACTERS = 32 << 20, 2000, 1 << 20
PARTS = 2_000_000  # lists and objects, each of which takes many times more memory than its bracket
DEPTH = 100  # of what is written down again: what could just be read may be too deep for whoever writes


class NoNotebook(Exception):
    """The file is no notebook; the message says what is wrong with it."""


@dataclass
class Cell:
    """One cell to run or to read: `owned` is the release's cell that it is or answers, if any."""

    kind: str
    source: str
    owned: Source | None = None
    attachments: dict[str, Any] = field(default_factory=dict)

    @property
    def checksum(self) -> str:
        """As nbgrader computes it."""
        assert self.owned is not None
        owned, parts = self.owned, [self.source, self.kind]
        locked = not owned.solution and (owned.grade or owned.locked)
        parts += [str(owned.grade), str(owned.solution), str(locked), owned.name]
        parts += [str(float(owned.points))] if owned.grade else []
        return hashlib.md5("".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    @property
    def unanswered(self) -> bool:
        """Whether an answer is as it was given."""
        return self.owned is not None and self.owned.checksum == self.checksum


def read(content: bytes) -> list[dict[str, Any]]:
    """The cells of a notebook of any of its formats, as far as they are cells. NoNotebook when there is none."""
    if len(content) > NOTEBOOK_BYTES:
        raise NoNotebook(f"it is larger than {NOTEBOOK_BYTES >> 20} MiB")
    if content.count(b"[") + content.count(b"{") > PARTS:
        raise NoNotebook(f"it has more than {PARTS} lists and objects")
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise NoNotebook(f"it is not JSON: {str(error)[:100]}") from None
    if not isinstance(found, dict):
        raise NoNotebook("it is JSON, but not an object")
    cells = found.get("cells")
    if cells is None and isinstance(found.get("worksheets"), list):  # formats 2 and 3
        cells = [cell for sheet in found["worksheets"] if isinstance(sheet, dict)
                 for cell in sheet.get("cells") or []]  # fmt: skip
    if not isinstance(cells, list):
        raise NoNotebook("it has no cells")
    if len(cells) > CELLS:
        raise NoNotebook(f"it has more than {CELLS} cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def is_shallow(value: Any, depth: int = DEPTH) -> bool:
    """Whether it is nested no deeper."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(is_shallow(each, depth - 1) for each in inner if isinstance(each, dict | list))


def restored(content: bytes, notebook: Notebook) -> tuple[list[Cell], list[str]]:
    """The cells in the order in which they run, and what had to be mended."""
    flags: list[str] = []
    raw = read(content)
    if others := _of_another_version(raw, notebook):
        flags.append(f"it was made from another version than is released now: {', '.join(others)}")
    cells = [_cell(each, notebook, flags, others) for each in raw]
    _once(cells, flags)
    _put_back(cells, notebook, flags)
    return cells, list(dict.fromkeys(flags))


def _of_another_version(raw: list[dict[str, Any]], notebook: Notebook) -> list[str]:
    """The cells that say of themselves that they were released otherwise: by the checksum that nbgrader gave them."""
    released = [dict(each) for each in notebook.released.cells] if notebook.released else []
    known = dict(map(_stamp, released))
    found = [name for name, checksum in map(_stamp, raw) if name in known and checksum not in (None, known[name])]
    return list(dict.fromkeys(found))


def _stamp(raw: dict[str, Any]) -> tuple[str, str | None]:
    claimed = _claimed(raw)
    name, checksum = claimed.get("grade_id"), claimed.get("checksum")
    return name if isinstance(name, str) else "", checksum if isinstance(checksum, str) else None


def _claimed(raw: dict[str, Any]) -> dict[str, Any]:
    """What a cell says of itself to nbgrader."""
    metadata = raw.get("metadata")
    claimed = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return claimed if isinstance(claimed, dict) else {}


def _cell(raw: dict[str, Any], notebook: Notebook, flags: list[str], others: list[str]) -> Cell:
    source = raw.get("source", raw.get("input", ""))
    text = "".join(part for part in source if isinstance(part, str)) if isinstance(source, list) else source
    text = text if isinstance(text, str) else ""
    if len(text) > SOURCE_CHARACTERS:
        flags.append(f"a cell of more than {SOURCE_CHARACTERS} characters was cut")
        text = text[:SOURCE_CHARACTERS]
    kind = raw.get("cell_type") if raw.get("cell_type") in ("code", "markdown", "raw") else "markdown"
    name = _claimed(raw).get("grade_id")
    owned = notebook.cells.get(name) if isinstance(name, str) else None
    attachments = raw.get("attachments")
    taken = attachments if isinstance(attachments, dict) and is_shallow(attachments) else {}
    cell = Cell(str(kind), text, owned, taken)
    if owned is not None:
        _overwrite(cell, owned, flags, others, notebook.given.get(owned.name, _visible(owned.source)))
    return cell


def _overwrite(cell: Cell, owned: Source, flags: list[str], others: list[str], given: str) -> None:
    """What students may not change is as it was released, with what was hidden of it; they were `given` the rest."""
    if cell.kind != owned.cell_type:
        flags.append(f"{owned.name}: its kind was changed to {cell.kind}")
        cell.kind = owned.cell_type
    changed = cell.checksum != owned.checksum if owned.checksum else cell.source != owned.source
    if not owned.solution and (owned.locked or owned.grade) and changed:
        if cell.source.strip() != given.strip() and owned.name not in others:
            flags.append(f"{owned.name}: a locked cell was edited")
        cell.source = owned.source


def _visible(source: str) -> str:
    """A source without its hidden tests, as students had it."""
    lines, hidden = [], False
    for line in source.splitlines():
        if "BEGIN HIDDEN TESTS" in line:
            hidden = True
        if not hidden:
            lines.append(line)
        if "END HIDDEN TESTS" in line:
            hidden = False
    return "\n".join(lines)


def _once(cells: list[Cell], flags: list[str]) -> None:
    """Of cells with one name the last counts, as nbgrader has it; pieces of an answer are all run, in their order.

    An answer that a person will read is put together again.
    """
    last: dict[str, Cell] = {}
    for cell in [*reversed(cells)]:
        if cell.owned is None:
            continue
        name, owned = cell.owned.name, cell.owned
        if name not in last:
            last[name] = cell
        elif not owned.solution:
            flags.append(f"{name}: it was there more than once")
            cells[:] = [each for each in cells if each is not cell]
        else:
            flags.append(f"{name}: the answer is spread over several cells")
            cell.owned = None
            if owned.grade:
                last[name].source = f"{cell.source}\n\n{last[name].source}"
                cells[:] = [each for each in cells if each is not cell]


def _put_back(cells: list[Cell], notebook: Notebook, flags: list[str]) -> None:
    """What was deleted and is not an answer to run stands again behind what stood before it."""
    position = -1
    for name, owned in notebook.cells.items():
        here = next((place for place, cell in enumerate(cells) if cell.owned is owned), None)
        if here is not None:
            position = here
        elif owned.marked or not owned.solution:
            flags.append(f"{name}: it was deleted, and is put back")
            position += 1
            cells.insert(position, Cell(owned.cell_type, owned.source, owned))
