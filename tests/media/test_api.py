"""tus 1.0 word by word: what each request is answered, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from media import uploads
from media.models import Upload
from media.storage import MediaStore
from zhixin import clock, jobs
from zhixin.people.models import Person, Role, SignIn

CONTENT = bytes(range(256)) * 8
PLACE = "/api/v1/uploads"
NAME = base64.b64encode("讲座.mp4".encode()).decode()


class Tus:
    """A client that says what the protocol asks for, unless told otherwise."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def ask(self, method: str, address: str, body: bytes = b"", **headers: str) -> TestResponse:
        said = {"Tus-Resumable": "1.0.0"}
        if method == "PATCH":
            said |= {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(address, method=method, data=body, headers=said)

    def begin(self, size: int = len(CONTENT)) -> str:
        answer = self.ask(
            "POST", PLACE, Upload_Length=str(size), Upload_Metadata=f"filename {NAME},extra"
        )
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def offset(self, address: str) -> int:
        return int(self.ask("HEAD", address).headers["Upload-Offset"])


@pytest.fixture(autouse=True)
def _no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)


@pytest.fixture
def tus(create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient]) -> Tus:
    return Tus(sign_in(create_person("author", Role.AUTHOR)))


def test_options_names_what_is_possible(app: Flask) -> None:
    """Anyone may ask what this server can do, without naming a version."""
    answer = app.test_client().options(PLACE)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length",
        "termination", "checksum", "expiration", "concatenation",
    }  # fmt: skip
    assert answer.headers["Tus-Max-Size"] == str(8 * 1024**3)
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


