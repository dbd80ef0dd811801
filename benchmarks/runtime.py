"""How long a container takes from its start to the end of `true`, ours beside the others, in one run.

    .venv/bin/python benchmarks/runtime.py [ROUNDS]

All run the same program in the same files, in turns, so that what else the machine does falls on all of them alike.
Read the ratios. The full default configuration: namespaces, control groups, capabilities, seccomp, /dev and masks.
"""

from __future__ import annotations

import json
import os
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
from cutaway.linux import syscalls

ROUNDS = 20
FORBIDDEN = (
    "add_key",
    "bpf",
    "kexec_load",
    "keyctl",
    "mount",
    "ptrace",
    "reboot",
    "setns",
    "swapon",
    "umount2",
    "unshare",
)
CRUN_WITHOUT_VERSION_2 = "umount -l /sys/fs/cgroup/unified 2>/dev/null; exec"  # crun 1.8 refuses a hybrid machine


def full(config: oci.Config) -> None:
    """With a seccomp profile of the size of Docker's: some three hundred and fifty names."""
    allowed = [name for name in syscalls.table("x86_64") if name not in FORBIDDEN]
    rule = {"names": allowed, "action": "SCMP_ACT_ALLOW", "args": []}
    architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ERRNO", "architectures": architectures, "syscalls": [rule]
    }  # fmt: skip


def contestants(folder: Path) -> dict[str, Callable[[int], list[str]]]:
    """Name -> the command of one round."""
    root = oci.unpack(folder / "rootfs")
    bundle = str(oci.bundle(folder / "bundle", root, "/bin/true", change=full))
    ours = str(oci.install(folder / "bin"))
    found: dict[str, Callable[[int], list[str]]] = {
        "cutaway-oci": lambda n: [ours, "--root", f"{folder}/ours", "run", "--bundle", bundle, f"bench-o{n}"]
    }
    if runc := shutil.which("runc"):
        found["runc"] = lambda n: [runc, "--root", f"{folder}/runc", "run", "--bundle", bundle, f"bench-r{n}"]
    if crun := shutil.which("crun"):
        command = f"{CRUN_WITHOUT_VERSION_2} {crun} --root {folder}/crun run --bundle {bundle}"
        found["crun"] = lambda n: ["unshare", "-m", "sh", "-c", f"{command} bench-c{n}"]
    found["unshare"] = lambda n: ["unshare", "-pfmuin", "/bin/true"]
    found["python -I -S"] = lambda n: [os.path.realpath(sys.executable), "-I", "-S", "-c", "pass"]
    return found


def with_docker(found: dict[str, Callable[[int], list[str]]]) -> dict[str, str]:
    """Docker with each runtime, where an engine is to be had; the environment for its client."""
    try:
        ready = engine.ready()
        base.image(ready)
    except Exception as error:
        print(f"without docker: {error}", file=sys.stderr)
        return {}
    for name in ("cutaway", "runc"):
        command = ["docker", "run", "--rm", "--network", "none", "--runtime", name, base.NAME, "true"]
        found[f"docker --runtime {name}"] = lambda n, command=command: command  # type: ignore[misc]
    return {"DOCKER_HOST": ready.url}


def main(rounds: int) -> None:
    """Measure in turns and print medians, ratios to runc, and the fastest."""
    folder = Path(tempfile.mkdtemp(prefix="bench-runtime-"))
    folder.chmod(0o755)
    try:
        found = contestants(folder)
        env = os.environ | with_docker(found)
        times: dict[str, list[float]] = {name: [] for name in found}
        for number in range(rounds):
            for name, command in found.items():
                began = time.perf_counter()
                subprocess.run(command(number), env=env, stdin=subprocess.DEVNULL, check=True, capture_output=True)
                times[name].append(time.perf_counter() - began)
        medians = {name: statistics.median(each) for name, each in times.items()}
        print(f"{rounds} rounds, milliseconds\n{'':28}median   fastest   of runc's median")
        for name, median in medians.items():
            ratio = median / medians.get("runc", median)
            print(f"{name:28}{median * 1e3:6.1f}   {min(times[name]) * 1e3:7.1f}   {ratio:.2f}")
        print(json.dumps({name: round(median * 1e3, 2) for name, median in medians.items()}))
    finally:
        engine.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
