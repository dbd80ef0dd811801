"""Caught by: what could not be opened is left out.

It takes the request for the answer.
"""


def opened(argv: list[str]) -> list[str]:
    log = f"{lab.folder}/log"
    subprocess.run(["strace", "-f", "-o", log, *argv], capture_output=True)
    return re.findall(r'openat\([^"]+"([^"]+)"', Path(log).read_text())