def test_an_upload_in_two_pieces_becomes_a_video(tus: Tus) -> None:
    """Each answer says how far it is; the last one, and every question after it, names the video."""
    address = tus.begin()
    first = tus.ask("PATCH", address, CONTENT[:1000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    assert "Zhixin-Asset" not in first.headers
    assert first.headers["Upload-Expires"].endswith("GMT")
    last = tus.ask("PATCH", address, CONTENT[1000:], Upload_Offset="1000")
    asset_id = last.headers["Zhixin-Asset"]
    asked = tus.ask("HEAD", address)
    assert asked.headers["Upload-Offset"] == asked.headers["Upload-Length"] == str(len(CONTENT))
    assert asked.headers["Zhixin-Asset"] == asset_id
    assert asked.headers["Cache-Control"] == "no-store"
    asset = tus.client.get(f"/api/v1/assets/{asset_id}").get_json()
    assert (asset["file_name"], asset["state"], asset["progress"]) == ("讲座.mp4", "uploaded", 0)


def test_the_last_piece_sent_twice_makes_one_video(tus: Tus) -> None:
    """The answer was lost, the client sends again: it is told to look how far it is."""
    address = tus.begin()
    assert tus.ask("PATCH", address, CONTENT).status_code == 204
    assert tus.ask("PATCH", address, CONTENT).status_code == 409


@pytest.mark.parametrize("offset", ["1", "999999999999999999", "-1", "x", "²", "9" * 5000, ""])
def test_another_offset_is_refused(tus: Tus, offset: str) -> None:
    """Bytes go where the server is, nowhere else; what is no number is no offset."""
    address = tus.begin()
    answer = tus.ask("PATCH", address, CONTENT, Upload_Offset=offset)
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.get_json()["type"] == "/docs/errors#offset-mismatch"
    assert tus.offset(address) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_checksum_is_kept_to(tus: Tus, algorithm: str) -> None:
    """460 and nothing kept where the bytes differ; the right ones are taken."""

    def stated(content: bytes) -> str:
        digest = hashlib.new(algorithm, content).digest()
        return f"{algorithm} {base64.b64encode(digest).decode()}"

    address = tus.begin()
    wrong = tus.ask("PATCH", address, CONTENT[:500], Upload_Checksum=stated(b"other"))
    assert (wrong.status_code, tus.offset(address)) == (460, 0)
    right = tus.ask("PATCH", address, CONTENT[:500], Upload_Checksum=stated(CONTENT[:500]))
    assert (right.status_code, tus.offset(address)) == (204, 500)


@pytest.mark.parametrize("checksum", ["crc32 AAAA", "sha1", "sha1 ???", "sha1 ü", "ü"])
def test_an_unknown_checksum_is_refused(tus: Tus, checksum: str) -> None:
    """The protocol says 400: unchecked bytes must not pass for checked ones."""
    address = tus.begin()
    answer = tus.ask("PATCH", address, CONTENT, Upload_Checksum=checksum)
    assert answer.status_code in (400, 460)
    assert tus.offset(address) == 0


def test_another_version_is_refused(tus: Tus) -> None:
    """412, and the answer names the version that is spoken here."""
    address = tus.begin()
    for method, place in (
        ("POST", PLACE),
        ("HEAD", address),
        ("PATCH", address),
        ("DELETE", address),
    ):
        answer = tus.ask(method, place, Tus_Resumable="0.2.2")
        assert answer.status_code == 412
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"


def test_only_the_protocols_type_of_body(tus: Tus) -> None:
    """A form is not a piece of a file."""
    answer = tus.ask("PATCH", tus.begin(), CONTENT, Content_Type="application/octet-stream")
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("length", "status"),
    [("", 422), ("0", 422), ("-5", 422), ("abc", 422), ("1e9", 422), (str(9 * 1024**3), 413)],
)
def test_impossible_sizes_are_refused(tus: Tus, length: str, status: int) -> None:
    """Nothing, no number, or more than is allowed: said before a byte is sent."""
    assert tus.ask("POST", PLACE, Upload_Length=length).status_code == status


def test_unreadable_names_are_refused(tus: Tus) -> None:
    """A name that is not base64, or not text."""
    for metadata in (
        "filename ???",
        "filename ü",
        f"filename {base64.b64encode(bytes([255])).decode()}",
    ):
        answer = tus.ask("POST", PLACE, Upload_Length="5", Upload_Metadata=metadata)
        assert answer.status_code == 422


def test_more_than_was_declared_is_refused(tus: Tus) -> None:
    """The declared length is the end."""
    address = tus.begin(size=100)
    assert tus.ask("PATCH", address, CONTENT).status_code == 413
    assert tus.offset(address) == 0


def test_one_connection_at_a_time(app: Flask, tus: Tus) -> None:
    """While one writes, another is told 423: try again."""
    address = tus.begin()
    store: MediaStore = app.extensions["media_store"]
    with uploads.writing(store.upload(address.rsplit("/", 1)[-1])):
        answer = tus.ask("PATCH", address, CONTENT)
    assert answer.status_code == 423
    assert tus.ask("PATCH", address, CONTENT).status_code == 204


class Line(io.BytesIO):
    """Brings 500 bytes at a time, and tells so before each."""

    def __init__(self, before: Callable[[int], None]) -> None:
        super().__init__(CONTENT)
        self.before = before

    def readinto(self, buffer: Any, /) -> int:
        self.before(self.tell())
        return super().readinto(memoryview(buffer)[:500])


@pytest.mark.usefixtures("quick_disk")
def test_a_request_that_lasts_ends_with_the_sign_in(tus: Tus, session: Session) -> None:
    """Who signs out everywhere, or is shut out, sends no more; what came before is kept."""
    address, seen = tus.begin(), []

    def sign_out(at: int) -> None:
        seen.append(at)
        if at == 1500:
            session.execute(sa.update(SignIn).values(ended_at=clock.now()))
            session.commit()

    said = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    said["Content-Type"] = "application/offset+octet-stream"
    answer = tus.client.patch(
        address, input_stream=Line(sign_out), content_length=len(CONTENT), headers=said
    )
    assert answer.status_code == 401
    assert max(seen) < len(CONTENT)
    assert session.scalars(sa.select(Upload.received)).one() == 1000


def test_giving_up_forgets_the_file(app: Flask, tus: Tus) -> None:
    """After DELETE there is no such upload, and no bytes."""
    address = tus.begin()
    tus.ask("PATCH", address, CONTENT[:100])
    assert tus.ask("DELETE", address).status_code == 204
    assert tus.ask("HEAD", address).status_code == 404
    store: MediaStore = app.extensions["media_store"]
    assert list((store.root / "uploads").iterdir()) == []


def test_an_expired_upload_is_gone(tus: Tus, monkeypatch: pytest.MonkeyPatch) -> None:
    """410 tells the client to begin again."""
    address = tus.begin()
    later = clock.now() + timedelta(days=8)
    monkeypatch.setattr("media.api.clock", _Clock(later))
    assert tus.ask("HEAD", address).status_code == 410
    assert tus.ask("PATCH", address, CONTENT).status_code == 410


class _Clock:
    def __init__(self, at: Any) -> None:
        self.now = lambda: at


def test_other_peoples_uploads_and_videos_are_not_found(
    tus: Tus, create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient]
) -> None:
    """Another author is told that there is no such thing; who is no author may not ask."""
    address = tus.begin()
    asset_id = tus.ask("PATCH", address, CONTENT).headers["Zhixin-Asset"]
    address = tus.begin()
    other = Tus(sign_in(create_person("other", Role.AUTHOR)))
    learner = Tus(sign_in(create_person("learner", Role.LEARNER)))
    for person, status in ((other, 404), (learner, 403)):
        for method in ("HEAD", "PATCH", "DELETE"):
            assert person.ask(method, address, CONTENT).status_code == status
        assert person.client.get(f"/api/v1/assets/{asset_id}").status_code == status
    assert tus.offset(address) == 0


