"""What a registry keeps: each repository is an OCI layout of its own, which skopeo and umoci read without us.

A blob comes in under a name of the upload's. It gets the name of its digest when all of it is there and its bytes are
right; before that nobody can ask for it. So a cut line, a full disk or a killed registry leaves no wrong blob.
OCI image specification, image-layout.md. Reading order: Repository, Upload, the index.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cutaway.images import layout
from cutaway.ledger import state
from cutaway.problem import Problem

# --- Words -----------------------------------------------------------------

Descriptor = dict[str, Any]  # mediaType, digest, size, and perhaps annotations

PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{PART}(?:/{PART})*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
NAME_LENGTH = 255
REF_NAME = "org.opencontainers.image.ref.name"
MANIFEST_BYTES = 4 << 20  # what a registry must accept at least: distribution specification, "Pushing Manifests"
FORGOTTEN_S = 24 * 3600  # an upload that nobody has gone on with for so long is given up


class Refused(Problem):
    """A request that cannot be met: the specification's code for it, the status, and a sentence."""

    def __init__(self, code: str, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.status = code, status


class Found(NamedTuple):
    """A manifest or blob that is there."""

    path: Path
    digest: str
    media_type: str


# --- Repositories ----------------------------------------------------------


class Repositories:
    """All that a registry keeps below one folder. A `/` in a name is a `+` in its folder's, which no name contains."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self.root, self._clock = root, clock

    def __iter__(self) -> Iterator[Repository]:
        for index in sorted(self.root.glob("*/index.json")):
            yield Repository(index.parent)

    def __getitem__(self, name: str) -> Repository:
        """The repository of this name, whether anything was ever pushed to it or not."""
        if not NAME.fullmatch(name) or len(name) > NAME_LENGTH:
            raise Refused("NAME_INVALID", 400, f"{name[:80]!r} is no repository's name; use a-z, 0-9, -, _, . and /")
        return Repository(self.root / name.replace("/", "+"))

    def forget(self) -> None:
        """Remove the uploads that were given up."""
        for path in self.root.glob("*/uploads/*"):
            if path.stat().st_mtime < self._clock() - FORGOTTEN_S:
                path.unlink(missing_ok=True)


class Repository:
    """One OCI layout: blobs under their digests, an index of manifests, and uploads that are not complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return self.folder.name.replace("+", "/")

    def __repr__(self) -> str:
        return f"Repository({self.name!r})"

    def exists(self) -> bool:
        return (self.folder / "index.json").exists()

    # --- blobs

    def blob(self, digest: str) -> Found:
        path = self._place(digest)
        if not path.is_file():
            raise Refused("BLOB_UNKNOWN", 404, f"{self.name} has no blob {digest}")
        return Found(path, digest, "application/octet-stream")

    def has(self, digest: str) -> bool:
        return self._place(digest).is_file()

    def delete_blob(self, digest: str) -> None:
        found = self.blob(digest)
        if self.exists() and any(each["digest"] == digest for each in self._index()):
            raise Refused("UNSUPPORTED", 405, f"{digest} is a manifest of {self.name}; delete it as one")
        found.path.unlink(missing_ok=True)

    def mount(self, digest: str, other: Repository) -> bool:
        """Have the other repository's blob here, too, without a copy; whether it is there."""
        place = self._place(digest)
        if not other.has(digest):
            return False
        self.make()
        place.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            os.link(other.blob(digest).path, place)
        return True

    # --- manifests

    def manifest(self, reference: str) -> Found:
        """By tag, or by digest; a blob is no manifest, though its digest may be known."""
        for each in self._index():
            if reference in (each["digest"], tag_of(each)):
                return Found(self._place(each["digest"]), each["digest"], each["mediaType"])
        raise Refused("MANIFEST_UNKNOWN", 404, f"{self.name} has no manifest {reference}")

    def put_manifest(self, reference: str, media_type: str, content: bytes) -> tuple[str, str | None]:
        """Take a manifest in under a tag or its own digest; its digest, and that of the subject it refers to."""
        manifest = self._understood(media_type, content)
        wanted = reference if ":" in reference else f"sha256:{hashlib.sha256(content).hexdigest()}"
        if ":" not in reference and not TAG.fullmatch(reference):
            raise Refused("MANIFEST_INVALID", 400, f"{reference[:140]!r} is no tag; use letters, digits, ., _ and -")
        with self.upload() as upload:
            upload.write([content])
            upload.finish(wanted)
        entry = {"mediaType": media_type, "digest": wanted, "size": len(content)}
        if ":" not in reference:
            entry["annotations"] = {REF_NAME: reference}
        self._change(lambda entries: [*untagged(entries, reference, wanted), entry])
        return wanted, (manifest.get("subject") or {}).get("digest")

    def delete_manifest(self, reference: str) -> None:
        """A tag goes alone; a digest goes with all of its tags."""
        found = self.manifest(reference)
        if ":" in reference:
            self._change(lambda entries: [each for each in entries if each["digest"] != reference])
            found.path.unlink(missing_ok=True)
        else:
            self._change(lambda entries: untagged(entries, reference, ""))

    def tags(self) -> list[str]:
        if not self.exists():
            raise Refused("NAME_UNKNOWN", 404, f"there is no repository {self.name}")
        return sorted({tag for each in self._index() if (tag := tag_of(each))})

    def referrers(self, digest: str, artifact_type: str | None = None) -> list[Descriptor]:
        """What was pushed with `digest` as its subject: signatures, attestations, bills of material."""
        self._place(digest)
        found = {}
        for entry in self._index():
            manifest = json.loads(self._place(entry["digest"]).read_bytes())
            kind = manifest.get("artifactType") or (manifest.get("config") or {}).get("mediaType", "")
            if (manifest.get("subject") or {}).get("digest") == digest and artifact_type in (None, kind):
                about = {"artifactType": kind, "annotations": manifest.get("annotations") or {}}
                found[entry["digest"]] = {key: entry[key] for key in ("mediaType", "digest", "size")} | about
        return list(found.values())

    # --- uploads

    def upload(self, session: str | None = None) -> Upload:
        """A new upload, or the one that has this session's name."""
        if session is None:
            self.make()
            (self.folder / "uploads").mkdir(exist_ok=True)
            session = secrets.token_hex(16)
            (self.folder / "uploads" / session).touch()
        path = self.folder / "uploads" / session
        if not re.fullmatch("[0-9a-f]{32}", session) or not path.exists():
            raise Refused("BLOB_UPLOAD_UNKNOWN", 404, f"{self.name} knows no upload {session[:40]}; begin a new one")
        return Upload(self, path)

    def make(self) -> None:
        """See that there is a layout, with nothing in it at first."""
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        if not self.exists():
            with state.one_at_a_time(self.folder):
                if not self.exists():
                    state.write(self.folder / "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))
                    self._write([])

    # --- the index

    def _index(self) -> list[Descriptor]:
        if not self.exists():
            raise Refused("NAME_UNKNOWN", 404, f"there is no repository {self.name}")
        return list(json.loads((self.folder / "index.json").read_bytes())["manifests"])

    def _change(self, change: Callable[[list[Descriptor]], list[Descriptor]]) -> None:
        with state.one_at_a_time(self.folder):
            self._write(change(self._index()))

    def _write(self, entries: list[Descriptor]) -> None:
        index = {"schemaVersion": 2, "mediaType": layout.INDEX, "manifests": entries}
        state.write(self.folder / "index.json", json.dumps(index, indent=1))

    def _place(self, digest: str) -> Path:
        if not layout.DIGEST.fullmatch(digest):
            raise Refused("DIGEST_INVALID", 400, f"{digest[:80]!r} is no digest; it is sha256: and 64 hex digits")
        return self.folder / "blobs" / digest.replace(":", "/")

    def _understood(self, media_type: str, content: bytes) -> dict[str, Any]:
        """The manifest, when it is one and all that it needs is here. What an index or a subject names may follow."""
        try:
            manifest: dict[str, Any] = json.loads(content)
            config = [manifest["config"]] if manifest.get("config") else []
            needs = [each["digest"] for each in [*config, *manifest.get("layers", ())] if not each.get("urls")]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Refused("MANIFEST_INVALID", 400, f"the manifest cannot be understood: {error!r}"[:300]) from None
        if manifest.get("mediaType", media_type) != media_type:
            raise Refused("MANIFEST_INVALID", 400, f"sent as {media_type}, but it says {manifest['mediaType']!r}")
        for digest in needs:
            try:
                self.blob(str(digest))
            except Refused as refused:
                raise Refused("MANIFEST_BLOB_UNKNOWN", 400, f"{refused}; push it before its manifest") from None
        return manifest


def tag_of(entry: Descriptor) -> str | None:
    return (entry.get("annotations") or {}).get(REF_NAME)


def untagged(entries: list[Descriptor], tag: str, digest: str) -> list[Descriptor]:
    """The entries without this tag, and each manifest still there by its digest; but nothing plain of `digest`."""
    kept = [each for each in entries if tag_of(each) != tag and not (each["digest"] == digest and not tag_of(each))]
    known = {each["digest"] for each in kept} | {digest}
    lost = [each for each in entries if each["digest"] not in known]
    return [*kept, *({key: each[key] for key in ("mediaType", "digest", "size")} for each in lost)]


# --- Uploads ---------------------------------------------------------------


class Upload:
    """A blob on its way in. What has come is kept over a cut line, and over the end of the registry."""

    def __init__(self, repository: Repository, path: Path) -> None:
        self.repository, self.path = repository, path

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

    @property
    def session(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add what comes, one writer at a time; on a full disk it gives its room back, so that others can go on."""
        with self._held(), self.path.open("r+b", buffering=0) as file:
            file.seek(0, os.SEEK_END)
            try:
                for piece in pieces:
                    _all_of(file.write, piece)
            except OSError as error:
                if error.errno in state.FULL:
                    self.cancel()
                raise

    def finish(self, digest: str) -> None:
        """Give it the name of its digest; Refused, and the upload is gone, when its bytes are others."""
        place = self.repository._place(digest)
        with self._held(), self.path.open("rb") as file:
            kind = digest.partition(":")[0]
            if hashlib.file_digest(file, kind).hexdigest() != place.name:
                self.path.unlink(missing_ok=True)
                raise Refused("DIGEST_INVALID", 400, f"what was sent does not have the digest {digest}; send it again")
            os.fsync(file.fileno())
            place.parent.mkdir(exist_ok=True)
            self.path.rename(place)

    def cancel(self) -> None:
        self.path.unlink(missing_ok=True)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with state.one_at_a_time(self.path):
                yield
        except FileNotFoundError:
            raise Refused("BLOB_UPLOAD_UNKNOWN", 404, f"the upload {self.session} has ended") from None


def _all_of(write: Callable[[memoryview], int | None], piece: bytes | memoryview) -> None:
    left = memoryview(piece)
    while left:
        left = left[write(left) or 0 :]
