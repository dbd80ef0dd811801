"""A guest in which Docker's engine is up and waits: machines for `ground.desktop` go on from it.

Nothing of the host's may be mounted in a guest that is saved. So the engine's programs are in what the guest boots
from, with a busybox for everything else: a small Linux that has an engine and little more. Before the engine's socket
stands a gate (gate.py), which opens for those who know a word; each copy of the guest is given another one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.guest import cache, conversation, gate, initramfs, inside
from cutaway.ground.guest.exports import Lent
from cutaway.ground.guest.kernel import Kernel
from cutaway.ground.guest.running import BEGIN_S, Running
from cutaway.images.closure import Link, Written, program_entries
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker-proxy")
DRIVERS = ("bridge", "veth")  # what containers' networks are made of; lesson 10
GATE, PORT = Path(gate.__file__), 2375  # which is Docker's, without TLS (IANA)
WORD, SOCKET, BELOW = "/run/word", "/run/engine.sock", "/run/containerd/containerd.sock"
FOLDER, LOG = Path("/usr/lib/cutaway-engine"), "/var/log/engine"
OWN = ("/usr", "/bin", "/sbin", "/lib", "/lib64", sys.base_prefix)  # those of them that do not lie in another
ENV = {"PATH": inside.PATH, "HOME": "/root"}
UP_S = 300  # on a busy machine, by emulation

SETTINGS = {
    "hosts": [f"unix://{SOCKET}"],
    "containerd": BELOW,
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "storage-driver": "overlay2",
    "iptables": False,  # a proxy carries published ports; there is no other network for containers to reach
    "ip-masq": False,
}
CONTAINERD = f"""
version = 2
disabled_plugins = [
    "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = "{BELOW}"
"""  # what Kubernetes and other file systems would need
START = f"""
up() {{ until "$@"; do kill -0 $! 2> /dev/null || {{ tail -n 3 {LOG}; exit 1; }}; sleep 0.1; done; }}
exec 3>&1 > {LOG} 2>&1 < /dev/null
{initramfs.interpreter()} -I -S {FOLDER}/gate.pyc {PORT} {WORD} {SOCKET} 3>&- &
containerd --config {FOLDER}/containerd.toml 3>&- &
up test -S {BELOW} >&3
dockerd --config-file {FOLDER}/settings.json 3>&- &
up grep -q 'API listen on' {LOG} >&3
"""  # dockerd would start containerd itself, and give it 15 s, which are few by emulation

# --- What it boots from -------------------------------------------------------


def ready(guest_kernel: Kernel) -> Path:
    """The archive with the engine and all that it needs."""
    found = _found()
    made_of = cache.sources([initramfs.ready(guest_kernel), Path(__file__), *found])
    return cache.made("engine", made_of, lambda draft: _build(guest_kernel, found, draft)) / "initramfs"


def missing() -> list[str]:
    """The programs of an engine that are not on this computer."""
    return [name for name in PROGRAMS if programs.path(name) is None]


def _found() -> list[Path]:
    if lacking := missing():
        raise Problem(f"building a guest with an engine: no {', '.join(lacking)} here; {programs.remedy('docker')}")
    return [Path(path) for name in PROGRAMS if (path := programs.path(name))]


def _build(guest_kernel: Kernel, found: Iterable[Path], draft: Path) -> None:
    entries = initramfs.contents(guest_kernel, DRIVERS)
    for program in [*found, initramfs.busybox()]:
        entries |= program_entries(program)
    entries |= initramfs.python(GATE) | initramfs.folders(FOLDER / "gate.pyc")
    entries[FOLDER / "gate.pyc"] = Written(initramfs.bytecode(GATE))
    entries[FOLDER / "containerd.toml"] = Written(CONTAINERD.encode())
    entries[FOLDER / "settings.json"] = Written(json.dumps(SETTINGS).encode())
    initramfs.write(draft / "initramfs", _tools() | entries)


def _tools() -> initramfs.Entries:
    """Everything that busybox can be, by name."""
    listed = subprocess.run([initramfs.busybox(), "--list"], capture_output=True, text=True, check=True).stdout.split()
    return {Path("/usr/bin", name): Link(str(initramfs.busybox())) for name in listed}


# --- Waking it --------------------------------------------------------------


def wake(template: Running, lent: Iterable[Lent]) -> None:
    """Start the engine in a guest that is to be saved, and return when it answers."""
    own = [path for path in OWN if Path(path).resolve() == Path(path) and Path("/usr") not in Path(path).parents]
    if trouble := template.ask({"do": "wake", "own": own}, BEGIN_S):
        raise Problem(f"starting {template.name}: the guest could not show its files: {trouble}")
    said = bytearray()
    request = {"do": "run", "argv": ["/bin/sh", "-c", START], "env": ENV, "cwd": "/root"}
    try:
        with conversation.connect(template.folder, f"port{inside.NOTEBOOK_PORT}") as line:
            status = conversation.converse(line, request, None, said.extend, said.extend, time.monotonic() + UP_S)
    except conversation.Silent:
        raise Problem(
            f"starting {template.name}: its engine was not up after {UP_S} s; is this machine busy?"
        ) from None
    if status != "0":
        last = said.decode(errors="replace").strip() or f"status {status}"
        raise Problem(f"starting {template.name}: its engine ended: {last}; see `cutaway doctor`")
