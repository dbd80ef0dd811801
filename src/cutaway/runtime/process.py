"""The last steps of a container's process: who it is, what it may do, and which program it becomes.

Nothing is loaded here any more: by now the files that could be loaded are the container's.
OCI runtime specification, config.md, "process". Reading order: laying ready, becoming.
"""

from __future__ import annotations

import errno
import os
import resource
import stat

from cutaway.linux import calls, capabilities, seccomp
from cutaway.linux.files import write
from cutaway.linux.light import signal
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cutaway.runtime.config import Config
    from cutaway.runtime.judging import Judge

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where a process without PATH looks
SYS_ADMIN, SETGID = capabilities.mask(["SYS_ADMIN"]), capabilities.mask(["SETGID"])
FIRST_OF_OURS = 3  # behind the three standard streams


# --- Laying ready ----------------------------------------------------------


def enter_folder(process: Config) -> None:
    """Go where the process begins. A folder of outside, reached by an open descriptor, is refused (CVE-2024-21626)."""
    cwd = process.get("cwd") or "/"
    try:
        os.chdir(cwd)
        here = os.getcwd()
    except OSError as error:
        raise ContainerError(f"chdir({cwd!r}): {error.strerror}") from None
    if not here.startswith("/"):
        raise ContainerError(f"chdir({cwd!r}): that folder is outside the container's root")


def program(name: str, env: Sequence[str]) -> str:
    """The path of the program, found as a shell would; the words for a missing one are those that engines look for."""
    if "/" in name:
        candidates = [name]
    else:
        path = next((each.partition("=")[2] for each in reversed(env) if each.startswith("PATH=")), PATH)
        candidates = [f"{folder or '.'}/{name}" for folder in path.split(":")]
    cause = "no such file or directory" if "/" in name else "executable file not found in $PATH"
    for candidate in candidates:
        try:
            mode = os.stat(candidate).st_mode
        except OSError as error:
            if error.errno == errno.EACCES:
                cause = "permission denied"
            continue
        if stat.S_ISREG(mode) and mode & 0o111:
            return str(candidate)
        cause = "is a directory" if stat.S_ISDIR(mode) else "permission denied"
    raise ContainerError(f"exec: {name!r}: {cause}: unknown")


def settings(process: Config) -> Sequence[str]:
    """The environment, with a HOME."""
    env: list[str] = list(process.get("env") or ())
    if any(each.startswith("HOME=") and each != "HOME=" for each in env):
        return env
    uid = (process.get("user") or {}).get("uid") or 0
    return [*(each for each in env if not each.startswith("HOME=")), f"HOME={home(uid)}"]


def home(uid: int) -> str:
    """The home of a user of the container, as its /etc/passwd says."""
    try:
        with open("/etc/passwd", errors="surrogateescape") as users:
            fields = [line.rstrip("\n").split(":") for line in users]
    except OSError:
        return "/"
    return next((each[5] for each in fields if len(each) > 5 and each[2] == str(uid) and each[5]), "/")


def limit(process: Config) -> None:
    """Set the resource limits; more than this machine gives takes CAP_SYS_RESOURCE."""
    for each in process.get("rlimits") or ():
        number = getattr(resource, each["type"], None)
        if number is None:
            raise ContainerError(
                f"config.json: process.rlimits: {each['type']}: Linux has no such limit; see getrlimit(2)"
            )
        soft, hard = (-1 if each.get(which, 0) >= 1 << 63 else each.get(which, 0) for which in ("soft", "hard"))
        try:
            resource.setrlimit(number, (soft, hard))
        except (OSError, ValueError) as error:
            raise ContainerError(f"setrlimit({each['type']}, {soft}, {hard}): {error}; see getrlimit(2)") from None


