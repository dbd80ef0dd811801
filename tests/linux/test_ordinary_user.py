"""The same tests once more, without root's rights, and what only an ordinary user is refused."""

import os
import re
from pathlib import Path

import pytest
from ordinary import Run


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else; else all tests are this one")
@pytest.mark.soak
@pytest.mark.parametrize("room", ["linux", "ledger"])
def test_the_room_serves_an_ordinary_user(room: str, as_ordinary_user: Run) -> None:
    """All its tests but those that say that they need root."""
    tests = Path(__file__).parents[1] / room
    wanted = ("-m", "not soak and not engine", f"--ignore={__file__}")
    done = as_ordinary_user("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", tests, *wanted)
    assert re.search(r"\n\d+ passed.* in ", done.stdout), done.stdout + done.stderr
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "needs root" not in line] == []


def test_joining_without_the_user_namespace_that_owns_it_is_refused(as_ordinary_user: Run) -> None:
    done = as_ordinary_user("-c", JOINS_UTS_ALONE)
    assert "setns(CLONE_NEWUTS): EPERM: it takes CAP_SYS_ADMIN there; join the USER namespace" in done.stderr


JOINS_UTS_ALONE = """
from cutaway.linux import Enclosed, Kind, enter
with Enclosed({Kind.UTS}) as box:
    enter(box.pid, {Kind.UTS}, "true")
"""


def test_unsharing_without_a_user_namespace_is_refused(as_ordinary_user: Run) -> None:
    done = as_ordinary_user("-c", "from cutaway.linux import Kind, unshare; unshare({Kind.UTS})")
    assert "unshare(CLONE_NEWUTS): EPERM: it takes CAP_SYS_ADMIN; ask for a USER namespace with it" in done.stderr
