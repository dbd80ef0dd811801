"""A notebook's kernel in a lab machine, driven as JupyterLab drives it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import until
from jupyter_client import BlockingKernelClient, KernelManager
from machines import skip_without_machines

from cutaway.ground import machine

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("machine"), pytest.mark.timeout(900)]

KERNEL = "cutaway-lab-machine"
START_S = 300  # by emulation, on a machine that does much besides


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """A kernel that runs, in a folder that is not the course's."""
    skip_without_machines()
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "data.txt").write_text("the reader's own")
    started = KernelManager(kernel_name=KERNEL)
    started.start_kernel(cwd=str(folder))
    yield started
    started.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def client(manager: KernelManager) -> Iterator[BlockingKernelClient]:
    made = manager.client()
    made.start_channels()
    made.wait_for_ready(timeout=START_S)
    yield made
    made.stop_channels()


def said(client: BlockingKernelClient, code: str) -> str:
    """What a cell prints; the test fails with the cell's error."""
    printed: list[str] = []

    def hear(message: dict[str, dict[str, str]]) -> None:
        printed.append(message["content"].get("text", ""))

    answer = client.execute_interactive(code, output_hook=hear, timeout=START_S)
    assert answer["content"]["status"] == "ok", answer["content"]
    return "".join(printed).strip()


def test_cells_run_as_root_under_another_kernel(client: BlockingKernelClient):
    release, user, ground = said(
        client,
        "import os; from cutaway.ground.grounds import begin\n"
        "print(os.uname().release, os.getuid(), begin('06-namespaces').ground.word)",
    ).split()
    assert release != os.uname().release
    assert (user, ground) == ("0", "lab-machine")


def test_cells_read_the_notebooks_folder(client: BlockingKernelClient):
    assert said(client, "print(open('data.txt').read())") == "the reader's own"


def test_a_cell_that_never_ends_is_interrupted(manager: KernelManager, client: BlockingKernelClient):
    asked = client.execute("print('begun', flush=True)\nwhile True: pass")
    until(lambda: "begun" in str(client.get_iopub_msg(timeout=60)["content"]), "the cell runs", 60)
    manager.interrupt_kernel()
    while (answer := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != asked:
        pass
    assert answer["content"]["ename"] == "KeyboardInterrupt"


def test_a_kernel_whose_machine_is_killed_is_seen_to_be_dead(manager: KernelManager, client: BlockingKernelClient):
    ours = [each for each in machine.all_of_them() if each.running.owner.pid == os.getpid()]
    assert manager.is_alive()
    ours[-1].running.process.kill(signal.SIGKILL)
    until(lambda: not manager.is_alive(), "Jupyter knows", 30)
    folders = [each.running.folder for each in ours]
    manager.shutdown_kernel(now=True)
    assert not Path(folders[-1]).exists()
