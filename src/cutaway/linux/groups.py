"""Control groups, of version 2 or 1, behind one small vocabulary.

Version 2 is one tree: a group is one folder, and a controller works in it when the folder above has handed it down.
Version 1 is a tree for each controller: a group is a folder in every one of them. What both do is said here once:
make, join, see, limit, freeze, kill, remove. What only one has is said by name: a file of the other raises.
`Groups` is the group of one name wherever it has a folder; before it stand what is done to one folder with all below.
See cgroups(7) and the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1; taught in notebook 07.
"""

from __future__ import annotations

import errno
import os
import time

from cutaway.linux.files import read, write
from cutaway.linux.light import signal, suppress

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping

UNIFIED = ""  # version 2's one hierarchy, where version 1 has the names of controllers
PATIENCE_S, PAUSE_S = 10, 0.002

# --- Where hierarchies are -------------------------------------------------


def hierarchies(mountinfo: str = "/proc/self/mountinfo") -> dict[str, tuple[str, str]]:
    """Controller -> where its hierarchy is mounted, and which group of it that shows; version 1 wins on a hybrid."""
    found: dict[str, tuple[str, str]] = {}
    unified = None
    for line in read(mountinfo).splitlines():
        before, _, after = line.partition(" - ")
        filesystem, _, options = after.split(" ", 2)
        root, target = before.split(" ")[3:5]
        if filesystem == "cgroup2":
            unified = unified or (target, root)
        elif filesystem == "cgroup":
            names = [each for each in options.split(",") if each not in ("rw", "ro", "xattr", "clone_children")]
            for name in names:
                if not name.startswith("release_agent="):
                    found.setdefault(name, (target, root))
    controllers = [name for name in found if not name.startswith("name=")]
    return found if controllers or unified is None else {UNIFIED: unified}


def own_paths(pid: int | str = "self") -> dict[str, str]:
    """Controller -> the group of this process, or of another, as /proc/PID/cgroup says it."""
    paths: dict[str, str] = {}
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    return paths


# --- One folder, with all below it -----------------------------------------


def below(folder: str) -> list[str]:
    """This group and all below it, the deepest first."""
    return [each for each, _, _ in os.walk(folder, topdown=False)]


def members(folder: str) -> list[int]:
    """The processes in this group and in all below it."""
    found: list[int] = []
    for each in below(folder):
        with suppress(OSError):  # gone in between
            found += map(int, read(f"{each}/cgroup.procs").split())
    return found


