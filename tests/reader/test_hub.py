"""On a JupyterHub the folder is handed out, and the hub's own JupyterLab shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typed import Cutaway


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """What JupyterHub gives to a server that it starts."""
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/hub-base/user/ada/")
    for name in ("JUPYTER_SERVER_ROOT", "JUPYTERHUB_ROOT_DIR", "JUPYTERHUB_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_page_is_named_below_the_readers_own_server(cutaway: Cutaway, home: Path) -> None:
    finished = cutaway("lab")
    assert finished.returncode == 0, finished
    assert finished.stdout.endswith("\nOpen     /hub-base/user/ada/lab/tree/cutaway/notebooks/contents.md\n")
    assert (home / "cutaway/notebooks/contents.md").exists()
    assert not (home / "cutaway/.cutaway/open.json").exists()


def test_the_hubs_public_address_and_root_folder_count(
    cutaway: Cutaway, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.example/user/ada/")
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", "~/my files")
    finished = cutaway("lab", "--folder", "~/my files/course")
    assert finished.stdout.endswith("\nOpen     https://hub.example/user/ada/lab/tree/course/notebooks/contents.md\n")


def test_a_folder_that_the_hubs_server_does_not_show_is_refused(cutaway: Cutaway, home: Path, tmp_path: Path) -> None:
    finished = cutaway("lab", "--folder", str(tmp_path / "elsewhere"))
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"cutaway: showing {tmp_path}/elsewhere/notebooks/contents.md: ")
    assert finished.stderr.endswith(f"keep your work there with --folder {home}/cutaway\n")
    assert not (tmp_path / "elsewhere").exists()
