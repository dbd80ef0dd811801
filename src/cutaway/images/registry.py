"""A registry: the OCI distribution specification over HTTP, for `docker push` and `docker pull`.

    with Registry(folder, port=5000) as registry:
        registry.run()

It lacks accounts and encryption: it is for this machine, or for a room that trusts itself. Bytes go from a file to
the line and from the line to a file in pieces, so that its memory does not grow with an image.
distribution-spec 1.1, "Endpoints". Reading order: the table of requests, reading, writing, errors, the line.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from cutaway.images import layout
from cutaway.images.repositories import MANIFEST_BYTES, Found, Refused, Repositories, Repository, Upload
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

PIECE = 1 << 20  # bytes that are in memory at a time, for each request
DRAINED = 1 << 20  # bytes of a refused body that are read, so that the client gets to read why
IDLE_S = 60  # how long a line may say nothing
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


class Cut(ConnectionError):
    """The line ended in the middle of a body."""


class Reply(NamedTuple):
    """What goes back: a status, headers, and a body or a part of a file."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    file: Path | None = None
    part: slice = slice(0, 0)


class Upstream(Protocol):
    """Another registry, from which is fetched what is missing here."""

    def manifest(self, repository: Repository, reference: str) -> None: ...

    def blob(self, repository: Repository, digest: str) -> None: ...


# --- The table of requests ---------------------------------------------------


