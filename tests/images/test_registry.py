"""The registry, request by request, as the OCI distribution specification 1.1 has them; numbers are its endpoints'."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cutaway.images import layout
from cutaway.images.registry import PIECE, Registry
from cutaway.images.repositories import FORGOTTEN_S, MANIFEST_BYTES, Repositories
from cutaway.images.upstream import FRESH_S, Mirrored
from cutaway.problem import Problem

BLOB = b"some bytes" * 1000


def digest_of(content: bytes, kind: str = "sha256") -> str:
    return f"{kind}:{hashlib.new(kind, content).hexdigest()}"


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["errors"][0]["code"])


class Client:
    """What an engine says to a registry, one request at a time on one line."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        self.line.request(method, path, body, given, encode_chunked="Transfer-Encoding" in given)
        got = self.line.getresponse()
        return Answer(got.status, got.headers, got.read())

    def push(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        assert self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content).status == 201
        return digest

    def push_image(self, name: str, tag: str, content: bytes = BLOB, **more: Any) -> tuple[str, bytes]:
        manifest = json.dumps(image_of(self.push(name, b"{}"), self.push(name, content)) | more).encode()
        assert self("PUT", f"/v2/{name}/manifests/{tag}", manifest, Content_Type=layout.MANIFEST).status == 201
        return digest_of(manifest), manifest


def image_of(config: str, *layers: str) -> dict[str, Any]:
    described = [{"mediaType": layout.LAYER, "digest": each, "size": 1} for each in (config, *layers)]
    return {"schemaVersion": 2, "mediaType": layout.MANIFEST, "config": described[0], "layers": described[1:]}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from served(Registry(tmp_path / "kept"))


def served(registry: Registry) -> Iterator[Registry]:
    thread = threading.Thread(target=registry.run)
    thread.start()
    yield registry
    registry.shutdown()
    thread.join()
    registry.server_close()


@pytest.fixture
def ask(registry: Registry) -> Iterator[Client]:
    client = Client(registry.port)
    yield client
    client.line.close()


# --- Pull ------------------------------------------------------------------


def test_1_it_says_that_it_is_a_registry(ask: Client) -> None:
    assert ask("GET", "/v2/").status == 200


def test_2_a_blob_comes_back_with_its_length_and_digest(ask: Client) -> None:
    digest = ask.push("a/b", BLOB)
    got = ask("GET", f"/v2/a/b/blobs/{digest}")
    assert (got.status, got.body, got.headers["Docker-Content-Digest"]) == (200, BLOB, digest)
    head = ask("HEAD", f"/v2/a/b/blobs/{digest}")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(BLOB)))


def test_2_a_part_of_a_blob_can_be_asked_for(ask: Client) -> None:
    path = f"/v2/a/blobs/{ask.push('a', BLOB)}"
    part = ask("GET", path, Range="bytes=7-11")
    assert (part.status, part.body) == (206, BLOB[7:12])
    assert part.headers["Content-Range"] == f"bytes 7-11/{len(BLOB)}"
    assert ask("GET", path, Range=f"bytes={len(BLOB) - 3}-").body == BLOB[-3:]
    assert ask("GET", path, Range=f"bytes={len(BLOB)}-").status == 416


def test_2_an_unknown_blob_is_named_in_the_error(ask: Client) -> None:
    missing = ask("GET", f"/v2/a/blobs/{digest_of(b'')}")
    assert (missing.status, missing.code) == (404, "BLOB_UNKNOWN")
    assert ask("GET", "/v2/a/blobs/sha256:short").code == "DIGEST_INVALID"


def test_3_a_manifest_comes_by_tag_and_by_digest_as_it_was_pushed(ask: Client) -> None:
    digest, manifest = ask.push_image("a", "1.0")
    for reference in ("1.0", digest):
        got = ask("GET", f"/v2/a/manifests/{reference}")
        assert (got.status, got.body, got.headers["Docker-Content-Digest"]) == (200, manifest, digest)
        assert got.headers["Content-Type"] == layout.MANIFEST
    assert ask("HEAD", "/v2/a/manifests/2.0").status == 404
    assert ask("GET", "/v2/a/manifests/2.0").code == "MANIFEST_UNKNOWN"
    assert ask("GET", "/v2/nobody/manifests/2.0").code == "NAME_UNKNOWN"


