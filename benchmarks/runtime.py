"""How long a container takes from its start to the end of `true`, ours beside the others, in one run.

    .venv/bin/python benchmarks/runtime.py [ROUNDS]

All run the same program in the same files, in turns, so that what else the machine does falls on all of them alike.
Read the ratios, and on a busy machine the processor time, which waits for nobody.
The full default configuration: namespaces, control groups, capabilities, seccomp, /dev and masks.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/runtime"))

import oci

from cutaway.ground import base, engine
from cutaway.ground.container import Container
from cutaway.images.closure import archive
from cutaway.ledger import paths
from cutaway.linux import calls, mounts
from cutaway.runtime import example

ROUNDS = 20
UNIFIED = "/sys/fs/cgroup/unified"  # of a hybrid machine, which crun 1.8 refuses

Round = Callable[[int], object]


def full(config: oci.Config) -> None:
    """With a seccomp profile of the size of Docker's: some three hundred and fifty names."""
    config["linux"]["seccomp"] = example.profile()


def hide_version_2() -> None:
    """In mounts of our own there are the groups of version 1 alone, for all contestants."""
    if any(mount.target == UNIFIED for mount in mounts.mounts()):
        calls.unshare(calls.CLONE_NEWNS, "CLONE_NEWNS")
        mounts.make_private()
        mounts.unmount(UNIFIED, lazily=True)


def command(*words: str, env: dict[str, str] | None = None) -> None:
    """Run a command to its end."""
    subprocess.run(words, env=env, stdin=subprocess.DEVNULL, check=True, capture_output=True)


def contestants(folder: Path) -> dict[str, Round]:
    """Name -> one round."""
    root = oci.unpack(folder / "rootfs")
    bundle = str(oci.bundle(folder / "bundle", root, "/bin/true", change=full))
    ours = str(oci.install(folder / "bin"))
    found: dict[str, Round] = {}
    for name in ("runc", "crun", "cutaway-oci"):
        if program := shutil.which(name) or (ours if name == "cutaway-oci" else None):
            words = [program, "--root", f"{folder}/{name}", "run", "--bundle", bundle]
            found[name] = lambda n, words=words: command(*words, f"bench-{n}")  # type: ignore[misc]
    found["Container(): true"] = lambda _: whole(root)
    with_one = Container(root)
    found["Container.run(): true"] = lambda _: with_one.run(["true"])
    found["unshare"] = lambda _: command("unshare", "-pfmuin", "/bin/true")
    found["python -I -S"] = lambda _: command(os.path.realpath(sys.executable), "-I", "-S", "-c", "pass")
    return found


def whole(root: Path) -> None:
    """A container from its first to its last moment, with one command in it."""
    with Container(root) as made:
        made.run(["true"])


def with_docker(found: dict[str, Round]) -> None:
    """Docker with each runtime, where an engine is to be had."""
    try:
        ready = engine.ready()
        base.image(ready)
    except Exception as error:
        print(f"without docker: {error}", file=sys.stderr)
        return
    env = os.environ | {"DOCKER_HOST": ready.url}
    for name in ("cutaway", "runc"):
        words = ["docker", "run", "--rm", "--network", "none", "--runtime", name, base.NAME, "true"]
        found[f"docker --runtime {name}"] = lambda _, words=words: command(*words, env=env)  # type: ignore[misc]


def processor_s() -> float:
    """What all that was started and waited for has taken; what a daemon or a warm runtime does is not in it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def with_podman(found: dict[str, Round], folder: Path) -> None:
    """Podman with runc, in a store of its own, where there is one."""
    podman, runc = shutil.which("podman"), shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin")
    if not podman or not runc:
        return
    (folder / "base.tar").write_bytes(archive(base.contents()))
    store = ["--root", f"{folder}/store", "--runroot", f"{folder}/run", "--cgroup-manager", "cgroupfs"]
    words = [podman, *store, "--runtime", runc]
    command(*words, "import", "-q", f"{folder}/base.tar", base.NAME)
    limits = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]  # its own take CAP_SYS_RESOURCE
    run = [*words, "run", "--rm", "--network", "none", *limits, base.NAME, "true"]
    found["podman --runtime runc"] = lambda _: command(*run)


def main(rounds: int) -> None:
    """Measure in turns and print medians, ratios to runc, and the fastest."""
    folder = Path(tempfile.mkdtemp(prefix="cutaway-bench-"))
    folder.chmod(0o755)
    hide_version_2()
    try:
        found = contestants(folder)
        with_docker(found)
        with_podman(found, folder)
        times: dict[str, list[float]] = {name: [] for name in found}
        spent: dict[str, list[float]] = {name: [] for name in found}
        for number in range(rounds):
            for name, once in found.items():
                began, before = time.perf_counter(), processor_s()
                once(number)
                spent[name].append(processor_s() - before)
                times[name].append(time.perf_counter() - began)
        medians = {name: statistics.median(each) for name, each in times.items()}
        print(f"{rounds} rounds, milliseconds\n{'':28}median   fastest   of runc's median   processor")
        for name, median in medians.items():
            ratio = median / medians.get("runc", median)
            processor = statistics.mean(spent[name]) * 1e3
            print(f"{name:28}{median * 1e3:6.1f}   {min(times[name]) * 1e3:7.1f}   {ratio:.2f}   {processor:6.1f}")
        print(json.dumps({name: round(median * 1e3, 2) for name, median in medians.items()}))
    finally:
        engine.stop()
        paths.remove(str(folder))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
