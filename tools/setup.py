"""Set-up: everything between a fresh clone and `.venv/bin/cutaway`.

    python3 tools/setup.py lab      what the course needs
    python3 tools/setup.py test     and what its proof needs
    python3 tools/setup.py soak     and what the long tests need

`make` says these for you. In order: find a Python, offer the system programs that are missing, make the environment.
A second run finds everything finished and is done. An interrupted one is mended by the next.

Only the standard library, and only what Python 3.6 can parse: a Python that is too old must come as far as
the sentence that says so. Annotations are therefore quoted where they use newer words.
"""

import argparse
import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = str(VENV / "bin" / "python")
STATE = ROOT / ".setup.json"  # what was begun and finished in .venv; .venv without it is not ours to touch
SYSTEMD = Path("/run/systemd/system")  # there where systemd runs: sd_booted(3)
LOG = ROOT / ".artefacts" / "setup.log"

OLDEST = (3, 11)
DISTRIBUTION = "/usr/bin/python3"  # first, because a version manager's Python lies where other users cannot read it
ELSEWHERE = ["python3.14", "python3.13", "python3.12", "python3.11", "python3"]

LOCKS = {"lab": "requirements.lock", "test": "requirements-test.lock", "soak": "requirements-test.lock"}
SPACE_BYTES = {"lab": 1400 << 20, "test": 1800 << 20, "soak": 1800 << 20}  # a third more than was measured


class Stop(Exception):
    """Set-up cannot go on; the message is the sentence that the reader sees."""


def main():
    use, yes = read_command_line()
    try:
        require_linux()
        python = find_python()
        if sys.version_info < OLDEST:
            hand_over(python)
        with one_at_a_time():
            offer_programs(use, python, yes)
            make_environment(use, python)
    except Stop as stop:
        sys.exit(f"cutaway: {stop}")
    except OSError as error:
        sys.exit(f"cutaway: setting up in {ROOT}: {sentence(error)}")
    except KeyboardInterrupt:
        sys.exit("\ncutaway: set-up was stopped; run the same command again and it mends what is half made")


def read_command_line() -> "tuple[str, bool]":
    """What to set up for, and whether missing system programs may be installed without asking."""
    parser = argparse.ArgumentParser(prog="setup.py", description="Set up Cutaway in this folder.")
    parser.add_argument("use", choices=list(LOCKS))
    parser.add_argument("--yes", action="store_true", help="install missing system programs without asking (YES=1)")
    said = parser.parse_args()
    unwatched = os.environ.get("CI") == "true" or not sys.stdin.isatty()
    yes = said.yes or os.environ.get("YES", "0") not in ("", "0") or (said.use != "lab" and unwatched)
    return said.use, yes


def require_linux() -> None:
    if not sys.platform.startswith("linux"):
        raise Stop("the experiments need a Linux kernel; on Windows use WSL 2, on macOS a Linux virtual machine")


# --- A Python ---------------------------------------------------------------


def find_python() -> "str | None":
    """The Python to build from: the one that PYTHON names, else None (conda brings its own), else the best here."""
    asked = os.environ.get("PYTHON")
    if asked and version(asked) < OLDEST:
        raise Stop(
            f"PYTHON={asked}: {shortcoming(version(asked))}; name another, or leave it out for the best one here"
        )
    return asked or (None if conda() else newest())


def newest() -> "str | None":
    """The first interpreter here that is new enough."""
    return next((each for each in [DISTRIBUTION, *ELSEWHERE] if version(each) >= OLDEST), None)


def hand_over(python: "str | None") -> None:
    """Become the same command under a newer Python: this one is too old for the rest of the file."""
    newer = python or newest()
    if newer is None:
        raise Stop(f"{shortcoming(sys.version_info)}; install it, or name one: make lab PYTHON=/path/to/python3")
    os.execvp(newer, [newer, *sys.argv])


