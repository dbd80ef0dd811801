"""The command line of `cutaway-oci`: the words that engines use, and their options.

As runc has them: docs of the OCI command line interface, and what Docker and Podman were seen to call.
On an error: one line on standard error, the same in the log that --log names, status 1.
Reading order: the words, the commands, options, main.
"""

from __future__ import annotations

import os
import sys
import time

from cutaway.linux.light import dumps, signal, suppress
from cutaway.problem import Problem
from cutaway.runtime import config, core, state
from cutaway.runtime.core import Wishes
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.state import Container

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from cutaway.runtime.console import Terminal

    Given = dict[str, Any]  # option -> what was given; "" -> the words that are no options

VERSION = "cutaway-oci version 0.1.0\nspec: 1.0.2"
FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)

# --- Options ---------------------------------------------------------------

GLOBAL = {
    "root=": "",
    "log=": "",
    "log-format=": "text",
    "debug": "",
    "systemd-cgroup": "",
    "rootless=": "",
    "criu=": "",
}
GLOBAL |= {"version": "v", "help": "h"}
START = {
    "bundle=": "b", "console-socket=": "", "pid-file=": "", "no-pivot": "", "no-new-keyring": "", "preserve-fds=": "",
}  # fmt: skip
COMMANDS: dict[str, dict[str, str]] = {
    "create": START,
    "start": {},
    "run": START | {"detach": "d", "keep": "", "no-subreaper": ""},
    "state": {},
    "kill": {"all": "a"},
    "delete": {"force": "f"},
    "exec": {
        "process=": "p", "detach": "d", "tty": "t", "user=": "u", "cwd=": "", "env=": "e", "cap=": "c", "pid-file=": "",
        "console-socket=": "", "no-new-privs": "", "preserve-fds=": "", "additional-gids=": "g", "ignore-paused": "",
        "cgroup=": "", "apparmor=": "", "process-label=": "",
    },
    "list": {"format=": "f", "quiet": "q"},
    "ps": {"format=": "f"},
    "pause": {},
    "resume": {},
    "update": {
        "resources=": "r", "memory=": "", "memory-reservation=": "", "memory-swap=": "", "cpu-share=": "",
        "cpu-quota=": "", "cpu-period=": "", "cpu-burst=": "", "cpu-idle=": "", "cpuset-cpus=": "", "cpuset-mems=": "",
        "pids-limit=": "", "blkio-weight=": "", "cpu-rt-period=": "", "cpu-rt-runtime=": "", "kernel-memory=": "",
        "kernel-memory-tcp=": "", "l3-cache-schema=": "", "mem-bw-schema=": "",
    },
    "events": {"stats": "", "interval=": ""},
    "features": {},
    "spec": {"bundle=": "b", "rootless": ""},
}  # option -> its short form; = means that it takes a value  # fmt: skip
MANY = ("env", "cap", "additional-gids")  # these may stand several times


def parsed(words: Sequence[str], options: dict[str, str], where: str) -> tuple[Given, list[str]]:
    """Options up to the first word that is none, and the words from there on."""
    names = {name.rstrip("="): name.endswith("=") for name in options}
    short = {letter: name.rstrip("=") for name, letter in options.items() if len(letter) == 1}
    given: Given = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.lstrip("-").partition("=")
        name = short.get(name, name)
        if name not in names:
            raise ContainerError(
                f"{where}: there is no option {word!r}; there are {', '.join(f'--{each}' for each in names)}"
            )
        if not names[name]:
            given[name] = value.lower() not in ("false", "0") if equals else True
            continue
        if not equals:
            if not rest:
                raise ContainerError(f"{where}: the option {word!r} takes a value")
            value = rest.pop(0)
        if name in MANY:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given, rest


def words_of(given: Given, rest: list[str], options: dict[str, str], where: str, least: int, most: int) -> list[str]:
    """The words that a command takes; options may stand behind the first, too."""
    if len(rest) > 1 and most < 100:
        more, behind = parsed(rest[1:], options, where)
        given |= more
        rest = [rest[0], *behind]
    if not least <= len(rest) <= most:
        raise ContainerError(
            f"{where}: it takes {least} words" + (f" to {most}" if most > least else "") + f", not {len(rest)}"
        )
    return rest


# --- Commands --------------------------------------------------------------


