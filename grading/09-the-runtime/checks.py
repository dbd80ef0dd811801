"""What lab 09 asks for, in five tasks.

The learner's classes are written down as a program, which is put into a dry dock of the check's own: namespaces in
which it is user 0 and nobody else is. There it is called as engines call a runtime, with bundles that nobody has seen,
and the processes that come of it are looked at from outside, through the kernel. What a container's program is, the
check knows by a word among its arguments; what the runtime says is only compared with that.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.check import looking
from cutaway.check.bench import Bench
from cutaway.check.contract import CannotRun, Missed, asks
from cutaway.ground.dry_dock import FOLDER, ROOT, ROOTFS, CommandFailed, DryDock, Said, config
from cutaway.linux import capabilities, mounts, namespaces, processes
from cutaway.linux.namespaces import Kind
from cutaway.linux.processes import Process, descendants
from cutaway.problem import Problem

KINDS = {"pid": Kind.PID, "network": Kind.NET, "ipc": Kind.IPC, "uts": Kind.UTS, "mount": Kind.MNT}
RUNTIME = f"{FOLDER}/runtime"
STAYS = "trap 'echo told > /told; exit' 10 12; while :; do sleep 0.2; done"  # until SIGUSR1 or SIGUSR2 comes
NAME, WORD = "box", "WORD"
Config = dict[str, Any]


class Laid(NamedTuple):
    """A container that the runtime was told to run: where, the word by which its program is known, and its bundle."""

    dock: DryDock
    word: str
    config: Config

    def process(self) -> Process:
        """The container's program; Missed when there is none."""
        found = programs(self.dock, self.word)
        if not found:
            ended = self.dock.path(f"{FOLDER}/{self.word}.status").exists()
            said = _last_line(self.dock.path(f"{FOLDER}/{self.word}.err"))
            raise Missed(f"the program does not run; the runtime said: {said}", FIRST_LOOK, final=ended)
        return found[0]


FIRST_LOOK = "Run the cell below the task: there stands the whole traceback, whose last line says what was refused."

# --- Task 1: namespaces ----------------------------------------------------


@asks(task=1, points=2)
def the_program_has_the_namespaces_that_are_listed(bench: Bench) -> Laid:
    listed = {"pid", "uts", "mount", bench.learner.random("kinds").choice(["network", "ipc"])}
    laid = lay(bench, "Enclosed", "listed", linux={"namespaces": [{"type": kind} for kind in sorted(listed)]})
    process = laid.process()
    for kind, there in KINDS.items():
        new = looking.identity(process, there) != namespaces.identity(there, laid.dock.box.pid)
        if new != (kind in listed):
            which = "a new" if new else "the old"
            raise missed(
                f"{' '.join(sorted(listed))} are listed, and the program has {which} {kind} one",
                "Which flags does your call get, for which entries? And who is in a new one at once, and who later?",
            )
    return laid


@asks(task=1, points=1, needs=[the_program_has_the_namespaces_that_are_listed])
def a_namespace_that_has_a_path_is_joined(bench: Bench, _: Laid) -> None:
    dock = dock_of(bench)
    path = bench.kept("other network", lambda: nullcontext(another_network(dock)))
    kinds = [{"type": "uts"}, {"type": "network", "path": path}]
    process = lay(bench, "Enclosed", "joined", linux={"namespaces": kinds}).process()
    if looking.identity(process, Kind.NET) != dock.path(path).stat().st_ino:
        old = looking.identity(process, Kind.NET) == namespaces.identity(Kind.NET, dock.box.pid)
        raise missed(
            f"the program's network is {'the one that it came from' if old else 'a new one'}, not that of the path",
            "What is done with an entry that says more than its kind?",
        )


