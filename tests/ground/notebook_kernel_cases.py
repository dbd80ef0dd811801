"""A notebook's kernel in a lab machine, driven as JupyterLab drives it: run by test_notebook_kernel.py, as two users.

The first start makes the snapshot; it takes half a minute of emulation.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from engines import until
from jupyter_client import BlockingKernelClient, KernelManager
from machines import skip_without_machines

from cutaway.ground import course, machine

pytestmark = pytest.mark.timeout(900)  # the whole lesson takes 72 s of processor time by emulation, the snapshot 30

KERNEL = "cutaway-lab-machine"
START_S = 280  # by emulation, on a machine that does much besides
LESSON = course.root() / "notebooks" / "06-namespaces.ipynb"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """A kernel that runs, in a folder that is not the course's."""
    skip_without_machines()
    folder = tmp_path_factory.mktemp("notebooks")
    folder.chmod(0o755)  # as root, QEMU is somebody else
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

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    answer = client.execute_interactive(code, output_hook=hear, timeout=START_S)
    assert answer["content"]["status"] == "ok", answer["content"]
    return "".join(printed)


def test_cells_run_as_root_under_another_kernel(client: BlockingKernelClient):
    release, user, ground = said(
        client,
        "import os; from cutaway.ground.grounds import begin\n"
        "print(os.uname().release, os.getuid(), begin('06-namespaces').ground.word)",
    ).split()
    assert release != os.uname().release
    assert (user, ground) == ("0", "lab-machine")


def test_cells_read_the_notebooks_folder(client: BlockingKernelClient):
    assert said(client, "print(open('data.txt').read())") == "the reader's own\n"


def test_lesson_06_runs_as_it_stands_and_prints_what_it_prints_here(client: BlockingKernelClient):
    for cell in [cell for cell in nbformat.read(LESSON, 4).cells if cell.cell_type == "code"]:
        stored = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        assert said(client, cell.source) == stored, cell.id


def test_a_cell_that_never_ends_is_interrupted(manager: KernelManager, client: BlockingKernelClient):
    said(client, "import subprocess; child = subprocess.Popen(['sleep', '1000'])")
    asked = client.execute("print('begun', flush=True)\nwhile True: pass")
    until(lambda: "begun" in str(client.get_iopub_msg(timeout=60)["content"]), "the cell runs", 60)
    manager.interrupt_kernel()
    while (answer := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != asked:
        pass
    assert answer["content"]["ename"] == "KeyboardInterrupt"
    assert said(client, "print(child.wait(10))") == "-2\n", "what the cells had started was interrupted, too"


def test_a_restarted_kernel_is_another_machine_at_the_same_ports(manager: KernelManager, client: BlockingKernelClient):
    draw = "import random; print(random.random(), open('/proc/sys/kernel/hostname').read().strip())"
    before = said(client, f"kept = 1; {draw}").split()
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=START_S)
    after = said(client, draw).split()
    assert said(client, "print('kept' in globals())") == "False\n"
    assert before[0] != after[0], "two copies of one kernel draw alike"
    assert before[1] != after[1]


def test_a_kernel_that_ends_itself_is_seen_to_be_dead(manager: KernelManager, client: BlockingKernelClient):
    client.execute("import os; os._exit(7)")
    until(lambda: not manager.is_alive(), "Jupyter knows", 30)
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=START_S)


def test_a_kernel_whose_machine_is_killed_is_seen_to_be_dead(manager: KernelManager, client: BlockingKernelClient):
    ours = [each for each in machine.all_of_them() if each.running.owner.pid == os.getpid()]
    assert manager.is_alive()
    ours[-1].running.process.kill(signal.SIGKILL)
    until(lambda: not manager.is_alive(), "Jupyter knows", 30)
    folders = [each.running.folder for each in ours]
    manager.shutdown_kernel(now=True)
    assert not Path(folders[-1]).exists()
