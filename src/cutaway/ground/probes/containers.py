"""Which container engine answers here, or could be started."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cutaway.ground import programs
from cutaway.ground.probes.finding import Lacking, ask, probe
from cutaway.ground.probes.limits import subordinate_users, user_name
from cutaway.ledger import engines

START = "cutaway engine start"
PRIVATE_AS_ROOT = "Docker", ("docker", "runc", "iptables", "ip")
PRIVATE_WITHOUT_ROOT = "Podman", ("podman", "runc", "uidmap")


@probe("docker", tried="ask for its version through its socket", opens="using the engine that is already there")
def docker() -> str:
    socket = os.environ.get("DOCKER_HOST", "unix:///run/docker.sock").removeprefix("unix://")
    try:
        return f"Docker {version(socket)} answers at {socket}"
    except PermissionError as error:
        joining = f"sudo usermod -aG docker {user_name()}, then log in again (that group is as good as root)"
        raise Lacking(f"{socket} is there, and not for this user", joining) from error
    except OSError as error:
        here = programs.named("docker").found
        raise Lacking(f"nobody answers at {socket}", START if here else programs.remedy("docker")) from error


@probe("podman", tried="run its command and look for its socket", opens="an engine without root")
def podman() -> str:
    said = ask("podman", ["podman", "--version"])
    socket = podman_socket()
    return f"{said} runs; " + (f"its service has a socket at {socket}" if socket.exists() else "it has no service")


@probe("engine", tried="look for one that answers, then for what a private one takes", opens="containers and images")
def engine() -> str:
    for find in (docker, podman_service):
        try:
            return find()
        except Lacking:
            continue
    return private_engine()


def podman_service() -> str:
    try:
        return f"Podman {version(str(podman_socket()))} answers at {podman_socket()}"
    except OSError as error:
        raise Lacking(error, START) from error


def private_engine() -> str:
    """What speaks for an engine of our own; it is not started only to find out."""
    kind, needs = PRIVATE_AS_ROOT if os.geteuid() == 0 else PRIVATE_WITHOUT_ROOT
    absent = [name for name in needs if not programs.named(name).found]
    if absent:
        raise Lacking(f"none answers, and a private one lacks {', '.join(absent)}", programs.remedy(*absent))
    if kind == "Podman":
        try:
            subordinate_users()
        except Lacking as lacking:
            raise Lacking(f"none answers, and a private one lacks users: {lacking}", lacking.remedy) from lacking
    return f"none answers, but what a private {kind} takes is here; it was not started"


# --- Sockets ----------------------------------------------------------------


def podman_socket() -> Path:
    """Where Podman's service listens, if it does."""
    folder = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}") if os.geteuid() else "/run"
    return Path(folder, "podman", "podman.sock")


def version(socket: str) -> str:
    """The version of the engine behind `socket`; OSError when nobody answers."""
    try:
        return str(json.loads(engines.request(socket, "GET", "/version")[1])["Version"])
    except engines.EngineError as error:
        raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
    except (ValueError, KeyError) as error:
        raise OSError(f"{socket}: what answers is no engine") from error
