"""Caught by: the same port of another address is somebody elses.

It looks at the port alone.
"""


def listener(port: int) -> int | None:
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next((holder(row[9]) for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"), None)


def holder(inode: str) -> int | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) == f"socket:[{inode}]" for fd in process.joinpath("fd").iterdir()):
                return int(process.name)
        except OSError:
            pass
    return None
