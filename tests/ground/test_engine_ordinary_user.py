"""The same tests once more as an ordinary user, who has ids to borrow: their Podman needs nobody's rights."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutaway.linux import subordinate

NOBODY = 65534
LENT = "nobody:100000:65536\n"
HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else; else all tests are this one"),
]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of the ordinary user's."""
    folder = Path(tempfile.mkdtemp(prefix="cutaway-"))
    (folder / "lent").write_text(LENT)
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_ordinary_user(home: Path, *argv: str, lend: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python as a user without rights; ids are lent in a mount namespace, so that /etc stays as it is."""
    if not all(map(shutil.which, [*subordinate.HELPERS, "podman", "setpriv"])):
        pytest.skip("needs podman, setpriv, newuidmap and newgidmap")
    files = [f"mount --bind {home}/lent {file}" for file in ("/etc/subuid", "/etc/subgid")] if lend else []
    drop = f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"'
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "CUTAWAY_STATE": str(home / "state")}
    command = ["unshare", "--mount", "sh", "-c", " && ".join([*files, drop]), "sh", sys.executable, *argv]
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)


CLAIMS = ("lessons_want", "reach", "not_on_the_host", "killed", "ends_with_its_owner", "port_answers", "end_the_other")


def test_an_ordinary_users_engine_does_all_that_roots_does(home: Path):
    files = [str(HERE / name) for name in ("test_engine_private.py", "test_engine_gone.py", "test_engine_ports.py")]
    chosen = f"({' or '.join(CLAIMS)}) and not docker and not moment"
    run = as_ordinary_user(home, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=60", "-k", chosen, *files)
    counted = re.search(r"\n(\d+) passed, \d+ deselected in", run.stdout)
    assert counted, run.stdout + run.stderr
    assert int(counted[1]) >= len(CLAIMS)


def test_what_a_container_leaves_under_lent_ids_is_removed_with_the_engine(home: Path):
    run = as_ordinary_user(home, "-c", LEAVES_FILES_OF_OTHERS)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "file of 100041\ngone\n"


LEAVES_FILES_OF_OTHERS = """
from pathlib import Path
from cutaway.ground import base, engine, private
ready = engine.ready()
client = ready.client()
volume = client.volumes.create("left")
script = "mkdir -m 0 /left/closed; touch /left/file; chown 42 /left/file"
client.containers.run(base.image(ready), ["sh", "-c", script], volumes={"left": {"bind": "/left"}})
print("file of", next(private.folder().rglob("left/_data/file")).stat().st_uid)
engine.stop()
print("there" if private.folder().exists() else "gone")
"""


def test_without_ids_to_borrow_one_sentence_says_how_to_get_some(home: Path):
    run = as_ordinary_user(home, "-m", "cutaway", "engine", "start", lend=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert re.fullmatch(
        r"cutaway: finding an engine: .*Podman has no ids to borrow.*; to lend it some: .*usermod.*\n", run.stderr
    )
