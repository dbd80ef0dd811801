"""What a container may use: config.json's resources, as files of control groups of version 2 or 1.

OCI runtime specification, config-linux.md, "Control groups". One line of LIMITS for each number: where it stands in
config.json, and the file of each version with what is written there. Where version 2 has no such file the number is
refused with a sentence; `cpu.shares` and the like are converted as runc and crun do it.
"""

from __future__ import annotations

from cutaway.linux import capabilities
from cutaway.linux.groups import Groups
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Resources = Mapping[str, Any]
    File = tuple[str, Callable[[Any], str]]  # a file, and how the number is written there
    Limit = tuple[str, str, File | None, File | None]  # name, controller, version 1, version 2


def plain(value: Any) -> str:
    """As it is; -1 is how version 1 writes "no limit", too."""
    return str(int(value) if isinstance(value, bool) else value)


def or_max(value: int) -> str:
    """Version 2 says "max" for no limit."""
    return "max" if value == -1 else str(value)


def most_pids(value: int) -> str:
    """0 and -1 mean no limit, in both versions."""
    return "max" if value <= 0 else str(value)


def weight(shares: int) -> str:
    """Version 1's shares, 2 to 262144, as version 2's weight, 1 to 10000."""
    return str(1 + (max(2, min(shares, 262144)) - 2) * 9999 // 262142) if shares else "100"


def io_weight(value: int) -> str:
    """Version 1's 10 to 1000 as version 2's 1 to 10000."""
    return str(1 + (value - 10) * 9999 // 990)


NOWHERE = None
LIMITS: list[Limit] = [
    ("memory.reservation", "memory", ("memory.soft_limit_in_bytes", plain), ("memory.low", or_max)),
    ("memory.kernelTCP", "memory", ("memory.kmem.tcp.limit_in_bytes", plain), NOWHERE),
    ("memory.swappiness", "memory", ("memory.swappiness", plain), NOWHERE),
    ("memory.disableOOMKiller", "memory", ("memory.oom_control", plain), NOWHERE),
    ("cpu.shares", "cpu", ("cpu.shares", plain), ("cpu.weight", weight)),
    ("cpu.burst", "cpu", ("cpu.cfs_burst_us", plain), ("cpu.max.burst", plain)),
    ("cpu.idle", "cpu", ("cpu.idle", plain), ("cpu.idle", plain)),
    ("cpu.realtimePeriod", "cpu", ("cpu.rt_period_us", plain), NOWHERE),
    ("cpu.realtimeRuntime", "cpu", ("cpu.rt_runtime_us", plain), NOWHERE),
    ("cpu.cpus", "cpuset", ("cpuset.cpus", str), ("cpuset.cpus", str)),
    ("cpu.mems", "cpuset", ("cpuset.mems", str), ("cpuset.mems", str)),
    ("pids.limit", "pids", ("pids.max", most_pids), ("pids.max", most_pids)),
    ("blockIO.weight", "blkio", ("blkio.weight", plain), ("io.weight", io_weight)),
    ("blockIO.leafWeight", "blkio", ("blkio.leaf_weight", plain), NOWHERE),
    ("network.classID", "net_cls", ("net_cls.classid", plain), NOWHERE),
]
THROTTLES = {
    "throttleReadBpsDevice": ("blkio.throttle.read_bps_device", "rbps"),
    "throttleWriteBpsDevice": ("blkio.throttle.write_bps_device", "wbps"),
    "throttleReadIOPSDevice": ("blkio.throttle.read_iops_device", "riops"),
    "throttleWriteIOPSDevice": ("blkio.throttle.write_iops_device", "wiops"),
}
WITH_ZERO = ("memory.swappiness", "cpu.idle", "memory.disableOOMKiller")  # elsewhere 0 means: not set
OTHER_NAMES = {"blkio.weight": "blkio.bfq.weight", "io.weight": "io.bfq.weight"}  # by the kernel's scheduler

# What is always allowed, as every runtime does it: the devices that a container's /dev has, and terminals.
ALWAYS: list[Mapping[str, Any]] = [
    {"allow": True, "type": "c", "access": "m"},
    {"allow": True, "type": "b", "access": "m"},
    *({"allow": True, "type": "c", "major": 1, "minor": minor, "access": "rwm"} for minor in (3, 5, 7, 8, 9)),
    *({"allow": True, "type": "c", "major": 5, "minor": minor, "access": "rwm"} for minor in (0, 2)),
    {"allow": True, "type": "c", "major": 136, "access": "rwm"},
]


def groups_for(name: str, path: str) -> Groups:
    """Where a container is counted; a path of three parts with colons is how systemd names it."""
    path = path or f"/cutaway-oci-{name}"
    if path.count(":") == 2:
        slice_, prefix, name = path.split(":")
        path = f"/{slice_ or 'system.slice'}/{prefix}-{name}.scope"
    if ".." in path.split("/"):
        raise ContainerError(f"config.json: linux.cgroupsPath: {path!r} leads upwards")
    return Groups.named(path)


def limited(groups: Groups, wanted: Resources, *, within_user: bool) -> bool:
    """Make the groups with these limits; False where none are to be had without root, and none are needed."""
    try:
        groups.make()
        apply(groups, wanted)
        if not within_user or capabilities.privileged():
            permit(groups, wanted.get("devices") or [])
    except OSError as error:
        if not within_user or any(each for name, each in wanted.items() if name != "devices"):
            raise ContainerError(
                f"making the control group: {error.strerror}: {error.filename}; without root, limits take groups that "
                "were delegated to this user, or a lab machine"
            ) from None
        groups.remove()
        return False
    return True


def apply(groups: Groups, resources: Resources) -> None:
    """Write all limits that are asked for; a ContainerError when the kernel refuses one."""
    for name, controller, old, new in LIMITS:
        file = new if groups.unified else old
        part, _, key = name.partition(".")
        value = (resources.get(part) or {}).get(key)
        if value is None or (not value and name not in WITH_ZERO):
            continue
        if file is None:
            if value not in (False, 0, -1):
                raise ContainerError(f"config.json: linux.resources.{name}: cgroup version 2 has no such limit")
            continue
        _write(groups, controller, file[0], file[1](value), name)
    _memory(groups, resources.get("memory") or {})
    _cpu_time(groups, resources.get("cpu") or {})
    _block_devices(groups, resources.get("blockIO") or {})
    _others(groups, resources)


def permit(groups: Groups, rules: list[Mapping[str, Any]]) -> None:
    """Let the devices of the rules be used; what comes later in the list wins."""
    if not rules:
        return
    if groups.unified:
        from cutaway.linux import devices  # what has files needs no program

        devices.attach(groups.folders[""], devices.program([*rules, *ALWAYS]))
        return
    for rule in [*rules, *ALWAYS]:
        _write(groups, "devices", f"devices.{'allow' if rule.get('allow') else 'deny'}", _as_version_1(rule), "devices")


def _as_version_1(rule: Mapping[str, Any]) -> str:
    kind = rule.get("type") or "a"
    numbers = ("*" if rule.get(each) in (None, -1) else rule[each] for each in ("major", "minor"))
    return (
        "a"
        if kind == "a" and rule.get("major") is None
        else f"{kind} {':'.join(map(str, numbers))} {rule.get('access') or 'rwm'}"
    )


def _memory(groups: Groups, memory: Resources) -> None:
    """Memory, and memory with swap: version 1 counts both together, and never takes the sum below the part."""
    limit, swap = memory.get("limit"), memory.get("swap")
    if groups.unified:
        if limit:
            _write(groups, "memory", "memory.max", or_max(limit), "memory.limit")
        if swap:
            more = swap if swap == -1 or not limit or limit == -1 else swap - limit
            if more < -1:
                raise ContainerError(f"config.json: linux.resources.memory.swap {swap} is less than the limit {limit}")
            if more not in (0, -1) or groups.has("memory", "memory.swap.max"):  # a kernel without swap has no such file
                _write(groups, "memory", "memory.swap.max", or_max(more), "memory.swap")
        return
    steps = [("memory.limit_in_bytes", limit), ("memory.memsw.limit_in_bytes", swap)]
    if limit == -1 and not swap:
        steps[1] = (steps[1][0], -1)
    if swap and groups.has("memory", steps[1][0]):
        now = int(groups.get("memory", steps[1][0]))
        if swap == -1 or swap > now:
            steps.reverse()
    for file, value in steps:
        if value and (file == "memory.limit_in_bytes" or groups.has("memory", file)):
            _write(groups, "memory", file, str(value), "memory")


def _cpu_time(groups: Groups, cpu: Resources) -> None:
    quota, period = cpu.get("quota"), cpu.get("period")
    if groups.unified:
        if quota or period:
            _write(
                groups, "cpu", "cpu.max", f"{quota if quota and quota > 0 else 'max'} {period or 100000}", "cpu.quota"
            )
        return
    if period:
        _write(groups, "cpu", "cpu.cfs_period_us", str(period), "cpu.period")
    if quota:
        _write(groups, "cpu", "cpu.cfs_quota_us", str(quota), "cpu.quota")


def _block_devices(groups: Groups, block: Resources) -> None:
    for name, (old, new) in THROTTLES.items():
        for each in block.get(name) or ():
            device = f"{each.get('major', 0)}:{each.get('minor', 0)}"
            if groups.unified:
                _write(groups, "io", "io.max", f"{device} {new}={each.get('rate', 0)}", f"blockIO.{name}")
            else:
                _write(groups, "blkio", old, f"{device} {each.get('rate', 0)}", f"blockIO.{name}")
    for each in block.get("weightDevice") or ():
        device = f"{each.get('major', 0)}:{each.get('minor', 0)}"
        for key, old, new in (
            ("weight", "blkio.weight_device", "io.bfq.weight"),
            ("leafWeight", "blkio.leaf_weight_device", ""),
        ):
            if each.get(key):
                _write(groups, "blkio", new if groups.unified else old, f"{device} {each[key]}", "blockIO.weightDevice")


def _others(groups: Groups, resources: Resources) -> None:
    for page in resources.get("hugepageLimits") or ():
        file = f"hugetlb.{page.get('pageSize')}.{'max' if groups.unified else 'limit_in_bytes'}"
        _write(groups, "hugetlb", file, str(page.get("limit", 0)), "hugepageLimits")
    for each in (resources.get("network") or {}).get("priorities") or ():
        _write(
            groups,
            "net_prio",
            "net_prio.ifpriomap",
            f"{each.get('name')} {each.get('priority', 0)}",
            "network.priorities",
        )
    for device, most in (resources.get("rdma") or {}).items():
        words = (("hca_handle", most.get("hcaHandles")), ("hca_object", most.get("hcaObjects")))
        limits = " ".join(f"{word}={value}" for word, value in words if value is not None)
        _write(groups, "rdma", "rdma.max", f"{device} {limits}", "rdma")
    unified = resources.get("unified") or {}
    if unified and not groups.unified:
        raise ContainerError("config.json: linux.resources.unified takes cgroup version 2; this machine has version 1")
    for file, value in unified.items():
        if "/" in file:
            raise ContainerError(f"config.json: linux.resources.unified: {file!r} is no name of a file in a group")
        _write(groups, file.partition(".")[0], file, value, f"unified.{file}")


def _write(groups: Groups, controller: str, file: str, value: str, name: str) -> None:
    if file in OTHER_NAMES and not groups.has(controller, file):
        file = OTHER_NAMES[file]
    try:
        groups.set(controller, file, value)
    except OSError as error:
        raise ContainerError(f"linux.resources: {name}: {error.strerror}: {error.filename or controller}") from None
