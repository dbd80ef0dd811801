"""`cutaway lab` from its first line to its goodbye, with a real JupyterLab."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import engines
import pytest
import small_course
import websocket  # what JupyterLab's server itself uses, when it passes a kernel on
from jupyter_client import BlockingKernelClient
from lab_process import Lab, free_port
from typed import run_cutaway

from cutaway import ledger
from cutaway.cli import opened
from cutaway.ground import engine, private
from cutaway.ground.work import Work
from cutaway.linux import Process, descendants

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("reader")]


def start(*words: str, **options: Any) -> Lab:
    return Lab("--no-engine", "--port", str(free_port()), *words, **options)


def start_kernel(lab: Lab) -> list[Process]:
    """Start a kernel and wait until it answers; the server's children."""
    kernel = lab.ask("POST", "api/kernels", {"name": "python3"})
    (connection,) = ledger.state_folder().glob(f"jupyter-*/kernel-{kernel['id']}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    client.kernel_info(reply=True, timeout=60)
    client.stop_channels()
    return descendants(lab.process.pid)


def wait_until_gone(processes: list[Process], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    for process in processes:
        assert process.wait(max(0, deadline - time.monotonic())), f"process {process.pid} is still there"


def nothing_is_left(timeout_s: float = 30) -> None:
    """The ledger is empty and so is the state folder, once the watcher had its time."""
    deadline = time.monotonic() + timeout_s
    while left := [*ledger.entries(), *(each for each in ledger.state_folder().iterdir() if each.name != "ledger")]:
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)


# --- While it is open ------------------------------------------------------


@pytest.fixture(scope="module")
def open_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("open")


@pytest.fixture(scope="module")
def lab(open_home: Path) -> Iterator[Lab]:
    """A course that is open, for the tests that only look at it."""
    course = small_course.make(open_home / "course")
    own = {"HOME": str(open_home), "CUTAWAY_COURSE": str(course), "CUTAWAY_STATE": str(open_home / "state")}
    with start(env={**os.environ, **own}) as opened:
        yield opened


def test_it_says_where_the_work_is_how_to_stop_and_what_is_to_be_done(lab: Lab, open_home: Path) -> None:
    assert f"Folder   {open_home}/cutaway\n" in lab.said
    assert "80 of 80 minutes remain" in lab.said
    assert "Ground   host, unprivileged\n" in lab.said
    assert "Engine   none, as you asked\n" in lab.said
    assert "Stop     Ctrl-C here\n" in lab.said


def test_the_first_page_is_the_contents(lab: Lab) -> None:
    assert "/lab/tree/notebooks/contents.md?token=" in lab.url
    assert "Begin with 00 Start here" in lab.ask("GET", "api/contents/notebooks/contents.md")["content"]


def test_a_second_one_says_where_the_first_is(lab: Lab, open_home: Path) -> None:
    second = run_cutaway("lab", "--no-browser", "--folder", str(open_home / "cutaway"))
    assert second.returncode == 0, second
    assert f"is open already, by process {lab.process.pid}: {lab.url}\n" in second.stdout


def test_only_its_owner_can_read_where_the_folder_is_open(lab: Lab, open_home: Path) -> None:
    assert (open_home / "cutaway/.cutaway").stat().st_mode & 0o077 == 0
    assert (open_home / "cutaway/.cutaway/open.json").stat().st_mode & 0o077 == 0


def test_saving_a_page_brings_the_contents_up_to_date(lab: Lab, open_home: Path) -> None:
    place = "api/contents/notebooks/00-start-here.ipynb"
    page = lab.ask("GET", place)
    for count, cell in enumerate(page["content"]["cells"][1:], start=1):
        cell["execution_count"] = count
    lab.ask("PUT", place, {"type": "notebook", "content": page["content"]})
    contents = open_home / "cutaway/notebooks/contents.md"
    engines.until(lambda: "● done | [00 Start here]" in contents.read_text(), "the contents say done")


def test_a_page_is_saved_also_when_the_contents_cannot_follow(lab: Lab, open_home: Path) -> None:
    book, place = open_home / "cutaway/.cutaway/book.json", "api/contents/notebooks/06-namespaces.ipynb"
    page, kept = lab.ask("GET", place), book.read_bytes()
    book.write_text("{")
    page["content"]["cells"][0]["source"] = "# Mine"
    lab.ask("PUT", place, {"type": "notebook", "content": page["content"]})
    book.write_bytes(kept)
    assert "# Mine" in (open_home / "cutaway/notebooks/06-namespaces.ipynb").read_text()


def test_a_terminal_opens_in_the_readers_folder_and_finds_the_command(lab: Lab, open_home: Path) -> None:
    name = lab.ask("POST", "api/terminals")["name"]
    address = f"{lab.base.replace('http', 'ws', 1)}/terminals/websocket/{name}?token={lab.token}"
    with closing(websocket.create_connection(address, timeout=30)) as terminal:
        terminal.send(json.dumps(["stdin", "echo $(pwd) $(command -v cutaway) said\r"]))
        shown = ""
        while not (found := re.search(r"(/\S+) (/\S+) said", shown)):
            shown += str(json.loads(terminal.recv())[-1])
    lab.ask("DELETE", f"api/terminals/{name}")
    assert found.groups() == (f"{open_home}/cutaway", str(Path(sys.prefix, "bin", "cutaway")))


# --- Whatever the reader has -----------------------------------------------


def test_nobody_comes_in_without_the_token_whatever_the_readers_own_settings_say(course: Path, home: Path) -> None:
    settings = home / ".jupyter" / "jupyter_server_config.json"
    settings.parent.mkdir()
    open_to_all = {"ip": "0.0.0.0", "password": "", "token": "", "allow_origin": "*", "root_dir": "/"}
    settings.write_text(json.dumps({"ServerApp": open_to_all, "IdentityProvider": {"token": ""}}))
    with start() as lab:
        assert lab.base.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{lab.base}/api/contents", timeout=10)
        assert {each["name"] for each in lab.ask("GET", "api/contents")["content"]} == {"notebooks", "labs", "diagrams"}


def test_only_this_environments_kernels_are_offered(course: Path, home: Path) -> None:
    for name in ("python3", "another"):
        theirs = home / ".local" / "share" / "jupyter" / "kernels" / name / "kernel.json"
        theirs.parent.mkdir(parents=True)
        theirs.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "Theirs", "language": "python"}))
    with start() as lab:
        offered = lab.ask("GET", "api/kernelspecs")["kernelspecs"]
        assert offered.keys() == {"python3", "cutaway-lab-machine"}
        assert offered["python3"]["spec"]["argv"][1:3] == ["-m", "ipykernel_launcher"]


