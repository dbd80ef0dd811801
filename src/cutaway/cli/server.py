"""JupyterLab on the reader's folder, in this very process.

In this process, so that one pid owns everything: it takes Ctrl-C, gives the exit code, holds the engine,
and is what the ledger's watcher waits for when it is killed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

from cutaway.cli import opened
from cutaway.problem import Problem

ADDRESS = "127.0.0.1"
PORT, TRIES = 8888, 50  # Jupyter's own habit: this port, or one near it
SETTINGS = Path(__file__).with_name("jupyterlab")
COMMANDS = Path(sys.prefix) / "bin"  # where this environment keeps `cutaway`
KERNELS = Path(sys.prefix) / "share" / "jupyter" / "kernels"  # this environment's, whatever else is installed
NOT_FOR_READERS = [
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "jupyter_lsp",
    "jupyterlab_jupytext",
    "nbdime",
    "notebook",
]
PATIENCE_S = 5
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def heard_in(log: Path) -> Iterator[None]:
    """Send what JupyterLab and its kernels write to standard error into `log`, so that the terminal stays readable."""
    terminal = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def start(folder: Path, page: str, port: int | None, browser: bool, runtime: Path) -> ServerApp:
    """A JupyterLab on `folder`, about to listen, that shows `page` first; `runtime` holds its files of the moment."""
    os.environ["JUPYTER_RUNTIME_DIR"] = str(runtime)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else every kernel warns of frozen modules
    server: ServerApp = LabApp.initialize_server(
        argv=[
            f"--ServerApp.root_dir={folder}",
            f"--ServerApp.ip={ADDRESS}",
            f"--ServerApp.port={port or PORT}",
            f"--ServerApp.port_retries={0 if port else TRIES}",
            f"--ServerApp.open_browser={browser}",
            f"--ServerApp.allow_root={os.geteuid() == 0}",
            f"--ServerApp.jpserver_extensions={dict.fromkeys(NOT_FOR_READERS, False)}",
            f"--IdentityProvider.token={secrets.token_hex(24)}",
            f"--LabApp.default_url=/lab/tree/{page}",
            f"--LabApp.app_settings_dir={SETTINGS}",
            f"--LabApp.workspaces_dir={folder / '.cutaway' / 'workspaces'}",
            f"--LabApp.extra_labextensions_path={SETTINGS / 'labextensions'}",
            "--LabApp.extension_manager=readonly",
            "--MappingKernelManager.transport_encryption=auto",  # else other users of this machine can listen
            "--LabApp.custom_css=True",
            "--LabApp.news_url=None",
        ],
        static_custom_path=[str(SETTINGS / "custom")],
        browser_open_file=f"{folder / opened.DOOR}",  # a browser from a snap sees no hidden folder of the home
    )
    assert server.kernel_spec_manager
    server.kernel_spec_manager.kernel_dirs = [str(KERNELS)]
    settle_terminals(server, folder)
    return server


def settle_terminals(server: ServerApp, folder: Path) -> None:
    """Have terminals open in `folder` and find `cutaway` there.

    Their shell is no login shell: /etc/profile would set the path anew, and without this environment.
    """
    if terminals := server.web_app.settings.get("terminal_manager"):  # the reader may have switched them off
        terminals.shell_command = [os.environ.get("SHELL") or "sh"]
        terminals.extra_env["PATH"] = f"{COMMANDS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        terminals.term_settings["cwd"] = str(folder)


def run(server: ServerApp, listening: Callable[[str], None], saved: Callable[[], None]) -> None:
    """Serve until Ctrl-C, SIGTERM or the terminal's end; kernels end with it.

    `listening` is told the address once, `saved` is called after every save.
    """
    for number in STOPS:
        signal.signal(number, lambda *_: server.stop(from_signal=True))

    def after_save() -> None:
        try:
            saved()
        except Problem as problem:  # the page itself is saved
            server.log.warning("after saving: %s", problem)

    # JupyterLab hears first that the page is saved, and when: a save that it waits for can meet the next one.
    server.contents_manager.post_save_hook = lambda **_: server.io_loop.add_callback(after_save)
    server.io_loop.add_callback(lambda: listening(address(server)))
    server.start()
    finish(server.io_loop.asyncio_loop)  # type: ignore[attr-defined]


def finish(loop: asyncio.AbstractEventLoop) -> None:
    """End what a stopped loop still had in hand. A request cut short keeps a thread, and the thread this process."""
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.wait(pending, timeout=PATIENCE_S))
    loop.close()


def address(server: ServerApp) -> str:
    """Where the first page is, with the token that opens it."""
    return f"{server.connection_url.rstrip('/')}{server.default_url}?token={server.identity_provider.token}"
