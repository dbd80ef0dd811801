"""Caught by: opened returns what a program opened.

When the program has ended, it has nothing open any more.
"""


def opened(argv: list[str]) -> list[str]:
    program = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    program.wait()
    return [os.readlink(fd) for fd in Path(f"/proc/{os.getpid()}/fd").iterdir() if fd.exists()]