@asks(task=1, points=1, needs=[the_program_has_the_namespaces_that_are_listed])
def the_container_has_its_name_and_the_dock_its_own(bench: Bench, laid: Laid) -> None:
    name, wanted = looking.host_name(laid.process()), laid.config["hostname"]
    if name != wanted:
        raise missed(f"the container is called {name}, and should be {wanted}", "Whose business is that name?")
    outside = laid.dock.box.run("hostname")
    if outside != "dock":
        raise missed(f"outside, the dock is called {outside} now", "Where was your process when it gave that name?")


# --- Task 2: files ---------------------------------------------------------


@asks(task=2, points=1)
def the_program_sees_the_files_of_its_root(bench: Bench) -> Laid:
    mark, dock = f"mark-{secrets.token_hex(3)}", dock_of(bench)
    asked = bench.kept("files", lambda: nullcontext(files(dock, mark)))
    laid = lay(bench, "Furnished", "files", mounts=asked)
    names = looking.listed(laid.process(), "/")
    marks = [each for each in names if each.startswith("mark-")]
    if not marks:
        raise missed(f"in / the program finds {' '.join(sorted(names)[:8])}", "Whose / is that, and who moves it?")
    return laid


@asks(task=2, points=1, needs=[the_program_sees_the_files_of_its_root])
def nothing_of_outside_is_left_behind_its_root(bench: Bench, laid: Laid) -> None:
    number = looking.numbers(laid.process())[1]
    seen = laid.dock.run("nsenter", f"--target={number}", "--mount", "ls", "/").out.split()
    if not any(each.startswith("mark-") for each in seen):
        raise missed(
            f"who enters its mount namespace finds in /: {' '.join(seen[:8])}",
            "A process can be given another root, and a whole namespace can. Which of them did you do?",
        )


@asks(task=2, points=1, needs=[the_program_sees_the_files_of_its_root])
def what_is_listed_is_mounted_in_its_order(bench: Bench, laid: Laid) -> Laid:
    process = laid.process()
    there = {each.target: each for each in mounts.mounts(process.pid)}
    for each in laid.config["mounts"]:
        found = there.get(each["destination"])
        if found is None or not os.path.lexists(f"/proc/{process.pid}/root{each['destination']}"):
            what = "nothing is mounted" if found is None else "what is mounted lies below something else"
            raise missed(f"at {each['destination']} {what}", "In which order do they have to come, and why?")
        lost = {"nosuid", "noexec"}.intersection(each["options"]) - found.options
        lost |= {option for option in each["options"] if option.startswith("size=")} - found.super_options
        if lost:
            raise missed(f"{each['destination']} is mounted without {' '.join(lost)}", "Who gets which of the options?")
    return laid


@asks(task=2, points=1, needs=[what_is_listed_is_mounted_in_its_order], name="what is bound read-only is read-only")
def what_is_bound_read_only_is_read_only(bench: Bench, laid: Laid) -> None:
    there = {each.target: each.options for each in mounts.mounts(laid.process().pid)}
    for each in laid.config["mounts"]:
        if "bind" in each["options"] and ("ro" in each["options"]) != ("ro" in there[each["destination"]]):
            wrong = "read-only" if "ro" in there[each["destination"]] else "open to writing"
            raise missed(f"{each['destination']} is {wrong}", "Which call looks at that option, and at which mount?")


# --- Task 3: rights --------------------------------------------------------


