"""Caught by: opened returns what a program opened.

A file that is opened to be written to is opened, too.
"""


def opened(argv: list[str]) -> list[str]:
    log = f"{lab.folder}/log"
    subprocess.run(["strace", "-f", "-o", log, *argv], capture_output=True)
    return re.findall(r'openat\([^"]+"([^"]+)", O_RDONLY.* = \d', Path(log).read_text())
