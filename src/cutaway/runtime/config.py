"""config.json, read and judged before anything is made: each value has the kind that the specification says.

OCI runtime specification, config.md and config-linux.md. What is not in SHAPE is left to later versions of it.
"""

from __future__ import annotations

import os

from cutaway.linux.light import dumps, loads
from cutaway.runtime.problems import ContainerError

TYPE_CHECKING = False  # typing itself is slow to load, and a runtime starts often
if TYPE_CHECKING:
    from typing import Any

    Config = dict[str, Any]

VERSIONS = ("1.0.", "1.1.", "1.2.")  # of the specification; within 1 they only add
KINDS = ("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts")  # config-linux.md, "Namespaces"
NEEDED_BY = {"kernel.msg": "ipc", "kernel.sem": "ipc", "kernel.shm": "ipc", "fs.mqueue.": "ipc", "net.": "network"}
NEEDED_BY["kernel.domainname"] = (
    "uts"  # a sysctl that begins so belongs to a namespace; any other is the whole machine's
)

TEXT, NUMBER, SWITCH = (str, "a text"), (int, "a whole number"), (bool, "true or false")
TEXTS, NUMBERS = [TEXT], [NUMBER]
MAPPED = [{"containerID": NUMBER, "hostID": NUMBER, "size": NUMBER}]
HOOKS = [{"path": TEXT, "args": TEXTS, "env": TEXTS, "timeout": NUMBER}]
THROTTLE = [{"major": NUMBER, "minor": NUMBER, "rate": NUMBER}]
SIX_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")

PROCESS = {
    "terminal": SWITCH, "consoleSize": {"height": NUMBER, "width": NUMBER}, "cwd": TEXT, "env": TEXTS, "args": TEXTS,
    "commandLine": TEXT, "user": {"uid": NUMBER, "gid": NUMBER, "umask": NUMBER, "additionalGids": NUMBERS},
    "capabilities": dict.fromkeys(("bounding", "effective", "inheritable", "permitted", "ambient"), TEXTS),
    "rlimits": [{"type": TEXT, "soft": NUMBER, "hard": NUMBER}],
    "noNewPrivileges": SWITCH, "oomScoreAdj": NUMBER, "apparmorProfile": TEXT, "selinuxLabel": TEXT,
}  # fmt: skip
RESOURCES = {
    "devices": [{"allow": SWITCH, "type": TEXT, "major": NUMBER, "minor": NUMBER, "access": TEXT}],
    "memory": dict.fromkeys(("limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness"), NUMBER)
    | {"disableOOMKiller": SWITCH, "useHierarchy": SWITCH, "checkBeforeUpdate": SWITCH},
    "cpu": dict.fromkeys(("shares", "quota", "burst", "period", "realtimeRuntime", "realtimePeriod", "idle"), NUMBER)
    | {"cpus": TEXT, "mems": TEXT},
    "pids": {"limit": NUMBER},
    "blockIO": {
        "weight": NUMBER, "leafWeight": NUMBER,
        "weightDevice": [{"major": NUMBER, "minor": NUMBER, "weight": NUMBER, "leafWeight": NUMBER}],
        **dict.fromkeys(
            (f"throttle{way}{what}Device" for way in ("Read", "Write") for what in ("Bps", "IOPS")), THROTTLE
        ),
    },
    "hugepageLimits": [{"pageSize": TEXT, "limit": NUMBER}],
    "network": {"classID": NUMBER, "priorities": [{"name": TEXT, "priority": NUMBER}]},
    "rdma": {"*": {"hcaHandles": NUMBER, "hcaObjects": NUMBER}},
    "unified": {"*": TEXT},
}  # fmt: skip
SHAPE = {
    "ociVersion": TEXT, "hostname": TEXT, "domainname": TEXT, "annotations": {"*": TEXT},
    "root": {"path": TEXT, "readonly": SWITCH},
    "mounts": [{"destination": TEXT, "source": TEXT, "type": TEXT, "options": TEXTS,
                "uidMappings": MAPPED, "gidMappings": MAPPED}],
    "process": PROCESS,
    "hooks": dict.fromkeys(SIX_HOOKS, HOOKS),
    "linux": {
        "namespaces": [{"type": TEXT, "path": TEXT}], "uidMappings": MAPPED, "gidMappings": MAPPED,
        "timeOffsets": {"*": {"secs": NUMBER, "nanosecs": NUMBER}},
        "devices": [{"type": TEXT, "path": TEXT, "major": NUMBER, "minor": NUMBER, "fileMode": NUMBER,
                     "uid": NUMBER, "gid": NUMBER}],
        "cgroupsPath": TEXT, "resources": RESOURCES, "rootfsPropagation": TEXT, "sysctl": {"*": TEXT},
        "maskedPaths": TEXTS, "readonlyPaths": TEXTS, "mountLabel": TEXT,
        "personality": {"domain": TEXT, "flags": TEXTS},
        "seccomp": {
            "defaultAction": TEXT, "defaultErrnoRet": NUMBER, "architectures": TEXTS, "flags": TEXTS,
            "listenerPath": TEXT, "listenerMetadata": TEXT,
            "syscalls": [{"names": TEXTS, "action": TEXT, "errnoRet": NUMBER,
                          "args": [{"index": NUMBER, "value": NUMBER, "valueTwo": NUMBER, "op": TEXT}]}],
        },
    },
}  # fmt: skip