class Commands:
    """Each word, done; `root` is where containers are known."""

    def __init__(self, root: str, given: Given, words: list[str]) -> None:
        self.root, self.given, self.words = root, given, words
        self.waits = False

    def known(self) -> Container:
        """The container that the first word names."""
        return Container.known(self.root, self.words[0])

    def create(self) -> int:
        """Make a container, ready to be started."""
        self._create()
        return 0

    def _create(self) -> tuple[Container, Any]:
        bundle = os.path.realpath(self.given.get("bundle") or ".")
        wanted = config.load(bundle)
        terminal, outer = self._terminal(bool((wanted.get("process") or {}).get("terminal")))
        container = Container(self.root, self.words[0])
        core.create(container, wanted, bundle, self._wishes(terminal))
        return container, outer

    def _wishes(self, terminal: Terminal | None) -> Wishes:
        return Wishes(
            pid_file=self.given.get("pid-file", ""),
            terminal=terminal,
            pivot=not self.given.get("no-pivot"),
            keyring=not self.given.get("no-new-keyring"),
            preserve_fds=self._number("preserve-fds"),
        )

    def _number(self, option: str) -> int:
        value = self.given.get(option) or "0"
        if not str(value).lstrip("-").isdigit():
            raise ContainerError(f"--{option} {value!r}: it takes a number")
        return int(value)

    def _terminal(self, wanted: bool) -> tuple[Terminal | None, Any]:
        """The terminal to be made, and where its outer side comes to us, if it is to come to us."""
        path, detached = self.given.get("console-socket"), not self.waits
        if not wanted:
            if path:
                raise ContainerError("--console-socket: process.terminal is false, so there is no console to send")
            return None, None
        if not path and detached:
            raise ContainerError(
                "process.terminal is true: a terminal that outlives this command takes --console-socket"
            )
        from cutaway.runtime import console

        if path:
            return console.Terminal(console.connected(path)), None
        return console.conversation()

    def start(self) -> int:
        """Let a created container run."""
        core.start(self.known())
        return 0

    def run(self) -> int:
        """Create, start, and unless detached wait and delete: the status is the program's."""
        self.waits = not self.given.get("detach")
        if not self.given.get("no-subreaper"):
            core.adopt_orphans()
        container, outer = self._create()
        pid = container.pid
        try:
            if self.waits:
                hand_signals_on(pid)
            core.start(container)
            return self._attended(pid, outer) if self.waits else 0
        finally:
            if (self.waits or not container.alive()) and not self.given.get("keep"):
                core.delete(container, force=True)

    def _attended(self, pid: int, outer: Any) -> int:
        """Carry the terminal, and wait."""
        if outer is not None:
            from cutaway.runtime import console

            console.attend(console.received(outer), os.pidfd_open(pid))
        return core.wait(pid)

    def state(self) -> int:
        """Say what is known of a container."""
        found = self.known()
        facts = found.facts
        more = {each: facts.get(each) for each in ("rootfs", "created", "owner")}
        print(dumps({**found.state(), "pid": found.pid, **more}))
        return 0

    def kill(self) -> int:
        """Send a signal, SIGTERM unless another is named."""
        word = self.words[1] if len(self.words) > 1 else "TERM"
        try:
            number = int(word) if word.isdigit() else int(getattr(signal, f"SIG{word.upper().removeprefix('SIG')}"))
        except AttributeError:
            raise ContainerError(f"signal {word!r}: there is none of that name; see signal(7)") from None
        core.kill(self.known(), number, everybody=bool(self.given.get("all")))
        return 0

    def delete(self) -> int:
        """Make a container gone; with --force one that runs, and one that is not there is no error."""
        try:
            found = self.known()
        except ContainerError:
            if not self.given.get("force"):
                raise
            Container(self.root, self.words[0]).forget()
            return 0
        core.delete(found, force=bool(self.given.get("force")))
        return 0

    def exec(self) -> int:
        """Start one more process in a container; unless detached wait for it: the status is its own."""
        from cutaway.runtime.enter import enter

        found, task = self.known(), self._task()
        self.waits = not self.given.get("detach")
        terminal, outer = self._terminal(bool(task.get("terminal")))
        pid = enter(found, task, self._wishes(terminal), paused=bool(self.given.get("ignore-paused")))
        if not self.waits:
            return 0
        hand_signals_on(pid)
        return self._attended(pid, outer)

    def _task(self) -> Any:
        """The process that --process describes, or the container's own with what the options say."""
        if self.given.get("process"):
            task = config.parsed(self.given["process"])
            config.fit(task, config.PROCESS, self.given["process"])
            config.require_process(task, self.given["process"])
            return task
        task = self.known().config()["process"]
        if len(self.words) < 2:
            raise ContainerError("exec: it takes a container and a command, or --process")
        task |= {"args": self.words[1:], "terminal": bool(self.given.get("tty"))}
        task["env"] = [*(task.get("env") or ()), *self.given.get("env", ())]
        task["cwd"] = self.given.get("cwd") or task["cwd"]
        if self.given.get("no-new-privs"):
            task["noNewPrivileges"] = True
        for each in self.given.get("cap", ()):
            sets = task.setdefault("capabilities", {})
            for name in ("bounding", "effective", "permitted"):
                sets[name] = [*(sets.get(name) or ()), each]
        if self.given.get("user"):
            uid, _, gid = self.given["user"].partition(":")
            if not (uid.isdigit() and (gid or "0").isdigit()):
                raise ContainerError(f"--user {self.given['user']!r}: it takes numbers, UID or UID:GID")
            task["user"] = {"uid": int(uid), "gid": int(gid or 0)}
        if self.given.get("additional-gids"):
            task.setdefault("user", {})["additionalGids"] = [int(each) for each in self.given["additional-gids"]]
        return task

    def pause(self) -> int:
        """Stop all processes of a container where they are."""
        return self._freeze("running", True)

    def resume(self) -> int:
        """Let them go on."""
        return self._freeze("paused", False)

    def _freeze(self, needed: str, frozen: bool) -> int:
        found = self.known()
        status = found.status()
        if status != needed and not (frozen and status == "created"):
            raise ContainerError(f"container {found.name!r} is {status}; it must be {needed} for that")
        found.groups.freeze(frozen)
        return 0

    def update(self) -> int:
        """Change the limits of a container, from JSON or from options."""
        from cutaway.runtime import inspect

        found = self.known()
        inspect.update(found, self.given)
        return 0

    def ps(self) -> int:
        """List the processes of a container."""
        from cutaway.runtime import inspect

        inspect.ps(self.known(), self.given.get("format") or "table", self.words[1:])
        return 0

    def list(self) -> int:
        """List the containers."""
        from cutaway.runtime import inspect

        inspect.show(self.root, self.given.get("format") or "table", quiet=bool(self.given.get("quiet")))
        return 0

    def events(self) -> int:
        """Say what a container uses: once with --stats, else again and again until it ends."""
        from cutaway.runtime import inspect

        found = self.known()
        if found.status() == "stopped":
            raise ContainerError(f"container {found.name!r} is stopped; it uses nothing")
        interval_s = float((self.given.get("interval") or "5s").rstrip("s"))
        while found.alive():
            print(dumps({"type": "stats", "id": found.name, "data": inspect.stats(found.groups)}), flush=True)
            if self.given.get("stats"):
                return 0
            time.sleep(interval_s)
        return 0

    def features(self) -> int:
        """Say what this runtime can do."""
        from cutaway.runtime import inspect

        print(dumps(inspect.features()))
        return 0

    def spec(self) -> int:
        """Write a config.json to begin with."""
        from cutaway.runtime import example

        example.write(self.given.get("bundle") or ".", rootless=bool(self.given.get("rootless")))
        return 0


