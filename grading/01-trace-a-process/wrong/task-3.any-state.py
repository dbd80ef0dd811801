"""Caught by: where nobody listens there is none.

It takes either end of a connection for a listener.
"""


def listener(port: int) -> int | None:
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next((holder(row[9]) for row in rows if row[1] == f"0100007F:{port:04X}"), None)


def holder(inode: str) -> int | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) == f"socket:[{inode}]" for fd in process.joinpath("fd").iterdir()):
                return int(process.name)
        except OSError:
            pass
    return None