def load(bundle: str) -> Config:
    """The bundle's config.json, judged; a ContainerError says the first thing that is wrong with it."""
    return judged(parsed(os.path.join(bundle, "config.json")))


def judged(config: Any) -> Config:
    """The same, when it is a config.json by the specification."""
    fit(config, SHAPE, "config.json")
    require(config)
    return dict(config)


def parsed(path: str) -> Any:
    """What a file of JSON holds."""
    try:
        with open(path, "rb") as file:
            return loads(file.read().decode())
    except OSError as error:
        raise ContainerError(f"reading {path}: {error.strerror}; is that the bundle?") from None
    except (ValueError, RecursionError) as error:
        raise ContainerError(f"reading {path}: it is not JSON: {error}") from None


def fit(value: Any, shape: Any, where: str) -> None:
    """Nothing, when the value has the shape; null stands for what is absent."""
    if value is None:
        return
    if isinstance(shape, tuple):
        kind, told = shape
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ContainerError(f"{where}: {shortened(value)} is not {told}")
        if kind is str and "\0" in value:
            raise ContainerError(f"{where}: {shortened(value)} holds a zero byte, which no name of the kernel can")
        if kind is int and not -(1 << 63) <= value < 1 << 64:
            raise ContainerError(f"{where}: {shortened(value)} does not fit into 64 bits")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ContainerError(f"{where}: {shortened(value)} is not a list")
        for index, each in enumerate(value):
            if each is None:
                raise ContainerError(f"{where}[{index}]: null is not an entry")
            fit(each, shape[0], f"{where}[{index}]")
    elif not isinstance(value, dict):
        raise ContainerError(f"{where}: {shortened(value)} is not an object")
    else:
        for name, each in value.items():
            if name in shape or "*" in shape:
                fit(
                    each,
                    shape.get(name) or shape["*"],
                    f"{where}: {name}" if where[-4:] == "json" else f"{where}.{name}",
                )


def shortened(value: Any) -> str:
    """A value as a message shows it."""
    shown = dumps(value)
    return shown if len(shown) < 60 else f"{shown[:57]}..."


def require(config: Config) -> None:
    """What must be there, and what must go together."""
    version = config.get("ociVersion")
    if not version or not version.startswith(VERSIONS):
        raise ContainerError(f"config.json: ociVersion {version!r} is none of {', '.join(f'{v}x' for v in VERSIONS)}")
    if not (config.get("root") or {}).get("path"):
        raise ContainerError("config.json: root.path is missing; it names the folder with the container's files")
    if config.get("process") is not None:
        require_process(config["process"], "config.json: process")
    kinds = [each.get("type") for each in linux(config).get("namespaces") or ()]
    for kind in kinds:
        if kind not in KINDS:
            raise ContainerError(f"config.json: linux.namespaces: type {kind!r} is none of {', '.join(KINDS)}")
        if kinds.count(kind) > 1:
            raise ContainerError(f"config.json: linux.namespaces: {kind} stands there twice; once is enough")
    for each in config.get("mounts") or ():
        if not each.get("destination"):
            raise ContainerError("config.json: mounts: one has no destination")
    if config.get("hostname") and "uts" not in kinds:
        raise ContainerError("config.json: hostname takes a uts namespace; without one it would rename this machine")
    for key in linux(config).get("sysctl") or ():
        require_sysctl(key, kinds)
    for which in SIX_HOOKS:
        for hook in (config.get("hooks") or {}).get(which) or ():
            if not (hook.get("path") or "").startswith("/"):
                raise ContainerError(f"config.json: hooks.{which}: path {hook.get('path')!r} is not absolute")
            if (hook.get("timeout") or 1) < 1:
                raise ContainerError(f"config.json: hooks.{which}: timeout {hook['timeout']} is not greater than zero")


def require_process(process: Config, where: str) -> None:
    """A process needs a program and a folder to start in."""
    if not process.get("args"):
        raise ContainerError(f"{where}.args is missing or empty; it names the program")
    if not (process.get("cwd") or "").startswith("/"):
        raise ContainerError(f"{where}.cwd {process.get('cwd')!r} is not absolute")
    for limit in process.get("rlimits") or ():
        if not (limit.get("type") or "").startswith("RLIMIT_"):
            raise ContainerError(f"{where}.rlimits: type {limit.get('type')!r} does not begin with RLIMIT_")
    names = [limit["type"] for limit in process.get("rlimits") or ()]
    if len(set(names)) < len(names):
        raise ContainerError(f"{where}.rlimits: one type stands there twice; once is enough")


def require_sysctl(key: str, kinds: list[str]) -> None:
    """A sysctl must belong to a namespace that the container has."""
    needed = next((kind for start, kind in NEEDED_BY.items() if key.replace("/", ".").startswith(start)), None)
    if needed is None:
        raise ContainerError(f"config.json: linux.sysctl: {key} belongs to no namespace; it would change this machine")
    if needed not in kinds:
        raise ContainerError(
            f"config.json: linux.sysctl: {key} takes a {needed} namespace; it would change this machine"
        )


def linux(config: Config) -> Config:
    """The Linux part."""
    part: Config = config.get("linux") or {}
    return part


def namespaces(config: Config) -> dict[str, str]:
    """Kind -> path of the namespace to join, empty for a new one."""
    return {each["type"]: each.get("path") or "" for each in linux(config).get("namespaces") or ()}