def version(python: str) -> "tuple[int, ...]":
    """What `python` says it is; empty when it does not run."""
    argv = [python, "-I", "-S", "-c", "import sys; print(*sys.version_info[:3])"]
    try:
        return tuple(int(part) for part in subprocess.check_output(argv, stderr=subprocess.DEVNULL, timeout=20).split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def shortcoming(found: "tuple[int, ...]") -> str:
    is_that = "is Python {}.{}".format(*found[:2]) if found else "is no Python that runs"
    return "this {}, and Cutaway needs {}.{} or newer".format(is_that, *OLDEST)


def conda() -> "str | None":
    """The command that makes conda environments, where there is one."""
    return shutil.which("mamba") or shutil.which("conda") or os.environ.get("CONDA_EXE")


# --- System programs --------------------------------------------------------


def offer_programs(use: str, python: "str | None", yes: bool) -> None:
    """Install the missing system programs after a yes; otherwise say the command and go on with what is here."""
    programs = declarations()
    absent = [each for each in programs.missing(use) if each.name != "venv" or lacks_venv(python)]
    if not absent:
        return
    show(absent)
    if not shutil.which("apt-get"):
        say("Install them with this system's package manager, where they may have other names than Debian's.")
        say(GOING_ON)
        return
    packages = in_the_archive(programs, absent)
    if not packages:
        without_lists = programs.packages(absent)
        say(f"To install them: {programs.as_root('apt-get update')} && {programs.install_command(without_lists)}")
        say(GOING_ON)
        return
    say("  asking apt what they would cost ...")
    say(f"  {sized(plan(packages))}")
    if SYSTEMD.exists():
        announce_services(absent)
    if os.geteuid() == 0 and (yes or agreed("Install them?")):
        install(packages)
    else:
        say(f"To install them: {programs.install_command(packages)}")
        say(GOING_ON)


GOING_ON = "Going on with what is here; `.venv/bin/cutaway doctor` says what each of them opens."


def show(absent) -> None:
    """A row for each program that is not here; where the terminal is too narrow for rows, a sentence."""
    say("These system programs are not here:")
    head = ("program", "what it does here", "Debian's package")
    rows = [head, *((program.name, program.purpose, program.package) for program in absent)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns
    if sum(widths) + 6 <= room or not sys.stdout.isatty():
        for row in rows:
            say("".join(f"  {cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    for name, purpose, package in rows[1:]:
        say(
            textwrap.fill(f"{name}: {purpose} (Debian: {package})", room, initial_indent="  ", subsequent_indent="    ")
        )


def declarations():
    """The module that reads programs.toml; the doctor uses the same."""
    sys.path.insert(0, str(ROOT / "src"))
    from cutaway.ground import programs

    return programs


def announce_services(absent) -> None:
    """Say which services the distribution's packages start by themselves, before anybody agrees."""
    for program in absent:
        if program.service:
            say(f"  {program.package} starts {program.service}; Cutaway does not need it")


def lacks_venv(python: "str | None") -> bool:
    """Whether `python` cannot make environments, as Debian's cannot until python3-venv is there."""
    argv = [python, "-I", "-c", "import ensurepip, venv"]
    return python is not None and subprocess.call(argv, stderr=subprocess.DEVNULL) != 0


def in_the_archive(programs, absent) -> "list[str]":
    """The packages of `absent` that apt can install; says which it cannot."""
    if os.geteuid() == 0 and not programs.known(programs.packages(absent)):
        refresh_lists()
    packages = programs.packages(absent)
    known = programs.known(packages)
    if not known:
        say("  apt has no package lists here, or they know none of these")
    elif not known.issuperset(packages):
        say(f"  not in this system's archive: {', '.join(sorted(set(packages) - known))}")
    return [package for package in packages if package in known]


def plan(packages: "list[str]") -> "tuple[int, str, str]":
    """How many packages apt would install, what it would download and what that takes on disk: 0 where it cannot say.

    Asking changes nothing and needs no root.
    """
    argv = [*apt_get("install", packages), "--assume-no", "-o", "Debug::NoLocking=1"]
    said = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=plain())
    text = said.stdout.decode(errors="replace")
    count = re.search(r"(\d+) newly installed", text)
    download = re.search(r"Need to get (?:\S+ \w*B/)?(.+) of archives", text)
    disk = re.search(r"After this operation, (.+) of additional", text)
    return int(count[1]) if count else 0, download[1] if download else "nothing", disk[1] if disk else "nothing more"


def sized(planned: "tuple[int, str, str]") -> str:
    count, download, disk = planned
    if not count:
        return "their size is not known: apt cannot plan the installation"
    return f"with what they bring: {count} packages, {download} to download, {disk} on disk"


def agreed(question: str) -> bool:
    """Ask at a terminal; without one the answer is no."""
    return sys.stdin.isatty() and input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def refresh_lists() -> None:
    with contextlib.suppress(Stop):  # a list that stays away shows itself when its packages do
        narrate("package lists", apt_get("update"), r"(?:Get|Hit):\d+ \S+ (\S+)", 4, holds=False)


APT_STEP = r"((?:Get:\d+|Unpacking|Setting up) \S+)"  # each package does each of these once


def install(packages: "list[str]") -> None:
    """Install `packages`; a failure is said, and what is here must do."""
    refresh_lists()
    steps = 3 * (plan(packages)[0] or len(packages))
    try:
        narrate("system programs", [*apt_get("install", packages), "--yes"], APT_STEP, steps, holds=False)
    except Stop as stop:
        say(f"cutaway: {stop}; going on with what is here")


def apt_get(verb: str, packages: "tuple | list" = ()) -> "list[str]":
    """An apt-get that waits its turn, brings nothing that is merely recommended, and takes nothing away."""
    options = ["-o", "DPkg::Lock::Timeout=120"]
    if verb == "install":
        options += ["--no-install-recommends", "--no-remove"]
    return ["apt-get", verb, *options, *packages]


# --- The environment --------------------------------------------------------


def make_environment(use: str, python: "str | None") -> None:
    """Bring .venv to what `use` needs; it counts as unfinished from the first change to the last.

    pip that fails by itself takes back what it did: then the environment is again what it was.
    """
    lock, state = LOCKS[use], recorded()
    usable = is_usable(state)
    if usable and state["finished"].get(lock) == digest(lock):
        return
    began = time.monotonic()
    require_ours()
    record({})
    if not usable:
        begin_anew(use, python)
    try:
        fill(lock)
    except Stop:
        record(state if usable else {})
        raise
    finished = {each: digest(each) for each in (lock, LOCKS["lab"])}  # the test lock holds all of the other
    record({"root": str(ROOT), "python": version(VENV_PYTHON), "finished": finished})
    say(f"The environment is ready ({time.monotonic() - began:.0f} s).")


def is_usable(state: dict) -> bool:
    """Whether .venv was finished once, still runs, has not been moved, and is of the Python that was asked for."""
    finished, python = state.get("finished"), list(version(VENV_PYTHON))
    if not finished or state.get("root") != str(ROOT) or state.get("python") != python:
        return False
    if made_by_conda() and finished.get(LOCKS["lab"]) != digest(LOCKS["lab"]):
        return False  # what conda brought has changed, and only conda can bring it again
    asked = os.environ.get("PYTHON")
    return not asked or list(version(asked)) == python


def made_by_conda() -> bool:
    return (VENV / "conda-meta").is_dir()


def begin_anew(use: str, python: "str | None") -> None:
    """Leave .venv as a fresh environment that holds no packages of ours yet."""
    free = shutil.disk_usage(ROOT).free
    if free < SPACE_BYTES[use]:
        raise Stop(f"making {VENV}: it takes {SPACE_BYTES[use] >> 20} MB and {free >> 20} MB are free; make room first")
    if VENV.exists():
        say("  environment: what is there is unfinished or of another Python; beginning anew")
        shutil.rmtree(VENV)
    if python is None:
        narrate("conda environment", [conda(), "env", "create", "--prefix", VENV, "--file", ROOT / "environment.yml"])
    elif lacks_venv(python):
        remedy = declarations().remedy("venv") if python == DISTRIBUTION else "make lab PYTHON=/path/to/another"
        raise Stop(f"making {VENV}: {python} lacks the modules venv and ensurepip; do this and try again: {remedy}")
    else:
        narrate("environment", [python, "-m", "venv", "--without-pip", VENV])
        narrate("pip", [VENV_PYTHON, "-m", "ensurepip", "--default-pip"])  # by itself, because venv hides its words


# pip names every package once when it looks for it, and those that are there again for each that needs them
PIP_STEP = r"^(Collecting [^\s=]+|Installing collected packages|[^:]+(?=: \S+ in .*\(from -r))"


def fill(lock: str) -> None:
    """Install the pinned packages, each checked against its hash, and Cutaway itself from this folder."""
    pip = [VENV_PYTHON, "-m", "pip", "install", "--progress-bar=off"]
    ours = ["--no-build-isolation", "--editable"]  # its build tool is among the pinned packages
    if not made_by_conda():
        total = sum(line[:1].isalnum() for line in (ROOT / lock).read_text().splitlines())
        narrate("packages", [*pip, "--require-hashes", "-r", ROOT / lock], PIP_STEP, total)
    elif lock != LOCKS["lab"]:
        narrate("packages for the tests", [*pip, *ours, f"{ROOT}[test]"], PIP_STEP, 150)
    narrate("Cutaway itself", [*pip, "--no-deps", *ours, ROOT])


def digest(lock: str) -> str:
    """What .venv is made from, in one word: it changes when any of the files does."""
    files = [ROOT / "pyproject.toml", ROOT / "environment.yml", ROOT / lock]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def recorded() -> dict:
    """What STATE says; nothing when it is not there, was cut short or says something else."""
    try:
        found = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def require_ours() -> None:
    """Stop where .venv is somebody else's."""
    if VENV.exists() and not STATE.exists():
        ours = "move it away and try again" if os.access(str(ROOT), os.W_OK) else "use a clone of your own"
        raise Stop(f"making {VENV}: it is there and set-up did not make it; {ours}")


def record(state: dict) -> None:
    STATE.write_text(json.dumps(state) + "\n")


# --- Plumbing ---------------------------------------------------------------


@contextlib.contextmanager
def one_at_a_time():
    """Hold this folder: a second set-up in it waits here until the first is done."""
    import fcntl

    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another set-up is at work in this folder{holder(folder)}; waiting for it. Ctrl-C ends the waiting.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        os.set_inheritable(folder, True)
        yield
    finally:
        os.close(folder)


def holder(folder: int) -> str:
    """By which process the open folder is held, as proc_locks(5) tells; empty where it does not."""
    inode = f":{os.fstat(folder).st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        row = line.split()
        if row[1] == "FLOCK" and row[5].endswith(inode):
            return f", process {row[4]}"
    return ""


def narrate(doing: str, argv: list, step: str = "^$", steps: int = 1, holds: bool = True) -> None:
    """Run `argv`, showing how far it is by counting lines with `step`; Stop with the cause when it fails.

    What `holds` keeps this folder until it ends, even if set-up is killed: the next set-up must not work beside it.
    apt-get does not, for a service that it starts would hold the folder for ever.
    """
    LOG.parent.mkdir(exist_ok=True)
    progress, tail = Progress(doing, steps), []
    child = subprocess.Popen(
        [str(each) for each in argv],
        env=plain(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
        close_fds=not holds,
    )
    with child, LOG.open("a", encoding="utf-8") as log:
        log.write(f"# {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(map(str, argv))}\n")
        for line in child.stdout:
            log.write(line)
            tail = [*tail[-60:], line.strip()]
            found = re.search(step, line)
            if found:
                progress.advance(found[1])
    progress.end(child.returncode == 0)
    if child.returncode != 0:
        raise Stop(f"{doing}: {explanation(tail)}; then run the same command again (all that was said: {LOG})")


class Progress:
    """One line that says how far a step is: rewritten on a terminal, repeated now and then in a log."""

    def __init__(self, doing: str, steps: int) -> None:
        self.doing, self.steps, self.done = doing, steps, 0
        self.began = self.shown = time.monotonic()
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        print(f"  {doing} ...", end="" if self.live else "\n", flush=True)

    def advance(self, what: str) -> None:
        self.done += 1
        percent = min(99, 100 * self.done // self.steps)
        width = shutil.get_terminal_size().columns - 1
        line = f"  {self.doing} {percent:3}%  {what}"
        if self.live:
            print(f"\r{line[:width]}\033[K", end="", flush=True)
        elif time.monotonic() - self.shown > 10:
            say(line)
            self.shown = time.monotonic()

    def end(self, well: bool) -> None:
        back = "\r\033[K" if self.live else ""
        say(f"{back}  {self.doing}: {'done' if well else 'failed'} ({time.monotonic() - self.began:.0f} s)")


NO_NETWORK = (
    r"failure resolving|name resolution|could not resolve|Name or service not known|Network is unreachable"
    r"|from versions: none|ConnectionError|ConnectTimeout|ReadTimeout|CondaHTTPError"
    r"|Connection (refused|timed out|failed)"
)
CAUSES = [
    (
        r"No space left on device|Disk quota exceeded|enough free space",
        "the disk is full; make room in this folder and in TMPDIR",
    ),
    (
        r"ProxyError|connect to proxy|resolve proxy|407 Proxy|unsupported scheme|proxy URL",
        "the proxy does not answer; correct http_proxy and https_proxy, or unset them",
    ),
    (r"CERTIFICATE_VERIFY_FAILED", "the package index shows a certificate that is not trusted here; set PIP_CERT"),
    (r"DO NOT MATCH THE HASHES", "what was downloaded is not what the lock names; look at pip's index configuration"),
    (  # apt's folders are not this one
        r"(?m)^(?!E: ).*(Read-only file system|Permission denied)",
        "this folder may not be written; use a clone of your own",
    ),
    (NO_NETWORK, "the network did not answer; connect this machine, or set http_proxy and https_proxy"),
]


def explanation(said: "list[str]") -> str:
    """What went wrong and what to do about it, from the last lines that a program said.

    What it complains of at the end counts, and not what it warned of before and overcame. Only of a network it
    complains in general, and says before what the matter was.
    """
    complaints = [line for line in said if re.match(r"(ERROR|E|error):", line)]
    decisive = complaints and not any(re.search(NO_NETWORK, line, re.IGNORECASE) for line in complaints)
    text = "\n".join(complaints if decisive else said)
    for pattern, meaning in CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    last = (complaints or said or ["it failed without a word"])[-1].rstrip(".")
    return f"{last}; mend what it says"


def sentence(error: OSError) -> str:
    """The failed file operation `error`, said with a next step."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room and run the same command again"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{error.filename} may not be written ({error.strerror}); use a clone of your own"
    return f"{error}; run the same command again"


def plain() -> "dict[str, str]":
    """The variables for what set-up runs: English, no questions, no service restarted, no other Python's modules."""
    ours = {
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "NEEDRESTART_SUSPEND": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "CONDA_ALWAYS_YES": "true",
        "MAMBA_ALWAYS_YES": "true",
    }
    others = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    return {**others, **ours}


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
