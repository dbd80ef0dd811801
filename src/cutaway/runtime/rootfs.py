"""The container's view of files: everything is attached below its root, and then that root becomes /.

Nothing here trusts what lies in the root: an image may hold links that point anywhere. Each place is opened as if the
root were / already (openat2(2), RESOLVE_IN_ROOT), and mounts go to that open place, by its number under /proc/self/fd.
All of it happens before the root is entered, with this machine's own /proc and /dev/null.
OCI runtime specification, config.md, "Mounts", and config-linux.md. Reading order: the view, one mount, kinds of
mount, devices, entering.
"""

from __future__ import annotations

import errno
import os
import stat

from cutaway.linux import attach, calls, groups
from cutaway.linux.attach import Flag
from cutaway.linux.files import read
from cutaway.linux.light import suppress
from cutaway.runtime.config import linux, namespaces
from cutaway.runtime.options import PROPAGATION, Options
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cutaway.linux.groups import Groups
    from cutaway.runtime.config import Config

    Mount = Mapping[str, Any]

CHARACTER = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {
    "/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2", "/dev/ptmx": "pts/ptmx",
}  # config-linux.md, "Default Devices" and runtime-linux.md, "Dev symbolic links"  # fmt: skip
KINDS_OF_NODE = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
LINKS_AT_MOST = 40  # as the kernel: MAXSYMLINKS of linux/namei.h


# --- The view --------------------------------------------------------------