def forget_python() -> None:
    """Undo what Python did to the signals: the program must find them as any program does."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def set_priority(process: Config) -> None:
    """How willingly the kernel ends it when memory runs out; less willingly than ours takes CAP_SYS_RESOURCE."""
    if process.get("oomScoreAdj") is not None:
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(process["oomScoreAdj"]))
        except PermissionError:
            if os.geteuid() == 0 and int(process["oomScoreAdj"]) > 0:
                raise


def label(process: Config) -> None:
    """Let the program begin under the AppArmor profile or the SELinux label that it is to have."""
    for key, word in (("apparmorProfile", "exec {}"), ("selinuxLabel", "{}")):
        if process.get(key):
            places = ["/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"]
            place = next(filter(os.path.exists, places if key == "apparmorProfile" else places[1:]), places[1])
            try:
                write(place, word.format(process[key]))
            except OSError as error:
                raise ContainerError(f"process.{key} {process[key]!r}: {error.strerror}; is it loaded here?") from None


def own_streams(process: Config) -> None:
    """Let the user open its own streams again, as /dev/stdout; what cannot be given away stays as it is."""
    uid = (process.get("user") or {}).get("uid") or 0
    for stream in range(3):
        try:
            there = os.fstat(stream)
            if there.st_uid != uid and there.st_rdev != os.makedev(1, 3):
                os.fchown(stream, uid, -1)
        except OSError:  # another's, or on a file system that has no owners
            continue


# --- Becoming --------------------------------------------------------------


def becoming(process: Config, judge: Judge) -> Callable[[], int]:
    """Everything but the last step is done when this returns: that one is to call what it returns.

    The filter is installed as late as can be, so that it need not allow what happens before. Whoever may still gain
    privileges needs CAP_SYS_ADMIN to install it; so that one is kept until then, and given up right after.
    """
    env, user = settings(process), process.get("user") or {}
    path = program(process["args"][0], env)
    label(process)
    start = calls.execve(path, process["args"], env)
    wanted = allowed(process)
    gaining = not process.get("noNewPrivileges")
    for_filter = SYS_ADMIN if judge and gaining else 0
    capabilities.limit(wanted["bounding"])
    capabilities.keep_when_changing_user()
    change_user(user)
    had = capabilities.held()["permitted"]
    for name in ("permitted", "effective", "inheritable"):
        wanted[name] &= had
    wanted["effective"] &= wanted["permitted"]
    wanted["ambient"] &= wanted["permitted"] & wanted["inheritable"]
    capabilities.assume(
        (wanted["effective"] | for_filter) & had, (wanted["permitted"] | for_filter) & had, wanted["inheritable"]
    )
    capabilities.make_ambient(wanted["ambient"])
    os.umask(user["umask"] if user.get("umask") is not None else 0o022)
    calls.close_on_exec(FIRST_OF_OURS + int(process.get("preserveFds") or 0))
    if not gaining:
        seccomp.no_new_privileges()

    def become() -> int:
        if judge:
            judge.install(gaining=gaining)
        if for_filter & ~wanted["permitted"]:
            capabilities.assume(wanted["effective"], wanted["permitted"], wanted["inheritable"])
        return start()

    return become


def allowed(process: Config) -> dict[str, int]:
    """The five sets as masks; a name that this kernel does not have is left out, as the specification wants it."""
    asked = process.get("capabilities") or {}
    known = {f"CAP_{name}" for name in capabilities.NAMES}
    return {name: capabilities.mask(known.intersection(asked.get(name) or ())) for name in capabilities.SETS}


def change_user(user: Config) -> None:
    """Become the user; groups first, for afterwards one may not."""
    uid, gid = user.get("uid") or 0, user.get("gid") or 0
    try:
        change_groups(user.get("additionalGids") or ())
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise ContainerError(
            f"becoming user {uid} with group {gid}: {error.strerror}; is it in the id mappings?"
        ) from None


def change_groups(gids: Sequence[int]) -> None:
    """Be in these groups and no others; in those of before where an ordinary user's mapping forbids to leave them.

    Who has the right and is refused has met that mapping: user_namespaces(7), "setgroups". /proc would say so, too, but
    what lies there by now is the container's.
    """
    try:
        os.setgroups(gids)
    except PermissionError:
        if not capabilities.held()["effective"] & SETGID:
            raise
