"""Caught by: listener finds who listens on a port.

The number of a socket is not the number of a process.
"""


def listener(port: int) -> int | None:
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next((int(row[9]) for row in rows if row[1] == f"0100007F:{port:04X}" and row[3] == "0A"), None)