class View:
    """The tree below `path`, while it is being furnished; `root` is that folder, open."""

    def __init__(self, config: Config, bundle: str, container_groups: Groups) -> None:
        self.config, self.bundle, self.groups = config, bundle, container_groups
        self.path = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
        self.kinds = namespaces(config)
        self.within_user, self.maps_ids = "user" in self.kinds, self.kinds.get("user") == ""
        self.root = -1
        wanted = linux(config).get("rootfsPropagation") or ""
        if wanted not in (*PROPAGATION, ""):
            raise ContainerError(
                f"config.json: linux.rootfsPropagation: {wanted!r} is none of {', '.join(PROPAGATION)}"
            )
        self.propagation = PROPAGATION[wanted] | Flag.REC if wanted else Flag.SLAVE | Flag.REC
        if self.propagation & Flag.UNBINDABLE:  # what is so already cannot be bound: only in the end it becomes so
            self.propagation = Flag.PRIVATE | Flag.REC

    def furnish(self, lower: str = "", room_bytes: int = 0) -> None:
        """Attach all that config.json asks for, in its order, then devices, masks and the rest."""
        self._detach_from_the_machine()
        if lower:
            self._lay_over(lower, room_bytes)
        calls.mount(self.path, self.path, flags=Flag.BIND | Flag.REC)
        calls.mount("", self.path, flags=Flag.PRIVATE)
        self.root = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        late = [self._mount(each) for each in self.config.get("mounts") or ()]
        if not self._dev_is_bound():
            self._devices()
        for path in linux(self.config).get("maskedPaths") or ():
            self._there(path, attach.mask)
        for path in linux(self.config).get("readonlyPaths") or ():
            self._there(path, self._seal)
        self._folder_to_start_in()
        for destination in filter(None, late):
            attach.restrict(self._again(destination), Flag.RDONLY)

    def _detach_from_the_machine(self) -> None:
        """Mounts made here reach nobody outside."""
        calls.mount("", "/", flags=self.propagation)
        if self.propagation & Flag.SHARED:
            calls.mount("", _mount_point(self.path), flags=Flag.PRIVATE)

    def _lay_over(self, lower: str, room_bytes: int) -> None:
        """Show `lower` as the root; what is written goes to a layer in memory, and is gone with the last process."""
        attach.tmpfs(self.path, room_bytes)
        upper, work = f"{self.path}/upper", f"{self.path}/work"
        os.mkdir(upper)
        os.chmod(upper, stat.S_IMODE(os.stat(lower).st_mode))
        os.mkdir(work)
        attach.overlay(self.path, lower, upper, work, within_user=self.within_user)

    # --- One mount

    def _mount(self, mount: Mount) -> str | None:
        """Attach one; its destination, if it must become read-only after all others."""
        options, destination = Options(mount.get("options") or ()), os.path.normpath("/" + mount["destination"])
        kind = "bind" if options.bind else mount.get("type") or "none"
        ways = {"bind": self._bind, "cgroup": self._cgroup, "cgroup2": self._cgroup}
        if options.own & {"idmap", "ridmap"} or mount.get("uidMappings") or mount.get("gidMappings"):
            raise ContainerError(f"mounting at {destination}: this runtime maps no owners of a mount (idmap)")
        late = kind == "tmpfs" and destination == "/dev" and bool(options.flags & Flag.RDONLY)
        if late:
            options.flags &= ~Flag.RDONLY
        try:
            ways.get(kind, self._filesystem)(mount, destination, options)
            for way in options.propagation:
                calls.mount("", self._again(destination), flags=way)
            for on, off in options.attributes:
                attach.change_tree(self._again(destination), on, off)
        except OSError as error:
            raise ContainerError(f"mounting {mount.get('source') or kind} at {destination}: {_said(error)}") from None
        return destination if late else None

    def _filesystem(self, mount: Mount, destination: str, options: Options) -> None:
        """A file system of its own."""
        kind = mount.get("type") or "none"
        if kind in ("proc", "sysfs") and self._is_link(destination):
            raise ContainerError(f"mounting {kind} at {destination}: a link is there; the image must have a folder")
        place = self._place(destination, folder=True)
        data = options.data
        try:
            calls.mount(mount.get("source") or kind, place, kind, options.flags, data)
        except calls.Refused as refused:
            if kind == "mqueue" and refused.errno == errno.EPERM:
                raise ContainerError("mounting mqueue: it takes an ipc namespace of the container's own") from None
            if kind not in ("sysfs", "proc") or refused.errno not in (errno.EPERM, errno.EBUSY) or not self.within_user:
                raise
            calls.mount(f"/{'sys' if kind == 'sysfs' else 'proc'}", place, flags=Flag.BIND | Flag.REC)
        if "tmpcopyup" in options.own:
            copy_up(
                os.open(place, os.O_RDONLY | os.O_CLOEXEC),
                os.open(self._again(destination), os.O_RDONLY | os.O_CLOEXEC),
            )

    def _bind(self, mount: Mount, destination: str, options: Options) -> None:
        """A tree of this machine, shown once more; it takes other options only afterwards, when it is remounted."""
        source = os.path.join(self.bundle, mount.get("source") or "")
        place = self._place(destination, folder=os.path.isdir(source) or not os.path.exists(source))
        calls.mount(source, place, flags=options.flags & (Flag.BIND | Flag.REC))
        more = options.flags & ~(Flag.BIND | Flag.REC)
        if more or options.cleared:
            again = self._again(destination)
            try:
                calls.mount("", again, flags=Flag.BIND | Flag.REMOUNT | more)
            except calls.Refused as refused:  # what a user namespace found locked must stay on
                if refused.errno != errno.EPERM:
                    raise
                calls.mount("", again, flags=Flag.BIND | Flag.REMOUNT | attach.kept(again) | more)

    def _cgroup(self, mount: Mount, destination: str, options: Options) -> None:
        """The container's own groups: as a file system of its own where it has a namespace for them, else bound."""
        place = self._place(destination, folder=True)
        if self.groups.unified:
            self._hierarchy("cgroup2", place, os.readlink(place), options, self.groups.folders[groups.UNIFIED])
            return
        calls.mount("tmpfs", place, "tmpfs", options.flags & ~Flag.RDONLY, "mode=755")
        inside = self._again(destination)  # no link is in there: it is as empty as it was made
        trees = groups.hierarchies()
        for target in dict.fromkeys(top for top, _ in trees.values()):
            controllers = [name for name, (top, _) in trees.items() if top == target]
            folder = self.groups.folders.get(controllers[0])
            if folder is None or not os.path.isdir(folder):
                continue
            name = os.path.basename(target)
            there = f"{inside}/{name}"
            with suppress(FileExistsError):
                os.mkdir(there, 0o755)
            self._hierarchy("cgroup", there, there, options, folder, ",".join(controllers))
            for each in controllers:
                if each != name and not each.startswith("name="):
                    with suppress(FileExistsError):
                        os.symlink(name, f"{inside}/{each}")
        if options.flags & Flag.RDONLY:
            attach.restrict(inside, Flag.RDONLY)

    def _hierarchy(self, kind: str, place: str, again: str, options: Options, folder: str, data: str = "") -> None:
        """Attach one at `place`, which is `again` once something is attached there."""
        if "cgroup" in self.kinds:
            try:
                calls.mount("cgroup", place, kind, options.flags, data)
                return
            except calls.Refused as refused:
                if refused.errno not in (errno.EPERM, errno.EBUSY):
                    raise
        calls.mount(folder, place, flags=Flag.BIND | Flag.REC)
        attach.restrict(again, options.flags)

    # --- Places in the root

    def _place(self, path: str, *, folder: bool) -> str:
        """Where `path` is in the root, made if it is missing; as a path that no link can lead astray any more."""
        return f"/proc/self/fd/{self._opened(path, folder, LINKS_AT_MOST)}"

    def _again(self, path: str) -> str:
        """The same once something was mounted there: what was open lies beneath it."""
        return f"/proc/self/fd/{calls.open_in_root(self.root, path, os.O_PATH)}"

    def _opened(self, path: str, folder: bool, links: int) -> int:
        try:
            return calls.open_in_root(self.root, path, os.O_PATH)
        except calls.Refused as refused:
            if refused.errno != errno.ENOENT or not links:
                raise
        above, name = os.path.split(path)
        parent = self._opened(above, True, links)
        try:
            target = os.readlink(name, dir_fd=parent)  # a link to what is not there yet
        except OSError:
            if folder:
                os.mkdir(name, 0o755, dir_fd=parent)
            else:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755, dir_fd=parent))
            return calls.open_in_root(self.root, path, os.O_PATH)
        return self._opened(os.path.normpath(os.path.join(above, target)), folder, links - 1)

    def _there(self, path: str, change: Any) -> None:
        """Change what is at `path`, if anything is."""
        try:
            place = self._again(path)
        except calls.Refused as refused:
            if refused.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                return
            raise
        change(place)

    def _seal(self, place: str) -> None:
        path = os.readlink(place)
        calls.mount(place, place, flags=Flag.BIND | Flag.REC)
        inside = os.path.relpath(path, self.path)
        attach.restrict(self._again(f"/{inside}"), Flag.RDONLY)

    def _is_link(self, path: str) -> bool:
        above, name = os.path.split(path)
        try:
            parent = calls.open_in_root(self.root, above, os.O_PATH)
            return stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        except OSError:
            return False

    def _folder_to_start_in(self) -> None:
        process = self.config.get("process") or {}
        if process.get("cwd"):
            try:
                self._place(os.path.normpath(process["cwd"]), folder=True)
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.ELOOP):  # it is told when it is entered
                    raise

    # --- Devices

    def _dev_is_bound(self) -> bool:
        mounts = self.config.get("mounts") or ()
        return any(
            os.path.normpath(each["destination"]) == "/dev" and Options(each.get("options") or ()).bind
            for each in mounts
        )

    def _devices(self) -> None:
        before = os.umask(0)
        nodes = [
            {"type": "c", "path": f"/dev/{name}", "major": major, "minor": minor, "fileMode": 0o666}
            for name, (major, minor) in CHARACTER.items()
        ]
        for node in {each["path"]: each for each in [*nodes, *(linux(self.config).get("devices") or ())]}.values():
            self._device(node)
        for path, target in LINKS.items():
            self._link(path, target, replace=path == "/dev/ptmx")
        if os.path.exists("/proc/kcore"):
            self._link("/dev/core", "/proc/kcore")
        os.umask(before)

    def _device(self, node: Mount) -> None:
        """Make a node; where one may not, as in a user namespace, this machine's own is bound there."""
        path = os.path.normpath("/" + (node.get("path") or ""))
        if node.get("type") not in KINDS_OF_NODE:
            raise ContainerError(f"config.json: linux.devices: {path}: type {node.get('type')!r} is none of c, u, b, p")
        mode = (node.get("fileMode") or 0o666) & 0o7777 | KINDS_OF_NODE[node["type"]]
        device = os.makedev(node.get("major") or 0, node.get("minor") or 0)
        above, name = os.path.split(path)
        parent = self._opened(above, True, LINKS_AT_MOST)
        try:
            if self.within_user:
                raise PermissionError
            os.mknod(name, mode, device, dir_fd=parent)
            os.chown(name, node.get("uid") or 0, node.get("gid") or 0, dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if (stat.S_IFMT(there.st_mode), there.st_rdev) != (stat.S_IFMT(mode), device):
                raise ContainerError(f"making the device {path}: something else is there already") from None
        except PermissionError:
            if os.path.exists(path):
                calls.mount(path, self._place(path, folder=False), flags=Flag.BIND)

    def _link(self, path: str, target: str, *, replace: bool = False) -> None:
        above, name = os.path.split(path)
        parent = self._opened(above, True, LINKS_AT_MOST)
        if replace:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
        with suppress(FileExistsError):
            os.symlink(target, name, dir_fd=parent)

    # --- Entering

    def opened(self) -> View:
        """The same with its root open, also where nothing was furnished."""
        if self.root < 0:
            self.root = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def put(self, source: str, path: str) -> None:
        """Bind what is at `source`, a path in the root, to `path` as well."""
        calls.mount(self._again(source), self._place(path, folder=False), flags=Flag.BIND)

    def enter(self, *, pivot: bool = True) -> None:
        """Make the tree /, and let go of the one before."""
        os.chdir(self.path)
        if pivot:
            self._pivot()
        else:
            calls.mount(self.path, "/", flags=Flag.MOVE)
            os.chroot(".")
        os.chdir("/")
        wanted = linux(self.config).get("rootfsPropagation")
        if wanted:
            calls.mount("", "/", flags=PROPAGATION[wanted])
        if self.config["root"].get("readonly"):
            attach.restrict("/", Flag.RDONLY)

    def _pivot(self) -> None:
        """Old and new root change places in one folder, pivot_root(2): no place for the old one is needed."""
        old = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        calls.pivot_root(".", ".")
        os.fchdir(old)
        calls.mount("", ".", flags=Flag.SLAVE | Flag.REC)  # or our unmounting would travel
        calls.umount(".", calls.MNT_DETACH)
        os.close(old)


def _mount_point(path: str) -> str:
    """The mount that `path` lies on."""
    targets = [line.split(" ")[4] for line in read("/proc/self/mountinfo").splitlines()]
    return max((each for each in targets if f"{path}/".startswith(each.rstrip("/") + "/")), key=len)


def _said(error: OSError) -> str:
    return str(error) if isinstance(error, calls.Refused) else f"{error.strerror}: {error.filename or ''}".rstrip(": ")


def copy_up(source: int, target: int) -> None:
    """Copy what the folder `source` holds into the folder `target`; neither follows a link."""
    for entry in os.scandir(source):
        there = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(there.st_mode):
            os.symlink(os.readlink(entry.name, dir_fd=source), entry.name, dir_fd=target)
        elif stat.S_ISDIR(there.st_mode):
            os.mkdir(entry.name, dir_fd=target)
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            copy_up(os.open(entry.name, flags, dir_fd=source), os.open(entry.name, flags, dir_fd=target))
        elif stat.S_ISREG(there.st_mode):
            reading = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
            writing = os.open(entry.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=target)
            while os.sendfile(writing, reading, None, 1 << 30):
                pass
            os.close(reading)
            os.close(writing)
        else:
            continue
        os.chown(entry.name, there.st_uid, there.st_gid, dir_fd=target, follow_symlinks=False)
        if not stat.S_ISLNK(there.st_mode):
            os.chmod(entry.name, stat.S_IMODE(there.st_mode), dir_fd=target)
    here = os.fstat(source)
    os.fchown(target, here.st_uid, here.st_gid)
    os.fchmod(target, stat.S_IMODE(here.st_mode))
    os.close(source)
    os.close(target)
