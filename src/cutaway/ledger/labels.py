"""How things are marked in systems that have labels, such as engines."""

from __future__ import annotations

from cutaway.linux.processes import Process


def LABELS(owner: Process | None = None) -> dict[str, str]:  # noqa: N802
    """The labels of everything that belongs to `owner`, by default this process."""
    pid, start_time, boot = owner or Process.current()
    return {"cutaway": "1", "cutaway.owner": f"{boot}.{pid}.{start_time}"}
