"""*counter* with a real database and real web servers: they answer, and they leave nothing."""

import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from engines import until

from cutaway import ledger
from cutaway.ground import counter, programs
from cutaway.ground.counter import Database, visitors
from cutaway.ground.counter.visitors import Answer
from cutaway.linux import Process, processes
from cutaway.problem import Problem

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("counter")]
needs_mariadb = pytest.mark.skipif(not programs.path("mariadbd"), reason="mariadb is not here")
QUEUED = 6  # the queue that Python's socketserver asks for, and one more that Linux lets in


@needs_mariadb
def test_two_pages_share_the_count_of_a_database_that_only_the_loopback_reaches(state_folder: Path) -> None:
    languages = ["python", *(["php"] if programs.path("php") else [])]
    with counter.database() as database:
        with counter.pages(database, languages) as pages:
            counts = [int(re.findall(r"\d+", page.get())[-1]) for page in pages.values() for _ in range(2)]
            servers = [Process.of(page.pid) for page in pages.values()]
            pages["python"].get()
            assert [visitors.visit(pages["python"].url + path).status for path in ("ready", "favicon.ico")] == [
                200,
                404,
            ]
            assert visitors.visit(pages["python"].url).number == len(counts) + 2
        assert counts == list(range(1, 1 + len(counts)))
        assert not any(server.alive() for server in servers)
        assert Path(f"/proc/{database.pid}").stat().st_uid == os.geteuid()
        assert listening(database.port) == {f"0100007F:{database.port:04X}"}


def test_an_answer_goes_out_in_one_piece() -> None:
    """One who is killed between two pieces has sent half an answer, and a proxy has passed that on."""
    page = runpy.run_path(str(counter.sources() / "counter.py"))["Page"]
    visitor, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # what was sent at once is received so
    with visitor:
        with line:
            visitor.send(b"GET /nowhere HTTP/1.0\r\n\r\n")
            page(line, ("", 0), None)
        header, _, body = visitor.recv(4096).partition(b"\r\n\r\n")
        assert visitor.recv(4096) == b""
    assert header.startswith(b"HTTP/1.0 404 ")
    assert body == b"<p>No such page.</p>\n"


def test_whoever_has_called_before_the_page_is_told_to_end_is_answered(tmp_path: Path, state_folder: Path) -> None:
    """Also those whom it has not met yet: the kernel has let them in, and would send them away with the page."""
    nowhere = Database(0, counter.free_port(), tmp_path)
    with counter.page("python", nowhere) as page, ThreadPoolExecutor(QUEUED) as people:
        assert visitors.visit(f"{page.url}nowhere").status == 404
        os.kill(page.pid, signal.SIGSTOP)
        os.waitpid(page.pid, os.WUNTRACED)
        answers = [people.submit(visitors.visit, f"{page.url}nowhere") for _ in range(QUEUED)]
        until(lambda: queued(urlsplit(page.url).port) == QUEUED, "all have called")
        os.kill(page.pid, signal.SIGTERM)
        os.kill(page.pid, signal.SIGCONT)
        assert [each.result() for each in answers] == [Answer(404, "<p>No such page.</p>\n")] * QUEUED