def test_3_a_blob_is_no_manifest(ask: Client) -> None:
    ask.push_image("a", "1")
    assert ask("GET", f"/v2/a/manifests/{digest_of(BLOB)}").status == 404


# --- Push ------------------------------------------------------------------


def begun(ask: Client, name: str = "a") -> str:
    answer = ask("POST", f"/v2/{name}/blobs/uploads/")
    assert answer.status == 202
    return str(answer.headers["Location"])


def test_4b_a_blob_whose_bytes_are_others_is_refused_and_not_kept(ask: Client, registry: Registry) -> None:
    wrong = ask("POST", f"/v2/a/blobs/uploads/?digest={digest_of(b'other')}", BLOB)
    assert (wrong.status, wrong.code) == (400, "DIGEST_INVALID")
    assert [
        path for path in registry.repositories.root.rglob("*") if path.is_file() and path.stat().st_size > 1000
    ] == []


@pytest.mark.parametrize("kind", ["sha256", "sha512"])
def test_6_a_blob_may_come_whole_after_it_was_announced(ask: Client, kind: str) -> None:
    digest = digest_of(BLOB, kind)
    done = ask("PUT", f"{begun(ask)}?digest={digest}", BLOB)
    assert (done.status, done.headers["Location"]) == (201, f"/v2/a/blobs/{digest}")
    assert ask("GET", done.headers["Location"]).body == BLOB


def test_5_a_blob_may_come_in_chunks_that_follow_one_another(ask: Client) -> None:
    place = begun(ask)
    first = ask("PATCH", place, BLOB[:4000], Content_Range="0-3999")
    assert (first.status, first.headers["Range"]) == (202, "0-3999")
    gap = ask("PATCH", place, BLOB[5000:], Content_Range=f"5000-{len(BLOB) - 1}")
    assert (gap.status, gap.code) == (416, "BLOB_UPLOAD_INVALID")
    assert ask("PATCH", place, BLOB[4000:6000], Content_Range="4000-5999").status == 202
    assert ask("PUT", f"{place}?digest={digest_of(BLOB)}", BLOB[6000:], Content_Range="6000-9999").status == 201


def test_5_a_chunk_may_come_as_http_chunks_as_docker_sends_them(ask: Client) -> None:
    place, content = begun(ask), os.urandom(3 * PIECE + 17)
    parts = iter([content[:5], content[5 : 2 * PIECE], content[2 * PIECE :]])
    assert ask("PATCH", place, parts, Transfer_Encoding="chunked").status == 202
    assert ask("PUT", f"{place}?digest={digest_of(content)}").status == 201


def test_13_an_upload_tells_how_far_it_is_and_goes_on_after_a_cut_line(ask: Client, registry: Registry) -> None:
    place = begun(ask)
    with socket.create_connection(("127.0.0.1", registry.port)) as line:
        line.sendall(f"PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BLOB)}\r\n\r\n".encode() + BLOB[:3000])
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100) == b""
    status = ask("GET", place)
    assert (status.status, status.headers["Range"]) == (204, "0-2999")
    assert ask("PATCH", place, BLOB[3000:], Content_Range="3000-9999").status == 202
    assert ask("PUT", f"{place}?digest={digest_of(BLOB)}").status == 201


def test_14_an_upload_can_be_given_up(ask: Client) -> None:
    place = begun(ask)
    assert ask("DELETE", place).status == 204
    assert ask("PATCH", place, b"more").code == "BLOB_UPLOAD_UNKNOWN"
    assert ask("GET", place).status == 404


def test_uploads_that_nobody_goes_on_with_are_forgotten(tmp_path: Path) -> None:
    now = 0.0
    repositories = Repositories(tmp_path, clock=lambda: now)
    upload = repositories["a"].upload()
    now = upload.path.stat().st_mtime + FORGOTTEN_S - 1
    repositories.forget()
    assert upload.path.exists()
    now += 2
    repositories.forget()
    assert not upload.path.exists()


