"""*counter* as plain processes: a database and web servers, each on a loopback port of its own.

They end with the block that started them, and their files with them; the ledger knows of all of it first.
"""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cutaway import ledger
from cutaway.ground import course, programs
from cutaway.linux.processes import Process
from cutaway.problem import Problem

LANGUAGES = ("python", "php", "java")
DEADLINE_S = 30
FIRST_PORT = 10_000  # below it are those of many a known service
STOP_S = 5  # for a server to end by itself, of which nothing is to be kept
JDBC = Path("/usr/share/java/mariadb-java-client.jar")  # Debian's libmariadb-java


@dataclass(frozen=True)
class Database:
    """A MariaDB server of our own: its process, the port it listens on, and the folder that holds its files."""

    pid: int
    port: int
    folder: Path


@dataclass(frozen=True)
class Page:
    """A web server of our own: its process, and where its page is."""

    pid: int
    url: str

    def get(self) -> str:
        """Visit the page: what it says."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url, timeout=DEADLINE_S) as answer:
            return str(answer.read().decode().strip())


# --- The database ----------------------------------------------------------


@contextmanager
def database(account: Path | None = None) -> Iterator[Database]:
    """MariaDB as a process of this user, with the account that an SQL file makes; ready when the block begins."""
    folder = ledger.state_folder() / f"mariadb-{secrets.token_hex(4)}"
    with ledger.kept("folder", "the files of MariaDB", path=folder):
        for kept in ("data", "tmp"):
            (folder / kept).mkdir(parents=True)
        _run_once(install_command(folder), folder / "install.log")
        port = free_port()  # as late as can be: others take ports, too
        argv = serve_command(folder, port, account or sources() / "account.sql")
        with _served(f"MariaDB on port {port}", argv, folder / "log") as process:
            _wait(port, process, folder / "log", _greets)
            _run_once([sys.executable, str(sources() / "migrate.py")], folder / "migrate.log", DATABASE_PORT=str(port))
            yield Database(process.pid, port, folder)


def install_command(folder: Path) -> list[str]:
    """The command that makes the system tables."""
    options = ["--auth-root-authentication-method=normal", "--skip-test-db", f"--user={_user()}"]
    return [_needed("mariadb-install-db", "mariadb"), "--no-defaults", *_folders(folder), *options]


def serve_command(folder: Path, port: int, account: Path) -> list[str]:
    """The command that serves them. The socket's name is short because a socket's address has 108 bytes."""
    where = [*_folders(folder), f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}"]
    network = [f"--port={port}", "--bind-address=127.0.0.1"]
    return [
        _needed("mariadbd", "mariadb"),
        "--no-defaults",
        *where,
        *network,
        f"--init-file={account}",
        f"--user={_user()}",
    ]


def _folders(folder: Path) -> list[str]:
    """Where it keeps its files. MariaDB clears the folder for temporary ones when it starts, so none may be shared."""
    return [f"--datadir={folder / 'data'}", f"--tmpdir={folder / 'tmp'}"]


# --- The pages -------------------------------------------------------------


@contextmanager
def pages(database: Database, languages: Sequence[str] = LANGUAGES) -> Iterator[dict[str, Page]]:
    """*counter* in each of `languages`, all asking `database`; answering when the block begins."""
    with ExitStack() as stack:
        yield {language: stack.enter_context(page(language, database)) for language in languages}


@contextmanager
def page(language: str, database: Database) -> Iterator[Page]:
    """One web server of *counter*; answering when the block begins."""
    port = free_port()
    log = database.folder / f"{language}-{port}.log"
    settings = {"PORT": str(port), "DATABASE_PORT": str(database.port)}
    with _served(f"counter in {language} on port {port}", page_command(language, port), log, settings) as process:
        _wait(port, process, log, _accepts)
        yield Page(process.pid, f"http://127.0.0.1:{port}/")


def page_command(language: str, port: int) -> list[str]:
    """The command that serves the page in `language`; Python and Java learn the port from PORT."""
    if language == "php":
        return [_needed("php", "php"), "-S", f"127.0.0.1:{port}", str(sources() / "counter.php")]
    if language == "java":
        return [_needed("java", "java"), "-cp", str(JDBC), str(sources() / "Counter.java")]
    return [sys.executable, str(sources() / "counter.py")]


def sources() -> Path:
    """The folder that holds the pages, their tables, and what makes containers of them."""
    return course.root() / "notebooks" / "programs" / "counter"


def free_port() -> int:
    """A loopback port on which nobody listens at this moment.

    None that the kernel gives to whoever asks for any, where those begin above 20,000, as they do by themselves.
    """
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = range(FIRST_PORT, max(given, 2 * FIRST_PORT))
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port := secrets.choice(ports)))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


# --- Starting and waiting --------------------------------------------------


@contextmanager
def _served(
    name: str, argv: Sequence[str], log: Path, settings: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs for the length of the block, recorded before it is started."""
    with ledger.kept("process", name) as entry, log.open("ab") as out:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **(settings or {}), **entry.env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            entry.update(pid=process.pid, start_time=Process.of(process.pid).start_time)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _run_once(argv: Sequence[str], log: Path, **settings: str) -> None:
    env = os.environ | settings
    with log.open("wb") as out:
        status = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode
    if status:
        raise Problem(f"running {argv[0]}: status {status}: {_last_line(log)}; is the disk full? `df -h` shows it")


def _wait(port: int, process: subprocess.Popen[bytes], log: Path, ready: Callable[[int], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not ready(port):
        if process.poll() is not None:
            raise Problem(f"starting a server on port {port}: it ended at once: {_last_line(log)}")
        if time.monotonic() > deadline:
            raise Problem(f"starting a server on port {port}: no answer within {DEADLINE_S} s: {_last_line(log)}")
        time.sleep(0.02)  # between two looks; a port cannot be waited for otherwise


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _greets(port: int) -> bool:
    """Whether MariaDB speaks first, as its protocol has it: it listens before it reads its schema, and may yet end."""
    with socket.socket() as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(("127.0.0.1", port))
        return bool(probe.recv(1))
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _needed(executable: str, program: str) -> str:
    found = programs.path(executable)
    if not found:
        raise Problem(f"starting {executable}: it is not here; {programs.remedy(program)}")
    return found


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
