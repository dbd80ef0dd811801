"""The two commands on a machine that has nothing but git, make and python3: a Debian made for it, entered as its root.

Takes a good part of an hour, some gigabytes and the network. Its mounts lie in namespaces of their own and go with
the processes in them; its folder goes at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cutaway.linux.processes import command, descendants

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("CUTAWAY_SEED", "20"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(5400), pytest.mark.xdist_group("bare machine")]


class User(NamedTuple):
    """Somebody on the bare machine; only root has what administrators run on the path."""

    number: int
    home: str
    path: str


ADMINISTRATOR = User(0, "/root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
READER = User(1000, "/home/reader", "/usr/local/bin:/usr/bin:/bin")

# In new namespaces: make the folder $1 the root of everything, then go on as user $2 with the path $3.
ENTER = """
mount --bind "$1" "$1" && cd "$1" && mount -t proc proc proc && mount --rbind /sys sys && mount --rbind /dev dev &&
pivot_root . mnt && umount -l mnt && user=$2 path=$3 && shift 3 &&
exec setpriv --reuid=$user --regid=$user --init-groups env PATH="$path" "$@"
"""


# --- The machine ------------------------------------------------------------


class Machine:
    """A folder that is a machine for the processes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, user: User, *argv: str) -> subprocess.Popen[str]:
        """Begin a command in the user's checkout; all that it starts ends with it."""
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", str(self.folder)]
        stay = ["sh", "-c", 'cd "$0" && exec "$@"', f"{user.home}/cutaway"]
        return subprocess.Popen(
            [*enter, str(user.number), user.path, *stay, *argv],
            env={"HOME": user.home, "PATH": ADMINISTRATOR.path, "LANG": "C.UTF-8", **way_out()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, user: User, *argv: str, timeout_s: float = 1200) -> tuple[int, str]:
        """How a command ended and all that it said."""
        process = self.start(user, *argv)
        try:
            said = process.communicate(timeout=timeout_s)[0]
        finally:
            process.kill()
        print(said)
        return process.returncode, said

    def checkout(self, user: User) -> Path:
        """The user's clone, seen from outside."""
        return self.folder / user.home[1:] / "cutaway"


def way_out() -> dict[str, str]:
    """How this network lets a machine out: proxies, and where pip finds an authority that only this network has."""
    proxies = {name: value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy")}
    return {**proxies, "PIP_CERT": "/etc/network-authorities.crt"} if authorities() else proxies


def authorities() -> str | None:
    return os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A Debian with git, make and python3, one ordinary user, and a clone of what is committed here for each."""
    if os.geteuid() != 0:
        pytest.skip("making a machine takes root")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not here: make soak installs it")
    above = tempfile.mkdtemp(prefix="cutaway-bare-", dir="/var/tmp")
    try:
        folder = Path(above) / "root"
        packages = "--include=git,make,python3"
        subprocess.run(["debootstrap", "--variant=minbase", packages, "bookworm", folder], check=True)
        shutil.copy("/etc/resolv.conf", folder / "etc")
        if found := authorities():
            shutil.copy(found, folder / "etc" / "network-authorities.crt")
        made = Machine(folder)
        subprocess.run(["useradd", "--root", folder, "--create-home", "--uid", "1000", "reader"], check=True)
        for user in (ADMINISTRATOR, READER):
            subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, made.checkout(user)], check=True)
            subprocess.run(["chown", "-R", f"{user.number}:{user.number}", made.checkout(user)], check=True)
        yield made
    finally:
        shutil.rmtree(above)


# --- In this order ----------------------------------------------------------


def test_1_an_ordinary_user_is_told_the_one_command_that_is_needed(machine: Machine):
    status, said = machine.run(READER, "make", "lab")
    assert status != 0
    assert re.search(r"\d+ packages, [\d.]+ MB to download, [\d.]+ MB on disk", said)
    assert (
        said.rstrip()
        .splitlines()[-2]
        .endswith("do this and try again: su -c 'apt-get install --no-install-recommends python3-venv'")
    )


def test_2_root_says_yes_once_and_the_course_opens_with_an_engine(machine: Machine):
    process = machine.start(ADMINISTRATOR, "make", "lab", "YES=1", "ARGS=--no-browser --port 18881")
    await_jupyterlab(process, 18881, within_s=1200)
    said = end(process)
    assert re.search(r"Engine +docker [\d.]+", said), said


def test_3_the_second_time_set_up_takes_seconds(machine: Machine):
    began = time.monotonic()
    status, said = machine.run(ADMINISTRATOR, "make", "setup-lab")
    assert status == 0, said
    assert time.monotonic() - began < 5
    assert "environment" not in said


def test_4_no_service_of_the_packages_was_started(machine: Machine):
    status, said = machine.run(ADMINISTRATOR, "ps", "-e", "-o", "comm=")
    assert status == 0
    assert "dockerd" not in said
    assert "podman" not in said


def test_5_an_ordinary_user_needs_nothing_more(machine: Machine):
    process = machine.start(READER, "make", "lab", "ARGS=--no-browser --port 18882")
    await_jupyterlab(process, 18882, within_s=600)
    end(process)


def test_6_the_doctor_answers_both_and_differently(machine: Machine):
    reports = [
        json.loads(machine.run(user, ".venv/bin/cutaway", "doctor", "--json")[1]) for user in (ADMINISTRATOR, READER)
    ]
    as_root, ordinary = ({each["name"]: each["ok"] for each in report["findings"]} for report in reports)
    assert as_root["root"]
    assert not ordinary["root"]
    for name in ("user namespaces", "qemu", "java", "php", "strace", "graphviz", "busybox"):
        assert as_root[name], name
        assert ordinary[name], name


def examined(machine: Machine, user: User) -> dict[str, bool]:
    report = json.loads(machine.run(user, ".venv/bin/cutaway", "doctor", "--json")[1])
    return {each["name"]: each["ok"] for each in report["findings"]}


@pytest.mark.parametrize("stage", ["environment", "pip", "packages", "Cutaway itself"])
def test_7_set_up_that_is_killed_at_any_moment_is_mended_by_the_next(stage: str, machine: Machine):
    moment_s = random.Random(f"{SEED} {stage}").uniform(0, 3)
    shutil.rmtree(machine.checkout(READER) / ".venv", ignore_errors=True)
    process = machine.start(READER, "make", "setup-lab")
    assert process.stdout is not None
    assert any(line.startswith(f"  {stage} ...") for line in process.stdout)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment_s)
    process.kill()  # and with process 1 of its namespace all others
    process.communicate()
    status, said = machine.run(READER, "make", "setup-lab")
    assert status == 0, said
    assert machine.run(READER, ".venv/bin/pip", "check")[0] == 0
    assert machine.run(READER, ".venv/bin/cutaway", "--version")[0] == 0


def test_8_everything_is_proved_there(machine: Machine):
    status, said = machine.run(ADMINISTRATOR, "make", "test", "YES=1", timeout_s=5000)
    assert status == 0, said[-5000:]
    assert re.search(r"\d+ passed", said)


# --- JupyterLab -------------------------------------------------------------


def await_jupyterlab(process: subprocess.Popen[str], port: int, within_s: float) -> None:
    """Return once JupyterLab answers on `port`; fail with all that was said when it does not."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5) as answer:
                assert "version" in json.load(answer)
                return
        except OSError:
            time.sleep(0.5)
    process.kill()
    pytest.fail(f"no JupyterLab on port {port}: {process.communicate()[0]}")


def end(process: subprocess.Popen[str]) -> str:
    """End JupyterLab as a reader who closes the terminal would; all that was said."""
    for each in descendants(process.pid):
        if "cutaway lab" in command(each.pid):
            each.kill(signal.SIGTERM)
    said = process.communicate(timeout=60)[0]
    print(said)
    return said
