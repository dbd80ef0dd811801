"""`cutaway registry`: a registry of your own, for this machine or for a room."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cutaway import ledger
from cutaway.ground import private, registries
from cutaway.images.registry import Registry
from cutaway.images.upstream import Mirrored

PORT = 5000  # where `docker-registry` listens, too


@click.group("registry", help="Serve images to engines: `docker push` and `docker pull` work with it.")
def command() -> None:
    """The words under `cutaway registry`."""


@command.command()
@click.option("--port", default=PORT, show_default=True, help="Where to listen; 0 takes a free port.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="What keeps the images.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves a room that trusts itself.")
@click.option("--mirror", metavar="URL", help="Fetch what is missing from this registry, once, and keep it.")
@click.option("--verbose", is_flag=True, help="Say each request on standard error.")
def serve(port: int, root: Path | None, host: str, mirror: str | None, verbose: bool) -> None:
    """Serve until Control-C. What was pushed stays in the folder, one OCI layout for each repository."""
    folder = root or ledger.state_folder() / "registry"
    say = (lambda line: click.echo(line, err=True)) if verbose else str
    with Registry(folder, port, host, Mirrored(mirror) if mirror else None, say) as registry:
        click.echo(f"a registry at {host}:{registry.port}, kept in {folder}; Control-C ends it")
        click.echo("\n".join(hints(host, registry.port, mirror)))
        registries.follow(registry)
        registry.run()


def hints(host: str, port: int, mirror: str | None) -> list[str]:
    """What to type, or to write into an engine's settings, to use it."""
    here = "127.0.0.1" if host in ("0.0.0.0", "::", "127.0.0.1") else host
    if not mirror:
        return [f"  docker push {here}:{port}/NAME:TAG", f"  podman push --tls-verify=false {here}:{port}/NAME:TAG"]
    name = f"THIS-MACHINE:{port}" if here != host else f"{here}:{port}"
    settings = json.dumps({"registry-mirrors": [f"http://{name}"], "insecure-registries": [name]})
    return [
        f"  Docker, in /etc/docker/daemon.json on each machine: {settings}",
        f'  Podman, in registries.conf: [[registry]] prefix="docker.io" location="docker.io"; '
        f'[[registry.mirror]] location="{name}" insecure=true',
        f"  the course's own engine, in the environment of whoever starts it: {private.MIRROR}=http://{name}",
    ]