def test_7_a_manifest_needs_its_blobs_first(ask: Client) -> None:
    manifest = json.dumps(image_of(digest_of(b"no config"))).encode()
    refused = ask("PUT", "/v2/a/manifests/1", manifest, Content_Type=layout.MANIFEST)
    assert (refused.status, refused.code) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"config": 7}', b'{"layers": [{}]}', b"[" * 100_000])
def test_7_what_is_no_manifest_is_refused(ask: Client, content: bytes) -> None:
    refused = ask("PUT", "/v2/a/manifests/1", content, Content_Type=layout.MANIFEST)
    assert (refused.status, refused.code) == (400, "MANIFEST_INVALID")


def test_7_a_manifest_that_says_another_type_or_digest_or_is_too_large_is_refused(ask: Client) -> None:
    _, manifest = ask.push_image("a", "1")
    assert ask("PUT", "/v2/a/manifests/2", manifest, Content_Type=layout.INDEX).code == "MANIFEST_INVALID"
    place = f"/v2/a/manifests/{digest_of(b'other')}"
    assert ask("PUT", place, manifest, Content_Type=layout.MANIFEST).code == "DIGEST_INVALID"
    assert ask("PUT", "/v2/a/manifests/-not-a-tag", manifest, Content_Type=layout.MANIFEST).status == 400
    large = b" " * (MANIFEST_BYTES + 1)
    assert ask("PUT", "/v2/a/manifests/3", large, Content_Type=layout.MANIFEST).status == 413
    assert ask("GET", "/v2/a/tags/list").body == b'{"name": "a", "tags": ["1"]}'


def test_7_a_tag_moves_and_what_it_left_stays_by_its_digest(ask: Client) -> None:
    old, _ = ask.push_image("a", "latest")
    new, _ = ask.push_image("a", "latest", BLOB * 2)
    assert ask("HEAD", "/v2/a/manifests/latest").headers["Docker-Content-Digest"] == new
    assert ask("HEAD", f"/v2/a/manifests/{old}").status == 200


def test_11_a_blob_is_mounted_from_another_repository_without_a_copy(ask: Client, registry: Registry) -> None:
    digest = ask.push("a", BLOB)
    assert ask("POST", f"/v2/b/c/blobs/uploads/?mount={digest}&from=a").status == 201
    assert ask("GET", f"/v2/b/c/blobs/{digest}").body == BLOB
    files = [registry.repositories[name].blob(digest).path.stat() for name in ("a", "b/c")]
    assert files[0].st_ino == files[1].st_ino
    assert ask("POST", f"/v2/b/blobs/uploads/?mount={digest_of(b'none')}&from=a").status == 202
    assert ask("POST", f"/v2/b/blobs/uploads/?mount={digest}").status == 202


# --- Content discovery -------------------------------------------------------


def test_8_tags_come_in_order_and_in_pages(ask: Client) -> None:
    for tag in ("b", "a", "d", "c", "A"):
        ask.push_image("x", tag)
    assert json.loads(ask("GET", "/v2/x/tags/list").body) == {"name": "x", "tags": ["A", "a", "b", "c", "d"]}
    page = ask("GET", "/v2/x/tags/list?n=2")
    seen = json.loads(page.body)["tags"]
    while link := page.headers.get("Link"):
        page = ask("GET", link.partition(">")[0].strip("<"))
        seen += json.loads(page.body)["tags"]
        assert len(json.loads(page.body)["tags"]) <= 2
    assert seen == ["A", "a", "b", "c", "d"]
    assert ask("GET", "/v2/x/tags/list?n=0").headers.get("Link") is None
    assert ask("GET", "/v2/nobody/tags/list").code == "NAME_UNKNOWN"
    assert json.loads(ask("GET", "/v2/_catalog").body) == {"repositories": ["x"]}