@asks(task=3, points=1)
def the_program_has_its_folder_and_its_environment(bench: Bench) -> Laid:
    word = bench.learner.word
    kept = bench.learner.random("rights").sample(["CAP_CHOWN", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_SETUID"], 3)
    laid = lay(
        bench, "Restricted", "rights",
        process={"cwd": "/var/www", "env": ["PATH=/bin", f"{WORD}={word}", "ODD=a=b"], "noNewPrivileges": True,
                 "capabilities": {"bounding": kept}},
    )  # fmt: skip
    process = laid.process()
    has = {*Path(f"/proc/{process.pid}/environ").read_text().split("\0")} - {""}
    wanted = set(laid.config["process"]["env"])
    if has != wanted:
        what = (
            f"lacks {' '.join(sorted(wanted - has))}" if wanted - has else f"has {' '.join(sorted(has - wanted))[:60]}"
        )
        hint = "Whose environment does a program begin with? Print yours inside."
        raise Missed(f"its environment {what}", hint, final=bool(has))  # it has none while it becomes the program
    folder, wanted_folder = str(Path(f"/proc/{process.pid}/cwd").readlink()), laid.config["process"]["cwd"]
    if folder != wanted_folder:
        raise missed(f"it began in {folder}, and not in {wanted_folder}", "Print its folder inside.")
    return laid


@asks(task=3, points=1, needs=[the_program_has_its_folder_and_its_environment])
def it_has_the_capabilities_of_its_bounding_set(bench: Bench, laid: Laid) -> None:
    sets = capabilities.sets(laid.process().pid)
    wanted = laid.config["process"]["capabilities"]["bounding"]
    for which in ("bounding", "permitted", "effective"):
        if sets[which] != capabilities.mask(wanted):
            more = sets[which] & ~capabilities.mask(wanted)
            names = capabilities.names(more or capabilities.mask(wanted) & ~sets[which])
            raise missed(
                f"{'more' if more else 'less'} than asked for in its {which} set: {' '.join(names[:4])}",
                "Read the lines with Cap of /proc/self/status inside. Which are the ones to take away?",
            )


@asks(task=3, points=1, needs=[the_program_has_its_folder_and_its_environment])
def it_gains_no_new_privileges_where_that_is_said(bench: Bench, laid: Laid) -> None:
    process = {**laid.config["process"], "noNewPrivileges": False}
    for each in (laid, lay(bench, "Restricted", "gaining", process=process)):
        status = Path(f"/proc/{each.process().pid}/status").read_text()
        said, has = each.config["process"]["noNewPrivileges"], "NoNewPrivs:\t1" in status
        if said != has:
            raise missed(
                f"noNewPrivileges is {json.dumps(said)}, and the kernel has it {'on' if has else 'off'}",
                "When is that to be said to the kernel, and by what call?",
            )


# --- Task 4: two steps -----------------------------------------------------


@asks(task=4, points=1)
def after_create_the_program_waits(bench: Bench) -> Made:
    made = create(bench, "Stepwise", "steps")
    state = made.state()
    if state["status"] != "created" or programs(made.dock, made.word):
        begun = "has begun" if programs(made.dock, made.word) else "has not begun"
        raise missed(
            f"the program {begun}, and the status is {state['status']}", "What keeps the first process waiting?"
        )
    wanted = {"id": NAME, "bundle": made.bundle}
    if wrong := [key for key, value in wanted.items() if state.get(key) != value]:
        raise missed(f"state says {wrong[0]} {state.get(wrong[0])!r}", f"It is to be {wanted[wrong[0]]!r}.")
    if looking.identity(made.first(), Kind.MNT) == namespaces.identity(Kind.MNT, made.dock.box.pid):
        raise missed(f"process {state['pid']} is not in the container", "Whose number do you write down?")
    return made


@asks(task=4, points=1, needs=[after_create_the_program_waits])
def start_lets_it_begin(bench: Bench, made: Made) -> Made:
    bench.kept("started", lambda: nullcontext(made.does("start")))
    status, begun = made.state()["status"], programs(made.dock, made.word)
    if not begun or status != "running":
        raise Missed(
            f"after start, the program {'has begun' if begun else 'has not begun'}, and the status is {status}",
            "How does the first process learn of it, and how does state?",
        )
    return made


@asks(task=4, points=1, needs=[start_lets_it_begin])
def kill_sends_the_signal_that_is_named(bench: Bench, made: Made) -> Made:
    number = bench.learner.random("signal").choice((10, 12))
    bench.kept("told", lambda: nullcontext(tell(made, number)))
    status = made.state()["status"]
    told = made.dock.path(f"{made.config['root']['path']}/told").exists()
    if not told or status != "stopped":
        raise Missed(
            f"signal {number} was to be sent; the program {'got it' if told else 'did not get it'}, "
            f"and the status is {status}",
            "Which signal arrives, and at whom? And how is it known that somebody has ended?",
        )
    return made


@asks(task=4, points=1, needs=[start_lets_it_begin])
def delete_is_for_what_has_stopped_and_leaves_nothing(bench: Bench, _: Made) -> None:
    made = create(bench, "Stepwise", "gone")
    bench.kept("gone", lambda: nullcontext(made.does("start")))
    program = bench.kept("program", lambda: nullcontext(made.process()))
    spared = bench.kept(
        "spared", lambda: nullcontext(made.dock.run(*made.argv("delete")).status != 0 and program.alive())
    )
    if not spared:
        raise missed("a container that runs was deleted", "What does delete ask before it begins?")
    bench.kept("ended", lambda: nullcontext(made.does("kill", "9")))
    if program.alive():  # also while the kernel ends those that it had begun
        raise Missed("after signal 9 the program still runs", "Whom does kill send it to?")
    bench.kept("deleted", lambda: nullcontext(made.does("delete")))
    left = [each.name for each in made.dock.path(made.root).iterdir()]
    if left or made.dock.run(*made.argv("state")).status == 0:
        raise missed(f"after delete there is still {' '.join(left) or 'a state'}", "What did create make?")


# --- Task 5: Docker --------------------------------------------------------


@asks(task=5, points=1)
def the_file_holds_the_number_and_nothing_else(bench: Bench) -> Made:
    made = create(bench, "Accepted", "engine", hooks=hooks(bench))
    file = made.dock.path(f"{FOLDER}/engine.pid")
    found, wanted = file.read_text() if file.exists() else None, str(made.state()["pid"])
    if found != wanted:
        there = "there is no such file" if found is None else f"it holds {found!r}"
        raise missed(f"--pid-file: {there}, and the number is {wanted}", "Look at the file byte by byte.")
    return made


@asks(task=5, points=1, needs=[the_file_holds_the_number_and_nothing_else])
def each_hook_is_told_the_state(bench: Bench, made: Made) -> None:
    for hook in made.config["hooks"]["prestart"]:
        name = hook["args"][1]
        file = made.dock.path(f"{FOLDER}/{name}")
        if not file.exists():
            raise missed(f"hook {name} was not run before create ended", "Who calls them, and when?")
        told = _json(file.read_text())
        if told.get("pid") != made.state()["pid"] or told.get("id") != NAME:
            raise missed(f"hook {name} was told {file.read_text()[:80]!r}", "What stands on its input?")


@asks(task=5, points=1, needs=[the_file_holds_the_number_and_nothing_else])
def what_goes_wrong_is_in_the_log(bench: Bench, _: Made) -> None:
    missing = f"/nowhere-{secrets.token_hex(3)}"
    entry = {"destination": "/data", "type": "none", "source": missing, "options": ["bind"]}
    made = bench.kept("wrong", lambda: nullcontext(created(bench, "Accepted", "wrong", mounts=[entry])))
    if made.said.status == 0:
        raise missed("create succeeded with a source that is not there", "What becomes of an error?")
    log = made.dock.path(f"{FOLDER}/wrong.log")
    last = _json(_last_line(log))
    if missing not in str(last.get("msg")) or last.get("level") != "error":
        raise missed(f"the log ends: {_last_line(log)}", "Docker reads it as JSON, line by line.")


BEFORE = [the_file_holds_the_number_and_nothing_else, each_hook_is_told_the_state, what_goes_wrong_is_in_the_log]


@asks(task=5, points=2, needs=BEFORE, name="Docker runs containers with it")
def docker_runs_containers_with_it(bench: Bench, *_: Made | None) -> None:
    dock, name, word = dock_of(bench), bench.learner.hostname, bench.learner.word
    try:
        dock.docker()
    except Problem as problem:
        raise CannotRun(str(problem)) from None
    install(bench, "Accepted")
    script = "hostname; echo $WORD; grep -c eth0: /proc/net/dev; exit 7"
    said = dock.docker_run("sh", "-c", script, hostname=name, environment={"WORD": word})
    if said != Said(7, f"{name}\n{word}\n1\n", ""):
        raise missed(
            f"the container said {said.out!r} and {said.err!r} and ended with status {said.status}; it should have "
            f"said {name}, {word} and 1, for one link called eth0, and ended with 7",
            DOCKERS_VIEW,
        )


DOCKERS_VIEW = (
    "What Docker asked stands in dock.asked(). Call your runtime yourself with those words, and look at each."
)

# --- What the sentences are made of ----------------------------------------


def missed(observed: str, hint: str) -> Missed:
    """What will not be otherwise a moment later: the program has begun, or the call has come back."""
    return Missed(observed, hint, final=True)


class Made(NamedTuple):
    """A container that was created: how it is called, and what create said."""

    laid: Laid
    name: str
    said: Said

    @property
    def dock(self) -> DryDock:
        return self.laid.dock

    @property
    def word(self) -> str:
        return self.laid.word

    @property
    def config(self) -> Config:
        return self.laid.config

    @property
    def bundle(self) -> str:
        return f"{FOLDER}/{self.name}"

    @property
    def root(self) -> str:
        return f"{ROOT}/{self.name}"

    def argv(self, word: str, *more: str) -> list[str]:
        """The command line of a word."""
        return [RUNTIME, "--root", self.root, word, NAME, *more]

    def does(self, word: str, *more: str) -> Said:
        """What came of a word that must succeed; Missed when it does not."""
        said = tried(self.dock, *self.argv(word, *more))
        if said.status:
            raise missed(f"{word} failed: {said.last_line}", FIRST_LOOK)
        return said

    def state(self) -> Config:
        """What state says. Missed when that is no JSON with a status and a number."""
        told = _json(self.does("state").out)
        if not isinstance(told.get("pid"), int) or "status" not in told:
            raise missed(f"state says {json.dumps(told)[:100]}", "It is to be JSON, as the table says.")
        return told

    def first(self) -> Process:
        """The process whose number in the dock state tells; Missed when there is none."""
        wanted = self.state()["pid"]
        for each in descendants(self.dock.box.pid):
            if looking.numbers(each)[1:2] == [wanted]:
                return each
        raise missed(f"there is no process {wanted}, which state names", "Whose number do you write down?")

    def process(self) -> Process:
        """The container's program; Missed when it has not begun."""
        return self.laid.process()


def tell(made: Made, number: int) -> Said:
    """Have a signal sent. Missed while the program would not hear it: the kernel spares a namespace's first process."""
    if not looking.catches(made.process(), number):
        raise Missed(f"the program does not wait for signal {number} yet", "Does it begin at once, after start?")
    return made.does("kill", str(number))


def dock_of(bench: Bench) -> DryDock:
    """The dock of this examination."""
    return bench.kept("dock", prepared)


def prepared() -> DryDock:
    """A dock in which mounts are shared with whoever has a copy of them, as on most machines."""
    dock = DryDock()
    dock.box.run("mount --make-rshared /")
    return dock


def install(bench: Bench, kind: str) -> DryDock:
    """Put the learner's runtime of that kind into the dock."""
    text, dock = bench.call("written", kind).value, dock_of(bench)
    if not isinstance(text, str):
        raise missed("written did not return a text", "It was given; run its cell again.")
    dock.program(text)
    return dock


def lay(bench: Bench, kind: str, name: str, **changes: Any) -> Laid:
    """Have a container run, once for each name, whose program stays."""
    return bench.kept(f"{kind} {name}", lambda: nullcontext(_lay(bench, kind, name, changes)))


def _lay(bench: Bench, kind: str, name: str, changes: Config) -> Laid:
    dock = install(bench, kind)
    laid = asked(bench, dock, changes)
    bundle, out = dock.bundle(laid.config, name), f"{FOLDER}/{laid.word}"
    argv = f"{RUNTIME} run --bundle {bundle}"
    dock.box.run(f"({argv} >{out}.out 2>{out}.err </dev/null; echo $? >{out}.status) >/dev/null 2>&1 &")
    return laid


def asked(bench: Bench, dock: DryDock, changes: Config) -> Laid:
    """A config.json of the learner's own, whose program stays and is known by a word that is drawn anew."""
    word = f"word-{secrets.token_hex(4)}"
    wanted = config(hostname=bench.learner.hostname, **changes)
    wanted["process"] = {**config()["process"], **wanted["process"], "args": ["sh", "-c", STAYS, word]}
    return Laid(dock, word, wanted)


def create(bench: Bench, kind: str, name: str, **changes: Any) -> Made:
    """Have a container created, once for each name. Missed when that fails."""
    made = bench.kept(f"{kind} {name}", lambda: nullcontext(created(bench, kind, name, **changes)))
    if made.said.status:
        raise missed(f"create failed: {made.said.last_line}", FIRST_LOOK)
    return made


def created(bench: Bench, kind: str, name: str, **changes: Any) -> Made:
    """What comes of creating a container, with the words that Docker says."""
    dock = install(bench, kind)
    laid = asked(bench, dock, changes)
    words = ["--root", f"{ROOT}/{name}", "--log", f"{FOLDER}/{name}.log", "--log-format", "json", "create"]
    words += ["--bundle", dock.bundle(laid.config, name), "--pid-file", f"{FOLDER}/{name}.pid", NAME]
    return Made(laid, name, tried(dock, RUNTIME, *words))


def tried(dock: DryDock, *words: str) -> Said:
    """What came of a command. Missed when it does not come to its end."""
    try:
        return dock.run(*words)
    except CommandFailed as failed:
        raise Missed(
            f"{' '.join(words[1:])}: {failed.args[0][-60:]}", "Who waits for whom, and for how long?"
        ) from None


def programs(dock: DryDock, word: str) -> list[Process]:
    """The processes of the dock whose last argument is that word."""
    return [each for each in descendants(dock.box.pid) if processes.command(each.pid).endswith(f"done {word}")]


def another_network(dock: DryDock) -> str:
    """A network namespace without processes, kept at a path."""
    dock.box.run(f"touch {FOLDER}/network; unshare --net={FOLDER}/network true")
    return f"{FOLDER}/network"


def files(dock: DryDock, mark: str) -> list[Config]:
    """Mounts to be asked for, with what they need; the root is marked."""
    dock.path(f"{ROOTFS}/{mark}").touch()
    dock.box.run(f"mkdir -p {FOLDER}/given; echo bound > {FOLDER}/given/file")
    given = [
        ("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        ("/data", "tmpfs", "tmpfs", ["nosuid", "noexec", "size=64k"]),
        ("/data/open", "none", f"{FOLDER}/given", ["bind"]),
        ("/data/closed", "none", f"{FOLDER}/given", ["bind", "ro"]),
        ("/data/file", "none", f"{FOLDER}/given/file", ["rbind", "rprivate"]),
    ]
    keys = ("destination", "type", "source", "options")
    return [dict(zip(keys, each, strict=True)) for each in given]


def hooks(bench: Bench) -> Config:
    """Two hooks that write down what they are told, each in a file of its own."""
    path = dock_of(bench).write("hook", f'#!/bin/sh\nexec cat > {FOLDER}/"$1"\n', 0o755)
    names = [f"hook-{secrets.token_hex(3)}" for _ in range(2)]
    listed = bench.kept("hooks", lambda: nullcontext([{"path": path, "args": ["hook", name]} for name in names]))
    return {"prestart": listed}


def _last_line(path: Path) -> str:
    text = path.read_text(errors="replace").strip() if path.exists() else ""
    return (text.splitlines() or ["nothing"])[-1]


def _json(text: str) -> Config:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
