"""Root that has given up its rights is refused what every user is refused, and may do what every user may."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.linux import namespaces, rights

pytestmark = pytest.mark.skipif(
    namespaces.obstacle() is not None, reason=f"no user namespaces here: {namespaces.obstacle()}"
)


def after_giving_up(code: str) -> str:
    """What a fresh Python prints that has given up its rights."""
    argv = [sys.executable, "-c", f"from cutaway.linux import rights\nrights.give_up()\n{code}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRIES = """
import subprocess
for line in {lines!r}:
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    print("refused" if done.returncode else "done")
"""


@pytest.mark.parametrize(
    "line",
    [
        "unshare --uts true",
        "unshare --mount --net true",
        "hostname $(hostname)",
        "nsenter --target $$ --uts true",
        "setpriv --reuid=65534 --clear-groups true",
    ],
)
def test_a_command_is_refused_what_takes_root(line: str) -> None:
    assert after_giving_up(TRIES.format(lines=[line])) == "refused"


def test_a_command_may_do_by_a_user_namespace_what_a_user_may() -> None:
    by_shell = "unshare --user --map-root-user --uts --pid --fork --mount-proc --net sh -c 'hostname inner && ip link'"
    assert after_giving_up(TRIES.format(lines=[by_shell])) == "done"


def test_the_thread_itself_is_refused_too() -> None:
    code = "from cutaway.linux import Kind, Refused, unshare\ntry: unshare({Kind.UTS})\nexcept Refused as no: print(no)"
    assert "unshare(CLONE_NEWUTS): EPERM" in after_giving_up(code)


def test_a_box_of_namespaces_gets_the_user_namespace_that_it_needs() -> None:
    code = (
        "from cutaway.linux import Enclosed, Kind\n"
        "with Enclosed({Kind.UTS}, hostname='inner') as box: print(Kind.USER in box.kinds, box.run('hostname'))"
    )
    assert after_giving_up(code) == "True inner"


def test_what_was_given_up_stays_so_in_all_that_is_started() -> None:
    deeper = f"{sys.executable} -c 'from cutaway.linux import rights; print(rights.held() & ~rights.KEPT)'"
    assert after_giving_up(f"import subprocess\nsubprocess.run({deeper!r}, shell=True, check=True)") == "0"


def test_the_user_and_its_files_stay_the_same(tmp_path: Path) -> None:
    code = f"import os, pathlib\npathlib.Path({str(tmp_path / 'file')!r}).write_text('mine')\nprint(os.geteuid())"
    assert after_giving_up(code) == str(os.geteuid())
    assert (tmp_path / "file").read_text() == "mine"


def test_giving_up_twice_is_giving_up_once() -> None:
    assert after_giving_up("rights.give_up(); print(rights.held() & ~rights.KEPT)") == "0"


@pytest.mark.skipif(not rights.held() & ~rights.KEPT, reason="needs root, who has rights to give up")
def test_who_has_them_may_make_every_kind_and_only_then() -> None:
    assert namespaces.may_make_any()
    assert after_giving_up("from cutaway.linux import namespaces; print(namespaces.may_make_any())") == "False"