def queued(port: int | None) -> int:
    """How many have called at this port and were not met yet: for a port that listens the kernel calls it rx_queue."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A")


def listening(port: int) -> set[str]:
    """The addresses at which somebody listens on this port, as the kernel writes them."""
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path("/proc/net", table).read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}


@pytest.mark.parametrize(
    ("says", "status", "text"),
    [
        ("HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\n\r\n", 302, ""),
        ("HTTP/1.1 200 OK\r\n\r\n" + "you are visitor 7 " * 20_000, 200, "you are visitor 7 "),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe", 200, "\ufffd"),
        ("HTTP/1.1 200 OK\r\nX: {slowly}", 0, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nyou are visitor 7", 0, "IncompleteRead"),
    ],
    ids=["leads elsewhere", "does not end", "is no text", "says a letter now and then", "breaks off"],
)
def test_a_strangers_page_leads_nowhere_and_has_an_end(
    says: str, status: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, socket.create_server(("127.0.0.1", 0)) as server:
        words = says.replace("{elsewhere}", f"http://127.0.0.1:{elsewhere.getsockname()[1]}/")
        threading.Thread(target=stranger, args=(server, words), daemon=True).start()
        answer = visitors.visit(f"http://127.0.0.1:{server.getsockname()[1]}/")
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert answer.status == status
    assert answer.text.startswith(text)
    assert len(answer.text) <= visitors.MOST_BYTES


def stranger(server: socket.socket, words: str) -> None:
    """Answer one visitor."""
    line = server.accept()[0]
    line.recv(4096)
    with line, suppress(OSError):  # he hangs up
        line.sendall(words.replace("{slowly}", "").encode("latin-1"))
        while "{slowly}" in words:
            line.sendall(b"x")
            time.sleep(0.1)


@needs_mariadb
def test_the_database_and_its_files_are_gone_after_the_block_also_after_an_error(state_folder: Path) -> None:
    seen: list[Database] = []
    with pytest.raises(ZeroDivisionError), counter.database() as served:  # noqa: PT012  the block is what is tested
        seen.append(served)
        assert served.folder.exists() / 0
    (served,) = seen
    assert not Path(f"/proc/{served.pid}").exists()
    assert not served.folder.exists()
    assert ledger.entries() == []


@needs_mariadb
def test_a_killed_owner_leaves_no_server_and_no_file(state_folder: Path) -> None:
    code = (
        "import time\nfrom cutaway.ground import counter\n"
        "with counter.database() as served, counter.page('python', served) as page:\n"
        "    print(served.pid, page.pid, served.folder, flush=True)\n    time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        database, page, folder = owner.stdout.readline().split()
        servers = [Process.of(int(database)), Process.of(int(page))]
        owner.send_signal(signal.SIGKILL)
    assert all(server.wait(20) for server in servers)
    deadline = time.monotonic() + 20
    while (Path(folder).exists() or ledger.entries()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert ledger.entries() == []


@needs_mariadb
def test_databases_that_start_at_the_same_time_do_not_disturb_one_another(state_folder: Path) -> None:
    """MariaDB clears its folder for temporary files when it starts; with /tmp shared, one of four failed."""

    def served(_: int) -> int:
        with counter.database() as one:
            return one.port

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(served, range(4)))) == 4


@needs_mariadb
def test_an_account_that_the_server_refuses_is_told_from_its_own_log(tmp_path: Path, state_folder: Path) -> None:
    missing = tmp_path / "no-such-account.sql"
    with pytest.raises(Problem, match=r"^starting a server on port \d+: "), counter.database(missing):
        pass
    mine = [each for each in processes.processes() if str(state_folder) in processes.command(each.pid)]
    assert mine == []
    assert ledger.entries() == []


@pytest.mark.parametrize(("executable", "start"), [
    ("mariadb-install-db", lambda folder: counter.install_command(folder)),
    ("mariadbd", lambda folder: counter.serve_command(folder, 1, folder)),
    ("php", lambda folder: counter.page_command("php", 1)),
    ("java", lambda folder: counter.page_command("java", 1)),
])  # fmt: skip
def test_what_is_not_installed_is_said_in_a_sentence(
    executable: str, start: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "path", lambda _: None)
    assert callable(start)
    with pytest.raises(Problem, match=rf"^starting {executable}: it is not here; "):
        start(tmp_path)


def test_a_missing_database_server_leaves_nothing_behind(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "path", lambda _: None)
    with pytest.raises(Problem, match="mariadb-install-db"), counter.database():
        pass
    assert list(state_folder.glob("mariadb-*")) == []
    assert ledger.entries() == []


# --- Visitors ----------------------------------------------------------------


def test_how_long_one_waits_for_visitors_is_told_by_the_clock_that_is_given() -> None:
    clock = iter([0.0, 59.0, 60.0, 60.5])
    people = visitors.Visitors("http://nobody/", now=lambda: next(clock))
    with pytest.raises(Problem, match="1 visits took longer than 60 s"):
        people.wait_for(1)
    assert not list(clock), "it has had its time, and no more"