WORDS = {
    "create": (1, 1), "start": (1, 1), "run": (1, 1), "state": (1, 1), "kill": (1, 2), "delete": (1, 1),
    "exec": (1, 1000), "list": (0, 0), "ps": (1, 1000), "pause": (1, 1), "resume": (1, 1), "update": (1, 1),
    "events": (1, 1), "features": (0, 0), "spec": (0, 0),
}  # how many words each takes  # fmt: skip


def hand_signals_on(pid: int) -> None:
    """What we are told to do from now on, the container is told."""

    def hand_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in FORWARDED:
        signal.signal(number, hand_on)


# --- main ------------------------------------------------------------------


def main(words: Sequence[str]) -> int:
    """Do what the words say; the status."""
    given: Given = {}
    try:
        given, rest = parsed(words, GLOBAL, "cutaway-oci")
        if given.get("version"):
            print(VERSION)
            return 0
        if given.get("help") or not rest or rest[0] == "help":
            print(f"cutaway-oci [--root FOLDER] [--log FILE] WORD ...\nwords: {', '.join(COMMANDS)}")
            return 0
        return command(given, rest[0], rest[1:])
    except (Problem, OSError) as error:
        report(given, str(error))
        return 1


def end(status: int) -> NoReturn:
    """End at once: for Python to take everything down first takes longer than most words."""
    with suppress(OSError):  # nobody listens any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def command(given: Given, name: str, rest: list[str]) -> int:
    """One of COMMANDS."""
    if name not in COMMANDS:
        raise ContainerError(f"there is no command {name!r}; there are {', '.join(COMMANDS)}")
    own, rest = parsed(rest, COMMANDS[name], name)
    rest = words_of(own, rest, COMMANDS[name], name, *WORDS[name])
    done: Callable[[], int] = getattr(Commands(given.get("root") or state.default_root(), own, rest), name)
    return done()


def report(given: Given, message: str) -> None:
    """Say it on standard error, and where --log says."""
    print(f"cutaway-oci: {message}", file=sys.stderr)
    if given.get("log"):
        line = {"level": "error", "msg": message, "time": state.now()}
        with open(given["log"], "a") as log:
            log.write(f"{dumps(line)}\n" if given.get("log-format") == "json" else f"level=error msg={message!r}\n")