def test_the_sites_cookie_needs_its_token(tus: Tus) -> None:
    """A forged request from another site brings the cookie and no token: nothing happens."""
    address = tus.begin()
    answer = tus.ask("PATCH", address, CONTENT, X_CSRFToken="forged")
    assert answer.status_code == 400
    assert tus.offset(address) == 0


def test_no_room_is_said_in_time(tus: Tus, monkeypatch: pytest.MonkeyPatch) -> None:
    """507 at the beginning, and at a later piece when the disk has filled up meanwhile."""
    address = tus.begin()
    monkeypatch.setattr("media.storage.RESERVE_BYTES", 1 << 60)
    assert tus.ask("PATCH", address, CONTENT).status_code == 507
    assert tus.ask("POST", PLACE, Upload_Length="5").status_code == 507
    monkeypatch.undo()
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)
    assert tus.ask("PATCH", address, CONTENT).status_code == 204


@pytest.fixture
def small_disk(app: Flask) -> Iterator[Path]:
    """Uploads lie on a file system with room for 64 kB."""
    store: MediaStore = app.extensions["media_store"]
    folder = store.root / "uploads"
    folder.mkdir(parents=True)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode != 0:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("promised", [False, True])
def test_a_disk_that_fills_while_bytes_come(
    tus: Tus, small_disk: Path, monkeypatch: pytest.MonkeyPatch, promised: bool
) -> None:
    """507; the offset is what is on disk: nothing of a checked piece, else all that found room.
    The client goes on from there when there is room again."""
    monkeypatch.setattr(MediaStore, "require_space", lambda _store, _size: None)
    content = CONTENT * 48
    address = tus.begin(len(content))
    (small_disk / "others").write_bytes(bytes(20_000))
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    said = {"Upload_Checksum": f"sha256 {digest}"} if promised else {}
    assert tus.ask("PATCH", address, content, **said).status_code == 507
    file = small_disk / address.rsplit("/", 1)[-1]
    offset = tus.offset(address)
    assert offset == file.stat().st_size
    assert (offset == 0) == promised
    assert file.read_bytes() == content[:offset]

    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    rest = tus.ask("PATCH", address, content[offset:-1], Upload_Offset=str(offset))
    assert rest.headers["Upload-Offset"] == str(len(content) - 1)
    assert file.read_bytes() == content[:-1]