class Conversation(BaseHTTPRequestHandler):
    """One client's line: request after request."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    disable_nagle_algorithm = True  # else a head waits 40 ms for its body's company
    server: Registry

    def answer(self) -> None:
        """Find who answers to this method and path, and send what it says."""
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.unread = self._body()
        try:
            reply = self._found(url.path)
            for _ in self.unread:  # a body that nobody asked for
                pass
        except Refused as refused:
            reply = self._refusal(refused)
        except OSError as error:
            if isinstance(error, (Cut, TimeoutError, BrokenPipeError, ConnectionResetError)):
                self.close_connection = True
                return
            reply = self._refusal(disk_refused(error))
        except Problem as problem:  # of a small file, such as the index
            if not isinstance(problem.__cause__, OSError):
                raise
            reply = self._refusal(disk_refused(problem.__cause__))
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  http.server's names

    def _found(self, path: str) -> Reply:
        methods = set()
        for method, pattern, act in REQUESTS:
            if given := pattern.fullmatch(path):
                if self.command in method.split("|"):
                    return act(self, **given.groupdict())
                methods.add(method)
        if methods:
            raise Refused("UNSUPPORTED", 405, f"{self.command} {path}: this place knows {' '.join(sorted(methods))}")
        raise Refused("NAME_UNKNOWN", 404, f"{path} is no place of a registry; they begin with /v2/")

    # --- reading

    def version(self) -> Reply:
        return Reply(200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}")

    def catalog(self) -> Reply:
        return self._page("repositories", [each.name for each in self.server.repositories], "/v2/_catalog", {})

    def tags(self, name: str) -> Reply:
        tags = self.server.repositories[name].tags()
        return self._page("tags", tags, f"/v2/{name}/tags/list", {"name": name})

    def manifest(self, name: str, reference: str) -> Reply:
        repository = self.server.repositories[name]
        self.server.fetched(lambda upstream: upstream.manifest(repository, reference))
        return self._file(repository.manifest(reference))

    def blob(self, name: str, digest: str) -> Reply:
        repository = self.server.repositories[name]
        try:
            return self._file(repository.blob(digest))
        except Refused:
            self.server.fetched(lambda upstream: upstream.blob(repository, digest))
            return self._file(repository.blob(digest))

    def referrers(self, name: str, digest: str) -> Reply:
        kind = self.query.get("artifactType")
        repository = self.server.repositories[name]
        found = repository.referrers(digest, kind) if repository.exists() else []
        index = {"schemaVersion": 2, "mediaType": layout.INDEX, "manifests": found}
        filtered = {"OCI-Filters-Applied": "artifactType"} if kind else {}
        return Reply(200, {"Content-Type": layout.INDEX} | filtered, json.dumps(index).encode())

    def _file(self, found: Found) -> Reply:
        """A file, or the part of it that was asked for."""
        size = found.path.stat().st_size
        headers = {"Content-Type": found.media_type, "Docker-Content-Digest": found.digest, "Accept-Ranges": "bytes"}
        asked = RANGE.fullmatch(self.headers.get("Range", ""))
        if not asked:
            return Reply(200, headers, file=found.path, part=slice(0, size))
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        if first > last:
            return Reply(416, {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Reply(206, headers, file=found.path, part=slice(first, last + 1))

    def _page(self, key: str, names: list[str], path: str, said: dict[str, Any]) -> Reply:
        """So many names, from behind the last one that the client has; a link leads to those that follow."""
        n, last = self.query.get("n", ""), self.query.get("last")
        rest = sorted(name for name in names if last is None or name > last)
        page = rest[: int(n)] if n.isdecimal() else rest
        link = (
            {"Link": f'<{path}?{urlencode({"n": n, "last": page[-1]})}>; rel="next"'} if page != rest and page else {}
        )
        return Reply(200, {"Content-Type": "application/json"} | link, json.dumps(said | {key: page}).encode())

    # --- writing

    def begin(self, name: str) -> Reply:
        """Mount a blob that another repository has, take a whole one, or open an upload."""
        repository = self.server.repositories[name]
        mount, source, digest = (self.query.get(key) for key in ("mount", "from", "digest"))
        if mount and source and repository.mount(mount, self.server.repositories[source]):
            return self._created(f"/v2/{name}/blobs/{mount}", mount)
        self.server.repositories.forget()
        upload = repository.upload()
        if digest:
            return self._finished(name, upload, digest)
        return self._progress(202, name, upload)

    def status(self, name: str, session: str) -> Reply:
        return self._progress(204, name, self.server.repositories[name].upload(session))

    def go_on(self, name: str, session: str) -> Reply:
        upload = self.server.repositories[name].upload(session)
        self._must_follow(name, upload)
        upload.write(self.unread)
        return self._progress(202, name, upload)

    def complete(self, name: str, session: str) -> Reply:
        upload = self.server.repositories[name].upload(session)
        self._must_follow(name, upload)
        if "digest" not in self.query:
            raise Refused("DIGEST_INVALID", 400, "an upload ends with its digest; add ?digest=sha256:...")
        return self._finished(name, upload, self.query["digest"])

    def cancel(self, name: str, session: str) -> Reply:
        self.server.repositories[name].upload(session).cancel()
        return Reply(204, {})

    def put_manifest(self, name: str, reference: str) -> Reply:
        content = self._small_body()
        media_type = self.headers.get_content_type()
        digest, subject = self.server.repositories[name].put_manifest(reference, media_type, content)
        reply = self._created(f"/v2/{name}/manifests/{reference}", digest)
        return reply._replace(headers=reply.headers | ({"OCI-Subject": subject} if subject else {}))

    def delete_manifest(self, name: str, reference: str) -> Reply:
        self.server.repositories[name].delete_manifest(reference)
        return Reply(202, {})

    def delete_blob(self, name: str, digest: str) -> Reply:
        self.server.repositories[name].delete_blob(digest)
        return Reply(202, {})

    def _must_follow(self, name: str, upload: Upload) -> None:
        """A chunk that says where it begins has to begin where the last one ended."""
        said = self.headers.get("Content-Range")
        if said and ((given := CONTENT_RANGE.fullmatch(said)) is None or int(given[1]) != upload.size):
            raise Refused("BLOB_UPLOAD_INVALID", 416, f"the chunk {said} does not follow byte {upload.size} of {name}")

    def _finished(self, name: str, upload: Upload, digest: str) -> Reply:
        upload.write(self.unread)
        upload.finish(digest)
        return self._created(f"/v2/{name}/blobs/{digest}", digest)

    def _progress(self, status: int, name: str, upload: Upload) -> Reply:
        there = {"Location": f"/v2/{name}/blobs/uploads/{upload.session}", "Docker-Upload-UUID": upload.session}
        return Reply(status, there | {"Range": f"0-{max(0, upload.size - 1)}"})

    def _created(self, location: str, digest: str) -> Reply:
        return Reply(201, {"Location": location, "Docker-Content-Digest": digest})

    # --- errors

    def _refusal(self, refused: Refused) -> Reply:
        """The specification's form of an error; a body that was not read ends the line, unless it is small."""
        with suppress(Cut, Refused):
            read = 0
            while read < DRAINED and (piece := next(self.unread, b"")):
                read += len(piece)
        self.close_connection = next(self.unread, None) is not None
        said = {"errors": [{"code": refused.code, "message": str(refused)}]}
        return Reply(refused.status, {"Content-Type": "application/json"}, json.dumps(said).encode())

    # --- the line

    def _body(self) -> Iterator[memoryview]:
        """The request's body, piece by piece, as its length or its chunks say (RFC 9112, 6 and 7.1)."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            room = memoryview(bytearray(PIECE))
            while size := self._chunk_size():
                yield from self._exactly(size, room)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
        else:
            size = int(self.headers.get("Content-Length") or 0)
            yield from self._exactly(size, memoryview(bytearray(min(size, PIECE))))

    def _exactly(self, size: int, room: memoryview) -> Iterator[memoryview]:
        while size:
            read = self.rfile.readinto(room[: min(size, PIECE)])
            if not read:
                raise Cut(f"the line ended {size} bytes early")
            size -= read
            yield room[:read]

    def _chunk_size(self) -> int:
        line = self.rfile.readline(1024)
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            raise Cut(f"no size of a chunk: {line[:20]!r}") from None

    def _small_body(self) -> bytes:
        content = bytearray()
        for piece in self.unread:
            content += piece
            if len(content) > MANIFEST_BYTES:
                raise Refused("MANIFEST_INVALID", 413, f"a manifest has at most {MANIFEST_BYTES} bytes")
        return bytes(content)

    def _send(self, reply: Reply) -> None:
        size = reply.part.stop - reply.part.start if reply.file else len(reply.body)
        self.send_response(reply.status)
        for key, value in (reply.headers | {"Content-Length": str(size)}).items():
            if not (key == "Content-Length" and reply.status == 204):  # RFC 9110, 8.6
                self.send_header(key, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(reply.body)
        if reply.file and size:
            with reply.file.open("rb") as file:
                self.connection.sendfile(file, reply.part.start, size)

    def log_message(self, format: str, *args: Any) -> None:
        self.server.say("".join(each if each.isprintable() else "?" for each in format % args))


REQUESTS: list[tuple[str, re.Pattern[str], Callable[..., Reply]]] = [
    (methods, re.compile(path), act)
    for methods, path, act in (
        ("GET|HEAD", r"/v2/?", Conversation.version),
        ("GET", r"/v2/_catalog", Conversation.catalog),
        ("GET", r"/v2/(?P<name>.+)/tags/list", Conversation.tags),
        ("GET", r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)", Conversation.referrers),
        ("POST", r"/v2/(?P<name>.+)/blobs/uploads/?", Conversation.begin),
        ("GET", r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]+)", Conversation.status),
        ("PATCH", r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]+)", Conversation.go_on),
        ("PUT", r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]+)", Conversation.complete),
        ("DELETE", r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/]+)", Conversation.cancel),
        ("GET|HEAD", r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)", Conversation.blob),
        ("DELETE", r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)", Conversation.delete_blob),
        ("GET|HEAD", r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)", Conversation.manifest),
        ("PUT", r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)", Conversation.put_manifest),
        ("DELETE", r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)", Conversation.delete_manifest),
    )
]


def disk_refused(error: OSError) -> Refused:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    cause = "the registry's disk is full" if full else f"the registry's disk refuses: {os.strerror(error.errno or 0)}"
    return Refused("UNKNOWN", 507 if full else 500, f"{cause}; tell whoever runs it")


# --- The server --------------------------------------------------------------


class Registry(ThreadingHTTPServer):
    """A registry that keeps everything below `root`. Port 0 takes a free one; Problem when it cannot listen."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        root: Path,
        port: int = 0,
        host: str = "127.0.0.1",
        upstream: Upstream | None = None,
        say: Callable[[str], object] = str,
    ) -> None:
        self.repositories, self.upstream, self.say = Repositories(root), upstream, say
        self._others: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            root.mkdir(parents=True, exist_ok=True)
            super().__init__((host, port), Conversation)
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise Problem(f"serving {root} at {host} port {port}: {cause}; choose --port or --root") from error

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def run(self) -> None:
        """Serve until somebody says `shutdown`, or the process is interrupted."""
        with suppress(KeyboardInterrupt):
            self.serve_forever(poll_interval=0.05)

    def welcome(self, listening: socket.socket) -> None:
        """Serve those, too, who connect to this socket, until it is dismissed."""
        self._others.add(listening)
        with suppress(OSError):
            while True:
                self.process_request(*listening.accept())

    def dismiss(self, listening: socket.socket) -> None:
        """Serve no more of those; whoever waits for them is woken."""
        if listening in self._others:
            self._others.remove(listening)
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()

    def server_close(self) -> None:
        super().server_close()
        for each in [*self._others]:
            self.dismiss(each)

    def fetched(self, fetch: Callable[[Upstream], None]) -> None:
        """Have the registry that we mirror, if there is one, give what is missing."""
        if self.upstream:
            fetch(self.upstream)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""
        if not isinstance(os.sys.exc_info()[1], ConnectionError | TimeoutError):  # type: ignore[attr-defined]
            super().handle_error(request, client_address)
