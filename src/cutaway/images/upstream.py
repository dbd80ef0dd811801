"""What a mirror lacks is fetched once from another registry, verified on the way in, and kept.

A tag may move, so the other registry is asked where it stands, but not more often than once in `FRESH_S`; when it
does not answer, what is here is good enough. A digest never moves. Tokens as in the distribution's token.md.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from cutaway.images import layout
from cutaway.images.repositories import MANIFEST_BYTES, Refused, Repository
from cutaway.problem import Problem

FRESH_S = 60
PATIENCE_S = 30  # of one read or connect
PIECE = 1 << 20
DOCKER = "application/vnd.docker.distribution.manifest"
MANIFESTS = ", ".join((layout.INDEX, layout.MANIFEST, f"{DOCKER}.list.v2+json", f"{DOCKER}.v2+json"))
UNREACHABLE = (urllib.error.URLError, http.client.HTTPException, OSError)
ASKED_FOR = re.compile(r'(\w+)="([^"]*)"')


class Mirrored:
    """The registry at `url`, as a mirror sees it."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise Problem(f"mirroring {url!r}: it is no address of a registry; give one as https://registry.example")
        self.url, self._clock = url.rstrip("/"), clock
        self._asked: dict[tuple[str, str], float] = {}  # when each tag was
        self._tokens: dict[str, str] = {}
        self._busy: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def manifest(self, repository: Repository, reference: str) -> None:
        """See that the manifest is here, as it stands there now."""
        with self._busy[repository.name, reference]:  # thirty who ask at once are one who asks
            if self._known(repository, reference):
                return
            try:
                with self._open(repository, f"manifests/{reference}") as answer:
                    content = answer.read(MANIFEST_BYTES + 1)
                    media_type = answer.headers.get_content_type()
            except UNREACHABLE:
                return  # what is here, or nothing
            self._complete(repository, media_type, content)
            repository.put_manifest(reference, media_type, content)
            self._asked[repository.name, reference] = self._clock()

    def blob(self, repository: Repository, digest: str) -> None:
        """See that the blob is here."""
        with self._busy[repository.name, digest]:
            if repository.has(digest):
                return
            with suppress(*UNREACHABLE), self._open(repository, f"blobs/{digest}") as answer:
                self._take(repository, digest, answer)

    def _take(self, repository: Repository, digest: str, answer: Any) -> None:
        with repository.upload() as upload:
            upload.write(pieces(answer))
            upload.finish(digest)

    def _known(self, repository: Repository, reference: str) -> bool:
        """Whether nobody needs to be asked: a digest that is here, or a tag that was looked up a moment ago."""
        try:
            repository.manifest(reference)
        except Refused:
            return False
        asked = self._asked.get((repository.name, reference))
        return ":" in reference or (asked is not None and self._clock() - asked < FRESH_S)

    def _complete(self, repository: Repository, media_type: str, content: bytes) -> None:
        """A manifest comes after what it needs."""
        if media_type in (layout.INDEX, f"{DOCKER}.list.v2+json"):
            return
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            manifest = json.loads(content)
            for each in (manifest["config"], *manifest["layers"]):
                self.blob(repository, each["digest"])

    # --- the line

    def _open(self, repository: Repository, what: str) -> Any:
        url = f"{self.url}/v2/{repository.name}/{what}"
        try:
            return urllib.request.urlopen(self._request(url, self._tokens.get(repository.name)), timeout=PATIENCE_S)
        except urllib.error.HTTPError as error:
            asked = dict(ASKED_FOR.findall(error.headers.get("WWW-Authenticate", "")))
            if error.code != 401 or "realm" not in asked:
                raise
            self._tokens[repository.name] = token = self._token(asked, repository.name)
            return urllib.request.urlopen(self._request(url, token), timeout=PATIENCE_S)

    def _request(self, url: str, token: str | None) -> urllib.request.Request:
        request = urllib.request.Request(url, headers={"Accept": MANIFESTS if "/manifests/" in url else "*/*"})
        if token:  # not for whom a redirection leads to
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        return request

    def _token(self, asked: dict[str, str], name: str) -> str:
        wanted = {"service": asked.get("service", ""), "scope": asked.get("scope", f"repository:{name}:pull")}
        with urllib.request.urlopen(f"{asked['realm']}?{urlencode(wanted)}", timeout=PATIENCE_S) as answer:
            said = json.loads(answer.read(MANIFEST_BYTES))
        return str(said.get("token") or said.get("access_token"))


def pieces(answer: Any) -> Iterator[bytes]:
    """All that comes; an error when less comes than was promised."""
    promised, came = answer.headers.get("Content-Length"), 0
    while piece := answer.read(PIECE):
        came += len(piece)
        yield piece
    if promised and came != int(promised):
        raise http.client.IncompleteRead(b"", int(promised) - came)