def kill(folder: str, number: int = signal.SIGKILL) -> None:
    """Send every member a signal; SIGKILL ends also who is frozen, and in version 2 who is born meanwhile."""
    if number == signal.SIGKILL and os.path.exists(f"{folder}/cgroup.kill"):
        write(f"{folder}/cgroup.kill", "1")
        return
    for pid in members(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    for each in below(folder) if number == signal.SIGKILL else ():
        if os.path.exists(f"{each}/freezer.state"):  # of version 1's hierarchies, only this one freezes
            write(f"{each}/freezer.state", "THAWED")


def remove(folder: str) -> None:
    """Kill what is in the group and make it gone, with all below it; TimeoutError when processes stay."""
    if _removed(folder):
        return
    if os.getpid() in members(folder):
        raise OSError(errno.EBUSY, f"removing {folder}: this process itself is in it; move it out first")
    deadline = time.monotonic() + PATIENCE_S
    while not _removed(folder):
        with suppress(FileNotFoundError):
            kill(folder)
        if time.monotonic() > deadline:
            raise TimeoutError(f"rmdir({folder!r}): still in use after {PATIENCE_S} s by processes {members(folder)}")
        time.sleep(PAUSE_S)


def _removed(folder: str) -> bool:
    """Remove the folder and those in it, as far as no process is there; an ordinary folder is an OSError."""
    if not os.path.exists(f"{folder}/cgroup.procs"):
        if not os.path.exists(folder):
            return True
        why = "it is no control group; see /proc/self/mountinfo for where they are"
        raise OSError(errno.EINVAL, f"removing {folder}: {why}")
    with suppress(OSError):  # it is not empty
        os.rmdir(folder)
        return True
    for each in below(folder):
        with suppress(OSError):
            os.rmdir(each)
    return not os.path.exists(folder)


def _folders(above: Mapping[str, str], path: str) -> dict[str, str]:
    """Controller -> where the group `path`, below the group that is `above` in its hierarchy, has its folder."""
    folders = {}
    for controller, (target, root) in hierarchies().items():
        over = above.get(controller, "/")
        within = os.path.relpath(over, root) if over.startswith(root) else over.lstrip("/")
        folders[controller] = os.path.normpath(f"{target}/{within}/{path}")
    return folders


# --- The group of one name -------------------------------------------------


class Groups:
    """The group of one name in every hierarchy: `folders` is controller -> folder."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.folders = dict(folders)

    @classmethod
    def named(cls, path: str) -> Groups:
        """Absolute: below the top of each hierarchy, as it is mounted here; else below this process's own groups."""
        return cls(_folders({} if path.startswith("/") else own_paths(), path.lstrip("/")))

    @classmethod
    def of(cls, pid: int) -> Groups:
        """Those that a process is in."""
        return cls(_folders(own_paths(pid), ""))

    @property
    def unified(self) -> bool:
        """Whether this is version 2."""
        return UNIFIED in self.folders

    def folder(self, controller: str) -> str:
        """Where the files of a controller are; OSError where this machine does not have it."""
        if self.unified:
            return self.folders[UNIFIED]
        if controller not in self.folders:
            raise OSError(errno.ENODEV, f"no hierarchy for the controller {controller!r} is mounted; see /proc/cgroups")
        return self.folders[controller]

    # --- Making, joining, seeing

    def make(self) -> None:
        """Make the groups, and those above them that are missing."""
        for controller, folder in self.folders.items():
            _make(folder)
            if controller == "cpuset":
                _inherit_cpuset(folder)
            if self.unified:
                _hand_down(hierarchies()[UNIFIED][0], folder)

    def exist(self) -> bool:
        """Whether they are there, at least one of them."""
        return any(os.path.isdir(folder) for folder in self.folders.values())

    def join(self, pid: int) -> None:
        """Move a process into all of the groups; its later children begin there."""
        for folder in dict.fromkeys(self.folders.values()):
            write(f"{folder}/cgroup.procs", str(pid))

    def enter(self) -> None:
        """Move this process, which has one thread, into all of the groups.

        By itself, because to move another one the kernel first waits until no process of the machine forks or ends.
        """
        for folder in dict.fromkeys(self.folders.values()):
            write(f"{folder}/{'cgroup.procs' if self.unified else 'tasks'}", "0")

    def members(self) -> list[int]:
        """The processes in these groups and in groups below them; in version 1, one hierarchy speaks for all."""
        return members(next(iter(self.folders.values()), "/no"))

    # --- Limiting

    def set(self, controller: str, file: str, value: str) -> None:
        """Write one file, such as `memory.max`."""
        write(f"{self.folder(controller)}/{file}", value)

    def get(self, controller: str, file: str) -> str:
        """Read one file."""
        return read(f"{self.folder(controller)}/{file}").strip()

    def has(self, controller: str, file: str) -> bool:
        """Whether there is such a file: kernels are built without some."""
        return (self.unified or controller in self.folders) and os.path.exists(f"{self.folder(controller)}/{file}")

    # --- Freezing, killing, removing

    def freeze(self, frozen: bool) -> None:
        """Stop all processes where they are, or let them go on; back when they have stopped."""
        if self.unified:
            self.set("freezer", "cgroup.freeze", str(int(frozen)))
        else:
            self.set("freezer", "freezer.state", "FROZEN" if frozen else "THAWED")
        deadline = time.monotonic() + PATIENCE_S
        while self.frozen() != frozen:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"freezing {self.folder('freezer')}: not done after {PATIENCE_S} s; thaw it and try again"
                )
            time.sleep(PAUSE_S)

    def frozen(self) -> bool:
        """Whether all in it are stopped."""
        if self.unified:
            return "frozen 1" in self.get("freezer", "cgroup.events")
        return self.has("freezer", "freezer.state") and self.get("freezer", "freezer.state") == "FROZEN"

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send every member a signal."""
        kill(next(iter(self._folders()), "/no"), number)

    def remove(self) -> None:
        """Kill what is left in them and make them gone; TimeoutError when processes stay."""
        for folder in self._folders():
            remove(folder)

    def _folders(self) -> list[str]:
        """Each once; the freezer's first, because what is frozen there cannot end."""
        return sorted(set(self.folders.values()), key=lambda folder: folder != self.folders.get("freezer"))


# --- What one version only needs -------------------------------------------


def _make(folder: str) -> None:
    """Make the folder, and those above it that are missing."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(os.path.dirname(folder))
        _make(folder)


def _inherit_cpuset(folder: str) -> None:
    """In version 1 a new group of cpuset has no processors, and takes no process until it has.

    Nor has the one above, when somebody else has made it a moment ago.
    """
    above = os.path.dirname(folder)
    for need in ("cpuset.cpus", "cpuset.mems"):
        if not read(f"{folder}/{need}").strip():
            if not read(f"{above}/{need}").strip():
                _inherit_cpuset(above)
            write(f"{folder}/{need}", read(f"{above}/{need}"))


def _hand_down(top: str, folder: str) -> None:
    """In version 2 each folder above must hand its controllers down, which it cannot while processes are in it."""
    above = top
    for name in os.path.relpath(folder, top).split("/"):
        for controller in read(f"{above}/cgroup.controllers").split():
            with suppress(OSError):  # not delegated to us, or processes are there: what needs it will say so
                write(f"{above}/cgroup.subtree_control", f"+{controller}")
        above = f"{above}/{name}"
