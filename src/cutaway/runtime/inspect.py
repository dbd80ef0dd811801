"""Looking at containers, and changing their limits: the words of the command line that an engine uses now and then."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from cutaway.linux import capabilities, filters, seccomp
from cutaway.runtime import config, options, resources
from cutaway.runtime.problems import ContainerError
from cutaway.runtime.state import Container

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cutaway.linux.groups import Groups

UPDATES = {
    "memory": "memory.limit", "memory-reservation": "memory.reservation", "memory-swap": "memory.swap",
    "cpu-share": "cpu.shares", "cpu-quota": "cpu.quota", "cpu-period": "cpu.period", "cpu-burst": "cpu.burst",
    "cpu-idle": "cpu.idle", "cpu-rt-period": "cpu.realtimePeriod", "cpu-rt-runtime": "cpu.realtimeRuntime",
    "cpuset-cpus": "cpu.cpus", "cpuset-mems": "cpu.mems", "pids-limit": "pids.limit", "blkio-weight": "blockIO.weight",
}  # option of `update` -> where the number stands in resources  # fmt: skip
TEXTS = ("cpu.cpus", "cpu.mems")


def update(container: Container, given: Mapping[str, Any]) -> None:
    """Write the limits that `--resources` (a file, or - for standard input) or the options name."""
    if container.status() == "stopped":
        raise ContainerError(f"updating container {container.name!r}: it is stopped")
    source = given.get("resources")
    wanted: dict[str, Any] = {}
    if source:
        try:
            wanted = json.load(sys.stdin) if source == "-" else config.parsed(source)
        except ValueError as error:
            raise ContainerError(f"update --resources: it is not JSON: {error}") from None
        config.fit(wanted, config.RESOURCES, "resources")
    for option, place in UPDATES.items():
        if option in given:
            part, _, key = place.partition(".")
            text = given[option]
            if place not in TEXTS and not text.lstrip("-").isdigit():
                raise ContainerError(f"update --{option} {text!r}: it takes a whole number")
            wanted.setdefault(part, {})[key] = text if place in TEXTS else int(text)
    resources.apply(container.groups, wanted)


def ps(container: Container, shape: str, words: Sequence[str]) -> None:
    """The processes of a container, as numbers in JSON or as ps(1) shows them."""
    pids = container.groups.members() or ([container.pid] if container.pid else [])
    if shape == "json":
        print(json.dumps(sorted(pids)))
        return
    if shape != "table":
        raise ContainerError(f"ps --format {shape!r}: it is table or json")
    shown = subprocess.run(["ps", *(words or ["-ef"])], capture_output=True, text=True, check=False).stdout.splitlines()
    column = next((at for at, name in enumerate(shown[0].split()) if name == "PID"), 0) if shown else 0
    print("\n".join([*shown[:1], *(line for line in shown[1:] if line.split()[column] in map(str, pids))]))


def show(root: str, shape: str, *, quiet: bool) -> None:
    """The containers that `root` knows."""
    found = []
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
        try:
            found.append(Container.known(root, name))
        except ContainerError:  # being made, or not ours
            continue
    if quiet:
        print("".join(f"{each.name}\n" for each in found), end="")
    elif shape == "json":
        more = ("rootfs", "created", "owner")
        told = [{**each.state(), "pid": each.pid} | {key: each.facts.get(key) for key in more} for each in found]
        print(json.dumps(told))
    elif shape == "table":
        rows = [("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")]
        rows += [
            (each.name, str(each.pid), each.status(), each.facts.get("bundle", ""), each.facts.get("created", ""),
             f"#{each.facts.get('owner', '')}")
            for each in found
        ]  # fmt: skip
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    else:
        raise ContainerError(f"list --format {shape!r}: it is table or json")


# --- What it uses ----------------------------------------------------------


def stats(groups: Groups) -> dict[str, Any]:
    """What the container uses now, in the words of `runc events`, as far as this kernel tells it."""
    if groups.unified:
        use = _pairs(groups, "cpu", "cpu.stat")
        names = {"total": "usage_usec", "kernel": "system_usec", "user": "user_usec"}
        cpu = {name: use.get(file, 0) * 1000 for name, file in names.items()}
        memory = _numbers(groups, "memory", usage="memory.current", limit="memory.max", max="memory.peak")
    else:
        cpu = _numbers(groups, "cpuacct", total="cpuacct.usage")
        memory = _numbers(
            groups, "memory", usage="memory.usage_in_bytes", limit="memory.limit_in_bytes",
            max="memory.max_usage_in_bytes", failcnt="memory.failcnt",
        )  # fmt: skip
    pids = _numbers(groups, "pids", current="pids.current", limit="pids.max")
    throttled = _pairs(groups, "cpu", "cpu.stat")
    return {
        "cpu": {
            "usage": cpu,
            "throttling": {
                "periods": throttled.get("nr_periods", 0), "throttledPeriods": throttled.get("nr_throttled", 0),
            },
        },
        "memory": {"usage": memory, "raw": _pairs(groups, "memory", "memory.stat")},
        "pids": pids,
    }  # fmt: skip


def _numbers(groups: Groups, controller: str, **files: str) -> dict[str, int]:
    there = {name: groups.get(controller, file) for name, file in files.items() if groups.has(controller, file)}
    return {name: 0 if text == "max" else int(text) for name, text in there.items()}


def _pairs(groups: Groups, controller: str, file: str) -> dict[str, int]:
    if not groups.has(controller, file):
        return {}
    return {line.split()[0]: int(line.split()[1]) for line in groups.get(controller, file).splitlines()}


# --- What it can do --------------------------------------------------------


def features() -> dict[str, Any]:
    """The OCI runtime specification, features.md."""
    words = [*options.ON, *options.OFF, *options.PROPAGATION, *options.ATTRIBUTES, "tmpcopyup"]
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": "1.0.2",
        "hooks": list(config.SIX_HOOKS),
        "mountOptions": sorted(words),
        "linux": {
            "namespaces": list(config.KINDS),
            "capabilities": [f"CAP_{name}" for name in capabilities.NAMES],
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": list(filters.ACTIONS),
                "operators": list(filters.TESTS),
                "archs": list(filters.ARCHITECTURES),
                "knownFlags": list(seccomp.FLAGS),
                "supportedFlags": list(seccomp.FLAGS),
            },
            "apparmor": {"enabled": False},
            "selinux": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
        "annotations": {},
    }
