"""On a JupyterHub the reader has a JupyterLab already, started and guarded by the hub: that one shows the folder.

The names are those that JupyterHub gives to every server that it starts (`Spawner.get_env`).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from cutaway.problem import Problem


def here() -> bool:
    """Whether this process was started, however indirectly, by a JupyterHub."""
    return "JUPYTERHUB_SERVICE_PREFIX" in os.environ


def address(path: Path) -> str:
    """Where the hub's JupyterLab shows a file; Problem when it lies outside what that JupyterLab serves."""
    served = Path(os.environ.get("JUPYTER_SERVER_ROOT") or os.environ.get("JUPYTERHUB_ROOT_DIR") or Path.home())
    try:
        place = path.resolve().relative_to(served.expanduser().resolve())
    except ValueError as error:
        raise Problem(
            f"showing {path}: your JupyterLab on this hub serves {served} and nothing beside it; "
            f"keep your work there with --folder {served / 'cutaway'}"
        ) from error
    server = os.environ.get("JUPYTERHUB_PUBLIC_URL") or os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    return f"{server.rstrip('/')}/lab/tree/{quote(place.as_posix())}"
