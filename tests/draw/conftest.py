import subprocess
from pathlib import Path

import pytest

from cutaway.draw import evidence
from cutaway.images.closure import Copy, Folder, archive, closure, trail

PYTHON = "/usr/bin/python3"
LIST_MODULES = (
    "import runpy, sys; runpy.run_path(sys.argv[1]); "
    "print(*(m.__file__ for m in [*sys.modules.values()] if getattr(m, '__file__', None)), sep='\\n')"
)


@pytest.fixture(scope="session")
def looking_image() -> bytes:
    """A tar of no more than Python, the modules that the evidence is gathered with, and `/evidence.py`."""
    source = Path(evidence.__file__)
    if not Path(PYTHON).exists():
        pytest.skip(f"needs {PYTHON} to put into a root directory")
    modules = subprocess.run([PYTHON, "-I", "-c", LIST_MODULES, source], capture_output=True, text=True, check=True)
    content = closure([PYTHON])
    for module in modules.stdout.split():
        content |= {str(path): entry for path, entry in trail(Path(module)).items() if Path(module) != source}
    return archive(content | {"/evidence.py": Copy(source), "/proc": Folder(), "/tmp": Folder(0o1777)})


@pytest.fixture
def looking_root(looking_image: bytes, tmp_path: Path) -> Path:
    """The same as a folder."""
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-x", "-C", root], input=looking_image, check=True)
    return root
