"""Subordinate ids: the further users and groups that /etc/subuid and /etc/subgid lend to an ordinary user.

In a user namespace that has them, somebody who is not root outside is root inside and may have other users there,
as a container needs. Only from inside such a namespace can files be removed that its users left.
See subuid(5), newuidmap(1), user_namespaces(7). As a program, `python -I -S subordinate.py COMMAND ...`, it runs
COMMAND as root of such a namespace; it has to be a fresh process, with one thread.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # -I leaves no search path to our own package
    sys.path.insert(0, str(Path(__file__).parents[2]))

from cutaway.linux import namespaces
from cutaway.linux.namespaces import Kind

# --- Words -----------------------------------------------------------------

HELPERS = ("newuidmap", "newgidmap")  # setuid programs: they may write what a user may not, if the files agree


class Range(NamedTuple):
    """A run of ids that is lent."""

    first: int
    length: int


# --- Seeing ----------------------------------------------------------------


def lent(file: str) -> list[Range]:
    """The ids that `file`, /etc/subuid or /etc/subgid, lends to this process's user; root borrows from nobody."""
    uid = os.geteuid()
    try:
        names = {str(uid), pwd.getpwuid(uid).pw_name}
    except KeyError:
        names = {str(uid)}
    try:
        rows = [line.strip().split(":") for line in Path(file).read_text().splitlines()]
    except FileNotFoundError:
        return []
    return [Range(int(row[1]), int(row[2])) for row in rows if len(row) == 3 and row[0] in names]


def available() -> bool:
    """Whether this user has ids to borrow and the helpers to do it."""
    return all(map(shutil.which, HELPERS)) and bool(lent("/etc/subuid") and lent("/etc/subgid"))


# --- Using -----------------------------------------------------------------


def become_root() -> None:
    """Make this process user 0 of a new user namespace, which has all ids that are lent to this user.

    The maps are written from outside the namespace, by a child that stays there. RuntimeError when it could not.
    """
    us, (told, tell) = os.getpid(), os.pipe()
    writer = os.fork()
    if writer == 0:
        os.read(told, 1)
        os._exit(_write_maps(us))
    namespaces.unshare({Kind.USER})
    os.write(tell, b".")
    os.close(told)
    os.close(tell)
    if os.waitpid(writer, 0)[1]:
        raise RuntimeError("newuidmap or newgidmap refused; see /etc/subuid, /etc/subgid, and whether they are setuid")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _write_maps(pid: int) -> int:
    own = (os.geteuid(), os.getegid())
    for helper, file, mine in zip(HELPERS, ("/etc/subuid", "/etc/subgid"), own, strict=True):
        status = subprocess.run([helper, str(pid), *_map(mine, lent(file))], check=False).returncode
        if status:
            return 1
    return 0


def _map(mine: int, ranges: list[Range]) -> list[str]:
    """Inside 0 is outside `mine`; inside 1, 2 ... are what is lent, in order."""
    triples, inside = [(0, mine, 1)], 1
    for first, length in ranges:
        triples.append((inside, first, length))
        inside += length
    return [str(number) for triple in triples for number in triple]


if __name__ == "__main__":
    become_root()
    os.execvp(sys.argv[1], sys.argv[1:])