def test_a_browser_is_shown_the_page_and_its_command_line_does_not_show_the_token(
    course: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, browser = home / "seen", home / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    door = home / "cutaway" / opened.DOOR
    with start(browser=True) as lab:
        engines.until(seen.exists, "the browser is started")
        assert run_cutaway("lab").returncode == 0
        assert seen.read_text() == f"{door.as_uri()}\n" * 2
        assert lab.token in door.read_text()
    assert not door.exists()


# --- The end ---------------------------------------------------------------


def test_it_ends_also_while_requests_are_under_way(course: Path, home: Path) -> None:
    with start() as lab:
        asking = [threading.Thread(target=ask_on_and_on, args=[lab]) for _ in range(6)]
        for thread in asking:
            thread.start()
        time.sleep(0.5)  # not a wait for anything: the signal is to come in the midst of them
        assert lab.end() == 0
        for thread in asking:
            thread.join()


def ask_on_and_on(lab: Lab) -> None:
    with suppress(OSError, http.client.HTTPException):
        while True:
            lab.ask("GET", "api/contents/notebooks/06-namespaces.ipynb")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_one_line_and_takes_its_kernels_with_it(course: Path, home: Path, number: int) -> None:
    with start() as lab:
        family = start_kernel(lab)
        said = len(lab.said)
        assert lab.end(number) == 0
        assert lab.said[said:] == f"\nCutaway is closed. Your work is in {home}/cutaway.\n"
        wait_until_gone(family)
        nothing_is_left(timeout_s=0)
        assert not (home / "cutaway/.cutaway/open.json").exists()


def test_a_second_signal_while_it_ends_changes_nothing(course: Path, home: Path) -> None:
    with start() as lab:
        lab.process.send_signal(signal.SIGINT)
        lab.process.send_signal(signal.SIGINT)
        assert lab.end(signal.SIGINT) == 0
        assert "Traceback" not in lab.said


def test_killed_outright_it_leaves_no_process_and_no_file(course: Path, home: Path) -> None:
    with start() as lab:
        family = start_kernel(lab)
        lab.end(signal.SIGKILL)
        wait_until_gone(family)
        nothing_is_left()
    assert opened.by_another(Work(home / "cutaway")) is None, "a dead process must not keep the folder"


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_that_it_started_ends_with_it(
    course: Path, home: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    engines.skip_without(private.startable())
    monkeypatch.setenv(engine.CHOICE, "private")
    with Lab("--port", str(free_port())) as lab:
        assert re.search(r"^Engine   (docker|podman) \S+, our own, for as long as this runs$", lab.said, re.MULTILINE)
        ours = private.running()
        assert ours is not None
        assert lab.end(number) == (0 if number == signal.SIGTERM else -number)
    wait_until_gone([ours.process], timeout_s=30)
    nothing_is_left()