def test_12_what_refers_to_an_image_is_listed_also_before_the_image_is_there(ask: Client) -> None:
    subject = {"mediaType": layout.MANIFEST, "digest": digest_of(b"to come"), "size": 7}
    signature, _ = ask.push_image("a", "sig", subject=subject, artifactType="x/signature", annotations={"by": "me"})
    bill = json.dumps(image_of(ask.push("a", b"{}")) | {"subject": subject}).encode()
    pushed = ask("PUT", "/v2/a/manifests/bill", bill, Content_Type=layout.MANIFEST)
    assert pushed.headers["OCI-Subject"] == subject["digest"]
    path = f"/v2/a/referrers/{subject['digest']}"
    listed = json.loads(ask("GET", path).body)
    assert listed["mediaType"] == layout.INDEX
    assert {each["digest"] for each in listed["manifests"]} == {signature, digest_of(bill)}
    some = ask("GET", f"{path}?artifactType=x/signature")
    assert some.headers["OCI-Filters-Applied"] == "artifactType"
    assert [each["annotations"] for each in json.loads(some.body)["manifests"]] == [{"by": "me"}]
    assert json.loads(ask("GET", f"/v2/nobody/referrers/{digest_of(b'')}").body)["manifests"] == []
    assert ask("GET", "/v2/a/referrers/nothing").status == 400


# --- Content management ------------------------------------------------------


def test_9_a_tag_goes_alone_and_a_digest_with_all_of_its_tags(ask: Client) -> None:
    digest, manifest = ask.push_image("a", "1")
    ask("PUT", "/v2/a/manifests/2", manifest, Content_Type=layout.MANIFEST)
    assert ask("DELETE", "/v2/a/manifests/1").status == 202
    assert ask("GET", "/v2/a/manifests/1").status == 404
    assert ask("GET", "/v2/a/manifests/2").status == 200
    assert ask("DELETE", f"/v2/a/manifests/{digest}").status == 202
    assert ask("GET", "/v2/a/manifests/2").status == 404
    assert ask("GET", f"/v2/a/manifests/{digest}").status == 404
    assert ask("DELETE", f"/v2/a/manifests/{digest}").status == 404


def test_10_a_blob_can_be_deleted_but_not_a_manifest_as_one(ask: Client) -> None:
    digest, _ = ask.push_image("a", "1")
    assert ask("DELETE", f"/v2/a/blobs/{digest_of(BLOB)}").status == 202
    assert ask("GET", f"/v2/a/blobs/{digest_of(BLOB)}").status == 404
    assert ask("DELETE", f"/v2/a/blobs/{digest_of(BLOB)}").status == 404
    assert ask("DELETE", f"/v2/a/blobs/{digest}").code == "UNSUPPORTED"


# --- Errors ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["UPPER", "a//b", "-a", "a..b", "%2e%2e/x", "a/" * 200 + "a"])
def test_a_name_that_is_none_is_refused(ask: Client, name: str) -> None:
    assert ask("POST", f"/v2/{name}/blobs/uploads/").code == "NAME_INVALID"


def test_what_is_no_place_or_no_method_of_it_is_said(ask: Client) -> None:
    assert ask("GET", "/v1/search").status == 404
    assert ask("PUT", "/v2/a/tags/list", b"x").status == 405
    assert ask("GET", f"/v2/a/blobs/uploads/{'../' * 3}x").status == 404


def test_a_refused_body_does_not_spoil_the_next_request_on_the_line(ask: Client) -> None:
    assert ask("PATCH", f"/v2/a/blobs/uploads/{'0' * 32}", BLOB).status == 404
    assert ask("GET", "/v2/").status == 200


def test_a_full_disk_is_one_sentence_and_keeps_no_half_blob(ask: Client, registry: Registry) -> None:
    place = begun(ask)
    upload = registry.repositories["a"].upload(place.rpartition("/")[2])
    upload.path.unlink()
    upload.path.symlink_to("/dev/full")
    full = ask("PATCH", place, BLOB)
    assert full.status == 507
    assert "disk is full" in json.loads(full.body)["errors"][0]["message"]


