"""*counter* as two containers: the page and its database, joined by a network, with a volume for what is to be kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cutaway import ledger
from cutaway.ground.counter import visitors
from cutaway.ground.counter.images import images
from cutaway.ground.counter.processes import free_port
from cutaway.ground.terminal import Application, Compose, Docker

ACCOUNT = "-e MARIADB_DATABASE=counter -e MARIADB_USER=counter -e MARIADB_PASSWORD_FILE=/run/secrets/password"
APPLICATION = Application(("database", "web", "proxy"), ("visits",))  # what compose.yaml makes


class Containers(NamedTuple):
    """The names of *counter*'s containers, volume and network, and where its page answers."""

    database: str
    page: str
    volume: str
    network: str
    url: str


@contextmanager
def containers(docker: Docker, options: str = "") -> Iterator[Containers]:
    """The two containers, welcoming visitors when the block begins; `options` are more words for the database's."""
    made, port = images(docker.engine), free_port()
    database, page, volume, network = docker.names("database", "page", "volume", "network")
    names = Containers(database, page, volume, network, f"http://127.0.0.1:{port}/")
    with _password() as secret:
        try:
            docker(f"network create {names.network}")
            docker(f"volume create {names.volume}")
            joined = f"--network {names.network} -v {secret}:/run/secrets/password:ro"
            kept = f"--network-alias database -v {names.volume}:/var/lib/mysql"
            docker(f"run -d --name {names.database} {joined} {kept} {ACCOUNT} {made.database} mariadbd {options}")
            told = f"-e DATABASE_PASSWORD_FILE=/run/secrets/password -p 127.0.0.1:{port}:8000"
            docker(f"run -d --name {names.page} {joined} {told} {made.page}")
            visitors.welcomed(f"{names.url}ready")
            yield names
        finally:
            for line in ("rm -f -v {page} {database}", "volume rm {volume}", "network rm {network}"):
                docker.outcome(line.format(**names._asdict()))


def composed(docker: Docker, folder: Path, kept: Path, port: int) -> Compose:
    """The `docker compose` command for the compose.yaml in `folder`, with the course's images in place of published.

    What it needs beside that is written to the folder `kept`: a password, and the names of what it makes.
    """
    made = images(docker.engine)
    settings = {"DATABASE_IMAGE": made.database, "WEB_IMAGE": made.page, "PROXY_IMAGE": made.proxy}
    settings |= {"PASSWORD_FILE": str(password(kept)), "PORT": str(port)}
    return Compose(docker.engine, folder, kept, APPLICATION, settings)


@contextmanager
def _password() -> Iterator[Path]:
    folder = ledger.state_folder() / f"secret-{secrets.token_hex(4)}"
    with ledger.kept("folder", "a password of counter", path=folder):
        folder.mkdir(mode=0o700)
        yield password(folder)


def password(folder: Path) -> Path:
    """A file in `folder` with a password that nobody has chosen."""
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(f"{secrets.token_urlsafe(12)}\n")
    return file
