"""The options of mounts, as mount(8) and the specification write them, and what mount(2) is told for each.

OCI runtime specification, config.md, "Linux mount options".
"""

from __future__ import annotations

from cutaway.linux.attach import Flag

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Iterable

ON = {
    "ro": Flag.RDONLY, "nosuid": Flag.NOSUID, "nodev": Flag.NODEV, "noexec": Flag.NOEXEC, "sync": Flag.SYNCHRONOUS,
    "remount": Flag.REMOUNT, "mand": Flag.MANDLOCK, "dirsync": Flag.DIRSYNC, "nosymfollow": Flag.NOSYMFOLLOW,
    "noatime": Flag.NOATIME, "nodiratime": Flag.NODIRATIME, "bind": Flag.BIND, "rbind": Flag.BIND | Flag.REC,
    "relatime": Flag.RELATIME, "strictatime": Flag.STRICTATIME, "iversion": Flag.I_VERSION,
    "lazytime": Flag.LAZYTIME, "silent": Flag.SILENT,
}  # fmt: skip
OFF = {
    "rw": Flag.RDONLY, "suid": Flag.NOSUID, "dev": Flag.NODEV, "exec": Flag.NOEXEC, "async": Flag.SYNCHRONOUS,
    "nomand": Flag.MANDLOCK, "symfollow": Flag.NOSYMFOLLOW, "atime": Flag.NOATIME, "diratime": Flag.NODIRATIME,
    "norelatime": Flag.RELATIME, "nostrictatime": Flag.STRICTATIME, "noiversion": Flag.I_VERSION,
    "nolazytime": Flag.LAZYTIME, "loud": Flag.SILENT, "defaults": 0,
}  # fmt: skip
PROPAGATION = {
    name: way | deep
    for base, way in (
        ("private", Flag.PRIVATE), ("slave", Flag.SLAVE), ("shared", Flag.SHARED), ("unbindable", Flag.UNBINDABLE)
    )
    for name, deep in ((base, 0), (f"r{base}", Flag.REC))
}  # fmt: skip

# For all mounts below as well, by mount_setattr(2): name -> (set, clear), the MOUNT_ATTR_ numbers of linux/mount.h.
ATTRIBUTES = {
    "rro": (1, 0), "rrw": (0, 1), "rnosuid": (2, 0), "rsuid": (0, 2), "rnodev": (4, 0), "rdev": (0, 4),
    "rnoexec": (8, 0), "rexec": (0, 8), "rrelatime": (0, 0x70), "rnorelatime": (0x20, 0x70),
    "rnoatime": (0x10, 0x70), "ratime": (0, 0x70), "rstrictatime": (0x20, 0x70), "rnostrictatime": (0, 0x70),
    "rnodiratime": (0x80, 0), "rdiratime": (0, 0x80), "rnosymfollow": (0x200000, 0), "rsymfollow": (0, 0x200000),
}  # fmt: skip
OURS = ("tmpcopyup", "idmap", "ridmap", "copy-symlink")  # what a runtime does itself


class Options:
    """One mount's options, sorted by who takes them."""

    def __init__(self, words: Iterable[str]) -> None:
        self.flags, self.cleared = 0, 0
        self.propagation: list[int] = []
        self.attributes: list[tuple[int, int]] = []
        self.own: set[str] = set()
        data = []
        for word in words:
            if word in ON:
                self.flags |= ON[word]
            elif word in OFF:
                self.flags &= ~OFF[word]
                self.cleared |= OFF[word]
            elif word in PROPAGATION:
                self.propagation.append(PROPAGATION[word])
            elif word in ATTRIBUTES:
                self.attributes.append(ATTRIBUTES[word])
            elif word in OURS:
                self.own.add(word)
            else:
                data.append(word)
        self.data = ",".join(data)

    @property
    def bind(self) -> bool:
        """Whether a tree is shown a second time, in place of a file system being attached."""
        return bool(self.flags & Flag.BIND)
