"""How things are marked in systems that have labels, such as engines."""

from __future__ import annotations

from collections.abc import Mapping

from cutaway.ledger import state
from cutaway.linux.processes import Process


def LABELS(owner: Process | None = None) -> dict[str, str]:  # noqa: N802
    """The labels of everything that belongs to `owner`, by default this process."""
    pid, start_time, boot_id = owner or Process.current()
    return {"cutaway": "1", "cutaway.ledger": state.mark(), "cutaway.owner": f"{pid}.{start_time}.{boot_id}"}


def owner_of(labels: Mapping[str, str]) -> Process | None:
    """The owner that the labels name, if they are of this ledger."""
    pid, start_time, boot_id = [*labels.get("cutaway.owner", "").split(".", 2), "", "", ""][:3]
    ours = labels.get("cutaway.ledger") == state.mark() and pid.isdigit() and start_time.isdigit()
    return Process(int(pid), int(start_time), boot_id) if ours else None
