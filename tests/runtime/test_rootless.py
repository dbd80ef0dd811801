"""What an ordinary user may: containers in user namespaces, alone, with ids that are lent, and in ones that exist."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import oci
import pytest
from oci import Config

from cutaway.linux import Enclosed, Kind, identity, subordinate
from cutaway.runtime import example

NOBODY = 65534
FIRST, LENGTH = 100_000, 1000  # of the ids that are lent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else; else all tests are this one"),
]


class User(NamedTuple):
    """An ordinary user's folder, and the runtime in it."""

    home: Path
    program: Path
    rootfs: Path

    def run(
        self, command: str, change: Callable[[Config], object] = lambda _: None, *, lent: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """A container of theirs, to its end; ids are lent in a mount namespace, so that /etc stays as it is."""
        config = example.config("/bin/sh", "-c", command)
        config["root"]["path"] = str(self.rootfs)
        example.without_root(config)
        for key in ("uidMappings", "gidMappings"):
            config["linux"][key] = [{"containerID": 0, "hostID": NOBODY, "size": 1}]
        change(config)
        (self.home / "config.json").write_text(json.dumps(config))
        files = [f"mount --bind {self.home}/lent {file}" for file in ("/etc/subuid", "/etc/subgid")] if lent else []
        drop = f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"'
        words = ["--root", str(self.home / "known"), "run", "--bundle", str(self.home), "one"]
        argv = ["unshare", "--mount", "sh", "-c", " && ".join([*files, drop]), "sh", str(self.program), *words]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        done = subprocess.run(argv, env=env, cwd=self.home, capture_output=True, text=True, timeout=60, check=False)
        assert list((self.home / "known").iterdir()) == [], "nothing stays"
        return done


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    folder = Path(tempfile.mkdtemp(prefix="rootless-"))
    folder.chmod(0o755)
    (folder / "lent").write_text(f"nobody:{FIRST}:{LENGTH}\n")
    for name in ("known", "rootfs"):
        (folder / name).mkdir()
    oci.unpack(folder / "rootfs")
    for name in ("dev", "proc", "sys"):  # who joins another's user namespace may make nothing here
        (folder / "rootfs" / name).mkdir(exist_ok=True)
    program = oci.install(folder / "bin")
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, NOBODY, NOBODY)
    yield User(folder, program, folder / "rootfs")
    shutil.rmtree(folder)


def test_they_are_root_inside_and_nobody_else(user: User) -> None:
    done = user.run("id -u; cat /proc/self/setgroups; tr -s ' ' < /proc/self/uid_map; stat -c %u /bin")
    assert done.stdout.split() == ["0", "deny", "0", str(NOBODY), "1", "0"], done.stderr


def test_limits_that_they_cannot_have_are_refused_with_the_way_to_them(user: User) -> None:
    done = user.run("true", lambda config: config["linux"].update(resources={"pids": {"limit": 5}}))
    if done.returncode:  # where groups were delegated to everybody, they have them
        assert "limits take groups that were delegated to this user, or a lab machine" in done.stderr


def with_lent_ids(config: Config) -> None:
    for key in ("uidMappings", "gidMappings"):
        config["linux"][key].append({"containerID": 1, "hostID": FIRST, "size": LENGTH})
    config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}


@pytest.mark.skipif(not all(map(shutil.which, subordinate.HELPERS)), reason="needs newuidmap and newgidmap")
def test_with_lent_ids_there_are_other_users_inside(user: User) -> None:
    done = user.run("id -u; id -g; id -G; tr -s ' ' < /proc/self/uid_map", with_lent_ids, lent=True)
    told = ["5", "6", "6", "7", "0", str(NOBODY), "1", "1", str(FIRST), str(LENGTH)]
    assert done.stdout.split() == told, done.stderr


@pytest.mark.skipif(not all(map(shutil.which, subordinate.HELPERS)), reason="needs newuidmap and newgidmap")
def test_ids_that_are_not_lent_are_refused(user: User) -> None:
    done = user.run("true", with_lent_ids)
    assert done.returncode == 1
    assert "newuidmap" in done.stderr
    assert "see subuid(5)" in done.stderr


def test_a_user_namespace_and_what_it_owns_are_joined_by_their_paths(user: User) -> None:
    with Enclosed({Kind.USER, Kind.NET, Kind.UTS}, hostname="theirs") as box:

        def change(config: Config) -> None:
            config.pop("hostname")
            kinds = {"user": "user", "network": "net", "uts": "uts"}
            rest = [each for each in config["linux"]["namespaces"] if each["type"] not in kinds]
            paths = [{"type": kind, "path": f"/proc/{box.pid}/ns/{file}"} for kind, file in kinds.items()]
            config["linux"]["namespaces"] = rest + paths
            config["linux"].pop("uidMappings")
            config["linux"].pop("gidMappings")

        config = example.config(
            "/bin/sh", "-c", "hostname; for each in user net; do readlink /proc/self/ns/$each; done"
        )
        config["root"]["path"] = str(user.rootfs)
        example.without_root(config)
        change(config)
        (user.home / "config.json").write_text(json.dumps(config))
        argv = [user.program, "--root", user.home / "known", "run", "--bundle", user.home, "joined"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        mine = [f"{kind.value}:[{identity(kind, box.pid)}]" for kind in (Kind.USER, Kind.NET)]
    assert done.stdout.split() == ["theirs", *mine], done.stderr