def test_a_port_that_is_taken_is_one_sentence(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"serving .*: address already in use; choose --port or --root"):
        Registry(tmp_path / "other", registry.port)


# --- A mirror ----------------------------------------------------------------


class Mirror(NamedTuple):
    ask: Client
    upstream: Registry
    time: list[float]


@pytest.fixture
def mirror(registry: Registry, tmp_path: Path) -> Iterator[Mirror]:
    said: list[str] = []
    registry.say = said.append
    now = [0.0]
    upstream = Mirrored(f"http://127.0.0.1:{registry.port}", clock=lambda: now[0])
    for mine in served(Registry(tmp_path / "mirror", upstream=upstream)):
        client = Client(mine.port)
        yield Mirror(client, registry, now)
        client.line.close()


def test_a_mirror_fetches_once_what_a_whole_room_asks_for(mirror: Mirror, ask: Client) -> None:
    digest, manifest = ask.push_image("a", "1")
    asked: list[str] = []
    mirror.upstream.say = asked.append

    def pull() -> None:
        one = Client(mirror.ask.port)
        assert one("GET", "/v2/a/manifests/1").body == manifest
        assert one("GET", f"/v2/a/blobs/{digest_of(BLOB)}").body == BLOB
        one.line.close()

    room = [threading.Thread(target=pull) for _ in range(10)]
    for each in room:
        each.start()
    for each in room:
        each.join()
    assert sum("manifests" in line for line in asked) == 1
    assert sum(digest_of(BLOB) in line for line in asked) == 1
    assert mirror.ask("GET", f"/v2/a/manifests/{digest}").status == 200


def test_a_mirror_sees_that_a_tag_has_moved_and_serves_on_when_nobody_answers(mirror: Mirror, ask: Client) -> None:
    old, _ = ask.push_image("a", "1")
    assert mirror.ask("HEAD", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == old
    new, manifest = ask.push_image("a", "1", BLOB * 2)
    assert mirror.ask("HEAD", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == old
    mirror.time[0] += FRESH_S
    assert mirror.ask("HEAD", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == new
    mirror.time[0] += FRESH_S
    mirror.upstream.repositories = Repositories(Path("/nowhere"))
    assert mirror.ask("GET", "/v2/a/manifests/1").body == manifest
    assert mirror.ask("GET", "/v2/a/manifests/2").status == 404


def test_a_mirror_does_not_keep_what_was_damaged_on_the_way(mirror: Mirror, ask: Client) -> None:
    ask.push_image("a", "1")
    mirror.upstream.repositories["a"].blob(digest_of(BLOB)).path.write_bytes(b"other bytes")
    refused = mirror.ask("GET", "/v2/a/manifests/1")
    assert (refused.status, refused.code) == (400, "DIGEST_INVALID")
    assert mirror.ask("GET", f"/v2/a/blobs/{digest_of(BLOB)}").status == 400


def test_a_mirror_does_not_keep_the_half_that_came_before_the_line_was_cut(tmp_path: Path) -> None:
    """The other registry promises all, sends half and hangs up; at the second call it sends all."""
    digest, sent = digest_of(BLOB), [BLOB[: len(BLOB) // 2], BLOB]

    def serve(waiting: socket.socket) -> None:
        for content in sent:
            line, _ = waiting.accept()
            with line:
                line.recv(PIECE)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BLOB) + content)

    with socket.create_server(("127.0.0.1", 0)) as waiting:
        threading.Thread(target=serve, args=(waiting,), daemon=True).start()
        upstream = Mirrored(f"http://127.0.0.1:{waiting.getsockname()[1]}")
        for mine in served(Registry(tmp_path / "mirror", upstream=upstream)):
            client = Client(mine.port)
            assert client("GET", f"/v2/a/blobs/{digest}").status == 404
            assert [*tmp_path.glob("mirror/a/uploads/*"), *tmp_path.glob("mirror/a/blobs/sha256/*")] == []
            assert client("GET", f"/v2/a/blobs/{digest}").body == BLOB
            client.line.close()
