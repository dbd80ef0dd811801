"""Caught by: what it starts is followed.

strace watches the first process only, unless it is told to follow.
"""


def opened(argv: list[str]) -> list[str]:
    log = f"{lab.folder}/log"
    subprocess.run(["strace", "-o", log, *argv], capture_output=True)
    return re.findall(r'openat\([^"]+"([^"]+)".* = \d', Path(log).read_text())
