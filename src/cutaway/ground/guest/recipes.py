"""What an engine in a guest is made of: its programs, drivers and settings, and the command that starts it.

It has its guest for itself: no other engine, no user but root, and no network but the one that ends in the guest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cutaway.ground import programs
from cutaway.ground.private import Kind

FOLDER = Path("/usr/lib/cutaway-engine")
SOCKET = "/run/engine.sock"
BELOW = "/run/containerd/containerd.sock"
HELPERS = ("/usr/libexec/podman", "/usr/lib/podman")  # where Podman looks for them: containers.conf(5)


class Recipe(NamedTuple):
    """One kind of engine in a guest."""

    package: str  # of programs.toml, with all its programs
    programs: Callable[[], dict[str, str | None]]  # by name, where each is on this computer
    plugins: tuple[str, ...]  # files of libraries that no program names
    drivers: tuple[str, ...]
    files: dict[str, str]  # what is in FOLDER
    start: str  # lines of a shell


def _here(*names: str) -> dict[str, str | None]:
    return {name: programs.path(name) for name in names}


# --- Docker ----------------------------------------------------------------

DOCKER_SETTINGS = {
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

DOCKER = Recipe(
    package="docker",
    programs=lambda: _here("dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker-proxy"),
    plugins=(),
    drivers=("bridge", "veth"),  # what containers' networks are made of; lesson 10
    files={"containerd.toml": CONTAINERD, "settings.json": json.dumps(DOCKER_SETTINGS)},
    start=f"""
containerd --config {FOLDER}/containerd.toml 3>&- &
up test -S {BELOW} >&3
dockerd --config-file {FOLDER}/settings.json 3>&- &
up grep -q 'API listen on' $LOG >&3
""",  # dockerd would start containerd itself, and give it 15 s, which are few by emulation
)

# --- Podman ------------------------------------------------------------------

CONTAINERS = f"""
[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
helper_binaries_dir = {json.dumps(HELPERS)}
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
"""
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # containers-policy.json(5); there is no way to a registry
RULES = ("comment", "conntrack", "mark", "MARK", "MASQUERADE", "DNAT", "addrtype", "standard", "tcp", "udp")


def _podman_programs() -> dict[str, str | None]:
    """Podman carries published ports by rules of the kernel's, so it needs iptables: the old, which is one program."""
    runtime = _here("crun", "runc")
    helpers = {name: _helper(name) for name in ("netavark", "aardvark-dns")}
    return _here("podman", "conmon", "xtables-legacy-multi") | helpers | {"crun": runtime["crun"] or runtime["runc"]}


def _helper(name: str) -> str | None:
    return next((str(path) for folder in HELPERS if (path := Path(folder, name)).exists()), None)


PODMAN = Recipe(
    package="podman",
    programs=_podman_programs,
    plugins=tuple(f"/usr/lib*/**/xtables/libxt_{rule}.so" for rule in RULES),
    drivers=(
        *("crc32c_generic", "bridge", "veth", "iptable_filter", "iptable_nat"),  # the first for nf_conntrack, unsaid
        *("xt_comment", "xt_conntrack", "xt_mark", "xt_MASQUERADE", "xt_nat", "xt_addrtype", "xt_tcpudp"),
    ),
    files={"containers.conf": CONTAINERS, "storage.conf": STORAGE, "policy.json": json.dumps(POLICY)},
    start=f"""
mkdir -p /etc/containers
cp {FOLDER}/policy.json /etc/containers
for name in iptables ip6tables; do ln -sf $(command -v xtables-legacy-multi) /usr/sbin/$name; done
export CONTAINERS_CONF={FOLDER}/containers.conf CONTAINERS_STORAGE_CONF={FOLDER}/storage.conf
podman system service --time 0 unix://{SOCKET} 3>&- &
up podman --url unix://{SOCKET} version >&3
""",
)

RECIPES: dict[Kind, Recipe] = {"docker": DOCKER, "podman": PODMAN}  # the better first
