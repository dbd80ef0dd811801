"""Run a program where nobody may make user namespaces, as on a machine that denies them: `python denied.py ARGV...`.

The kernel has a limit of them in each user namespace. So this makes one in which everybody is who they are, sets its
limit to nothing, and becomes the program there. See namespaces(7), "The /proc/sys/user directory".
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cutaway.linux import namespaces
from cutaway.linux.namespaces import Kind

EVERYBODY = (1 << 32) - 1


def main(argv: list[str]) -> None:
    uid, gid, root = os.getuid(), os.getgid(), not os.getuid()
    ready, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        namespaces.unshare({Kind.USER})
        os.write(ready[1], b".")
        os.read(mapped[0], 1)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.execvp(argv[0], argv)
    os.read(ready[0], 1)
    if not root:
        Path(f"/proc/{child}/setgroups").write_text("deny")
    for name, number in (("uid_map", uid), ("gid_map", gid)):
        Path(f"/proc/{child}/{name}").write_text(f"0 0 {EVERYBODY}" if root else f"{number} {number} 1")
    os.write(mapped[1], b".")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
