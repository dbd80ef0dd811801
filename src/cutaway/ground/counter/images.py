"""*counter*'s images, made of this machine's own programs: Python, MariaDB and nginx, to be used as published ones are.

Each takes the same settings and files at the same places as the published image that it stands in for, so that the
Dockerfile and the compose file of `notebooks/programs/counter` fit both. The page's own image is built by the engine
itself, from that Dockerfile.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from docker.errors import DockerException

from cutaway.ground import base, programs
from cutaway.ground.counter.processes import sources
from cutaway.ground.engine import Engine
from cutaway.images.closure import Closure, Copy, Entry, Folder, Link, Written, closure, tree
from cutaway.linux.processes import Process
from cutaway.problem import Problem

PYTHON, DATABASE, PROXY, PAGE = "cutaway/python", "cutaway/mariadb", "cutaway/nginx", "cutaway/counter"
PACKAGES = "/opt/python"  # where the image's Python finds what does not belong to it
LEFT_OUT = ("__pycache__", "config-*", "*-packages", "ensurepip", "idlelib", "lib2to3", "test", "tests", "tkinter")
HERE = Path(__file__).parent
THERE = "CUTAWAY_IMAGES_THERE"  # in the environment: the engine that is chosen has been given all of them


class Images(NamedTuple):
    """What the three containers of *counter* are made from, by their names in an engine."""

    database: str
    page: str
    proxy: str


NAMES = Images(DATABASE, PAGE, PROXY)


def images(engine: Engine, owner: Process | None = None) -> Images:
    """All images of *counter*, which `engine` has from now on: an engine of the user's until `owner` ends."""
    if os.environ.get(THERE):
        return NAMES
    return Images(database(engine, owner), page(engine, owner), proxy(engine, owner))


def made_of() -> set[Path]:
    """The files of this machine that they are made of."""
    packed = [each for inside in (_of_python(), _of_database(), _of_proxy()) for each in inside.entries.values()]
    copied = {each.source for each in packed if isinstance(each, Copy)}
    return copied | {*filter(Path.is_file, sources().rglob("*")), Path(__file__)}


# --- What stands in for a published one ------------------------------------------


def python(engine: Engine, owner: Process | None = None) -> str:
    """This Python with its library, and the driver by which it asks a database."""
    says = ('CMD ["python3"]', f"ENV PYTHONPATH={PACKAGES}", "ENV PYTHONDONTWRITEBYTECODE=1")
    return base.image_of(_of_python(), PYTHON, engine, owner, says)


def _of_python() -> Closure:
    spec = find_spec("pymysql")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    driver = Path(next(iter(spec.submodule_search_locations)))
    itself = Path(sys.executable).resolve()
    files = closure([itself]) | tree(sysconfig.get_path("stdlib"), LEFT_OUT) | placed(driver, f"{PACKAGES}/pymysql")
    return base.contents() | files | {"/usr/bin/python3": Link(str(itself))}


def database(engine: Engine, owner: Process | None = None) -> str:
    """MariaDB, which makes its files on an empty volume by itself."""
    says = ('ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["mariadbd"]', "EXPOSE 3306", 'VOLUME ["/var/lib/mysql"]')
    return base.image_of(_of_database(), DATABASE, engine, owner, says)


def _of_database() -> Closure:
    found = _needed("mariadb", "mariadbd", "mariadb", "mariadb-admin", "mariadb-dump")
    shared = "/usr/share/mysql"
    extra: dict[str, Entry] = {
        "/etc/my.cnf": Copy(HERE / "mariadb.cnf"),
        "/etc/passwd": Written(base.PASSWD + b"mysql:x:999:999::/var/lib/mysql:/bin/false\n"),
        "/run": Folder(),
        "/run/mysqld": Folder(0o777),
        "/usr/bin/docker-entrypoint.sh": Copy(HERE / "mariadb-entrypoint.sh"),
        "/usr/bin/healthcheck.sh": Copy(HERE / "mariadb-healthcheck.sh"),
        "/var/lib": Folder(),
        "/var/lib/mysql": Folder(),
    }
    tables = {f"{shared}/{path.name}": Copy(path) for path in Path(shared).glob("mysql_system_tables*.sql")}
    return base.contents() | closure(found) | tree(f"{shared}/charsets") | tree(f"{shared}/english") | tables | extra


def proxy(engine: Engine, owner: Process | None = None) -> str:
    """nginx, which reads its sites from /etc/nginx/conf.d."""
    return base.image_of(_of_proxy(), PROXY, engine, owner, ('CMD ["nginx"]', "EXPOSE 80"))


def _of_proxy() -> Closure:
    extra: dict[str, Entry] = {
        "/etc/nginx": Folder(),
        "/etc/nginx/conf.d": Folder(),
        "/etc/nginx/mime.types": Copy(Path("/etc/nginx/mime.types")),
        "/etc/nginx/nginx.conf": Copy(HERE / "nginx.conf"),
        "/run": Folder(),
        "/var/lib": Folder(),
        "/var/lib/nginx": Folder(),
        "/var/log": Folder(),
        "/var/log/nginx": Folder(),
    }
    return base.contents() | closure(_needed("nginx", "nginx")) | extra


def _needed(program: str, *executables: str) -> list[str]:
    found = [programs.path(each) for each in executables]
    if None in found:
        missing = executables[found.index(None)]
        raise Problem(f"packing {missing}: it is not on this machine; {programs.remedy(program)}")
    return [each for each in found if each]


def placed(folder: Path, at: str) -> dict[str, Entry]:
    """The folder's files, but for compiled ones, at another place in an image."""
    files = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    entries: dict[str, Entry] = {str(parent): Folder() for parent in list(Path(at, "x").parents)[-2::-1]}
    for path in files:
        entries[f"{at}/{path.relative_to(folder)}"] = Folder() if path.is_dir() else Copy(path)
    return entries


# --- What is built ------------------------------------------------------------------


def page(engine: Engine, owner: Process | None = None, folder: Path | None = None, name: str = PAGE) -> str:
    """The page's image, built by the engine from the Dockerfile in `folder`, by default the course's own."""
    arguments, client = {"PYTHON": python(engine, owner)}, engine.client()
    try:
        labels = base.kept(engine, name, owner or Process.current())
        where = str(folder or sources())
        said = client.api.build(where, tag=name, buildargs=arguments, labels=labels, rm=True, decode=True)
        if wrong := [line["error"] for line in said if "error" in line]:
            raise DockerException(wrong[0].strip())
    except DockerException as error:
        raise Problem(f"building the image {name} in {engine.url}: {error}; see `cutaway engine status`") from error
    finally:
        client.close()
    return name
