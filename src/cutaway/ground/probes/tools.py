"""The programs that lessons run, each asked to do a little of its work; and room on the disk."""

from __future__ import annotations

import shutil
import tempfile

from cutaway import ledger
from cutaway.ground.probes.finding import DEFECT, Lacking, ask, probe


@probe("java", tried="start the virtual machine and the compiler", opens="bytecode, and Java beside other interpreters")
def java() -> str:
    machine = ask("java", ["java", "--version"]).splitlines()[0]
    return f"{machine}; {ask('java', ['javac', '--version'])}"


@probe("php", tried="have it multiply 6 by 7", opens="PHP beside other interpreters")
def php() -> str:
    return expect("42", ask("php", ["php", "-r", "echo 6 * 7;"]))


@probe("node", tried="have it multiply 6 by 7", opens="JavaScript beside other interpreters")
def node() -> str:
    return expect("42", ask("node", ["node", "--eval", "process.stdout.write(String(6 * 7))"]))


@probe("strace", tried="trace one program from its first call", opens="system calls, one by one")
def strace() -> str:
    calls = ask("strace", "strace -o /dev/stdout true").splitlines()
    if not calls or not calls[0].startswith("execve("):
        raise Lacking(f"it shows {calls[:1]}", DEFECT)
    return f"it saw {len(calls)} lines, from execve to exit"


@probe("C compiler", tried="compile and run the smallest program", opens="programs as files of machine code")
def c_compiler() -> str:
    ask("C compiler", "echo 'int main(void) { return 0; }' | gcc -x c -o /dev/null -")
    return "it made a program"


@probe("mariadb", tried="ask the server for its version", opens="a page that counts its visitors")
def mariadb() -> str:
    return ask("mariadb", ["mariadbd", "--no-defaults", "--version"])


@probe("nginx", tried="ask the server for its version", opens="a reverse proxy before a page")
def nginx() -> str:
    return ask("nginx", "nginx -v 2>&1")


@probe("docker client", tried="ask the command for its version", opens="an engine, as one types to it")
def docker_client() -> str:
    return ask("docker client", ["docker", "--version"])


@probe("compose", tried="ask the command for its version", opens="an application from one file")
def compose() -> str:
    return ask("compose", "docker-compose --version 2>/dev/null || docker compose version")


@probe("graphviz", tried="render one arrow", opens="drawings of this machine")
def graphviz() -> str:
    picture = ask("graphviz", "echo 'digraph { program -> kernel }' | dot -Tsvg")
    if "<svg" not in picture or "kernel" not in picture:
        raise Lacking(f"what it rendered is no drawing: {picture[:60]!r}", DEFECT)
    return "it made an SVG with both names"


@probe("busybox", tried="have its shell multiply 6 by 7", opens="the smallest images")
def busybox() -> str:
    return expect("42", ask("busybox", ["/bin/busybox", "sh", "-c", "echo $((6 * 7))"]))


def expect(right: str, said: str) -> str:
    if said != right:
        raise Lacking(f"it said {said!r}", DEFECT)
    return f"it said {said}"


ROOM_BYTES = 2 << 30  # a private engine with the course's images
PIECE_BYTES = 1 << 20


@probe("disk", tried="write a piece of a file in the state folder and count what is free", opens="an engine's images")
def disk() -> str:
    folder = ledger.state_folder()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # it has no name, so nothing is left however this ends
            file.write(bytes(PIECE_BYTES))
            file.flush()
    except OSError as error:
        raise Lacking(error, "make room, or set CUTAWAY_STATE to a folder on a disk that has some") from error
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB are free at {folder}"
    if free < ROOM_BYTES:
        raise Lacking(said, f"make room for {ROOM_BYTES / 1e9:.1f} GB, or set CUTAWAY_STATE to a folder that has it")
    return said
