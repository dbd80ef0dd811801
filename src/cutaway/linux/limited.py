"""Run a command with fewer rights: which capabilities it keeps, whether it may gain any, what it may ask of the kernel.

    child.run(limited.command("chroot / true", without={"SYS_CHROOT"}))

`command` writes a command line; run, it is this file, which gives the rights up and then becomes the command.
So a filter must let execve(2) pass, as that of a container must. Taught in notebook 09.
Run as a program: `python -I -S limited.py RIGHTS COMMAND ...`, where RIGHTS is JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

from cutaway.linux import calls, capabilities, filters, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from cutaway.linux.commands import Command
    from cutaway.linux.filters import Profile
    from cutaway.linux.seccomp import Instruction

CANNOT_START = 127  # the shell's status for a command that is not there

# --- Outside ---------------------------------------------------------------


def command(
    line: Command,
    *,
    only: Iterable[str] | None = None,
    without: Iterable[str] = (),
    gaining: bool = True,
    profile: Profile | None = None,
    program: Sequence[Instruction] | None = None,
) -> list[str]:
    """The command line that runs `line` with these rights and no more.

    It keeps all capabilities that it has, or `only` these, `without` those; they limit the bounding set as well,
    where the caller may do that. Unless it is `gaining`, no program that it starts gains any. Its system calls are
    judged by a seccomp `profile` or by a ready `program`, and then it gains nothing either.
    """
    rights = {
        "only": None if only is None else sorted(only),
        "without": sorted(without),
        "gaining": gaining,
        "profile": profile,
        "program": program,
    }
    argv = ["/bin/sh", "-c", line] if isinstance(line, str) else list(line)
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), json.dumps(rights), *argv]


# --- Inside ----------------------------------------------------------------


def keep(only: Iterable[str] | None, without: Iterable[str]) -> None:
    """Give up all capabilities but these, for this process and what it starts; ValueError for an unknown name."""
    held = capabilities.sets()["permitted"]
    kept = (held if only is None else held & capabilities.mask(only)) & ~capabilities.mask(without)
    if held & capabilities.mask({"SETPCAP"}):
        capabilities.limit(kept)
    if kept != held:
        capabilities.assume(kept, kept, 0)


def found(program: str) -> str:
    """The path of a program as a shell would find it; the name itself, if it is nowhere."""
    paths = [program] if "/" in program else [f"{folder}/{program}" for folder in os.get_exec_path()]
    return next((path for path in paths if os.access(path, os.X_OK)), program)


def main(rights: str, *argv: str) -> NoReturn:
    """Give up what is not among the rights, then become the command: all is ready before, but for one system call."""
    told = json.loads(rights)
    program = told["program"] or (told["profile"] and filters.compiled(told["profile"], os.uname().machine))
    become = calls.execve(found(argv[0]), argv, [f"{name}={value}" for name, value in os.environ.items()])
    keep(told["only"], told["without"])
    if not told["gaining"]:
        seccomp.no_new_privileges()
    if program:
        seccomp.install([tuple(each) for each in program])
    try:
        become()
    except OSError as error:
        print(error, file=sys.stderr)
    sys.exit(CANNOT_START)


if __name__ == "__main__":
    main(*sys.argv[1:])
