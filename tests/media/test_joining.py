"""Uploads made of parts, begun with bytes or without a length, of files, and of what is here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from media import collecting, joining, uploads
from media.file_models import Attachment
from media.models import Asset, AssetState, Upload
from zhixin import clock, jobs
from zhixin.config import Settings
from zhixin.errors import Conflict
from zhixin.people.models import Person, Role

CONTENT = bytes(range(256)) * 8
PLACE = "/api/v1/uploads"
BYTES = {"Content-Type": "application/offset+octet-stream"}


def named(name: str, **more: str) -> str:
    pairs = {"filename": name, **more}
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())


class Tus:
    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def __call__(self, method: str, address: str, body: bytes = b"", **said: str) -> TestResponse:
        headers = {"Tus-Resumable": "1.0.0"}
        headers |= {name.replace("_", "-"): value for name, value in said.items()}
        return self.client.open(address, method=method, data=body, headers=headers)

    def part(self, content: bytes) -> str:
        answer = self(
            "POST",
            PLACE,
            content,
            Upload_Length=str(len(content)),
            Upload_Concat="partial",
            **BYTES,
        )
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(content)))
        return answer.headers["Location"]


@pytest.fixture(autouse=True)
def _no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, author_bytes=100_000)


@pytest.fixture
def author(create_person: Callable[..., Person]) -> Person:
    return create_person("author", Role.AUTHOR)


@pytest.fixture
def tus(author: Person, sign_in: Callable[[Person], FlaskClient]) -> Tus:
    return Tus(sign_in(author))


@pytest.fixture
def other(create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient]) -> Tus:
    return Tus(sign_in(create_person("other", Role.AUTHOR)))


@pytest.fixture
def media(settings: Settings) -> Path:
    return settings.media_dir


def test_parts_become_one_video(session: Session, tus: Tus, media: Path) -> None:
    """Joined in the order of the list, whatever order they came in; the parts are gone."""
    second, first = tus.part(CONTENT[1000:]), tus.part(CONTENT[:1000])
    assert tus("HEAD", first).headers["Upload-Concat"] == "partial"
    whole = tus(
        "POST", PLACE,
        Upload_Concat=f"final;{first} http://localhost{second}", Upload_Metadata=named("讲座.mp4"),
    )  # fmt: skip
    assert whole.status_code == 201
    asset = session.get_one(Asset, int(whole.headers["Zhixin-Asset"]))
    assert (media / asset.source).read_bytes() == CONTENT
    assert list((media / "uploads").iterdir()) == []
    assert tus("HEAD", first).status_code == 404
    head = tus("HEAD", whole.headers["Location"]).headers
    assert (head["Upload-Offset"], head["Zhixin-Asset"]) == (str(len(CONTENT)), str(asset.id))
    assert head["Upload-Concat"] == f"final;{first} {second}"
    more = tus("PATCH", whole.headers["Location"], b"x", Upload_Offset=str(len(CONTENT)), **BYTES)
    assert more.status_code == 403


def test_a_whole_that_is_not_joined_yet_has_no_offset(
    session: Session, tus: Tus, author: Person, app: Flask, now: datetime
) -> None:
    """While its parts are copied it is a final upload already, and nobody may write to it."""
    part = tus.part(CONTENT)
    whole = uploads.create(
        session, app.extensions["media_store"], owner_id=author.id, file_name="v.mp4",
        size=len(CONTENT), max_bytes=10**6, keep=timedelta(days=1), now=clock.now(),
    )  # fmt: skip
    whole.parts = part.rsplit("/", 1)[-1]
    session.commit()
    head = tus("HEAD", f"{PLACE}/{whole.id}")
    assert "Upload-Offset" not in head.headers
    assert head.headers["Upload-Concat"] == f"final;{part}"
    sent = tus("PATCH", f"{PLACE}/{whole.id}", CONTENT, Upload_Offset="0", **BYTES)
    assert sent.status_code == 403


def test_who_cannot_send_patch_sends_post(session: Session, tus: Tus) -> None:
    """The method that is meant stands in a header; a request that changes nothing stays one."""
    begun = tus("POST", PLACE, Upload_Length="2048", Upload_Metadata=named("讲座.mp4"))
    place = begun.headers["Location"]
    meant = {"X_HTTP_Method_Override": "PATCH", **BYTES}
    assert tus("POST", place, CONTENT[:9], Upload_Offset="0", **meant).status_code == 204
    assert tus("POST", place, X_HTTP_Method_Override="HEAD").headers["Upload-Offset"] == "9"
    assert tus("HEAD", place, X_HTTP_Method_Override="DELETE").headers["Upload-Offset"] == "9"
    assert tus("POST", place, X_HTTP_Method_Override="DELETE").status_code == 204
    assert tus("HEAD", place).status_code == 404


def test_only_ones_own_whole_parts_are_joined(
    session: Session, tus: Tus, other: Tus, media: Path
) -> None:
    """Another's part, an unfinished one, one twice, an ordinary upload, none at all."""
    mine, others = tus.part(CONTENT), other.part(CONTENT)
    begun = tus("POST", PLACE, Upload_Length="9", Upload_Concat="partial").headers["Location"]
    ordinary = tus("POST", PLACE, Upload_Length="9").headers["Location"]
    for urls, status in (
        (f"{mine} {others}", 404),
        (f"{mine} {begun}", 422),
        (f"{mine} {mine}", 422),
        (f"{mine} {ordinary}", 422),
        ("", 422),
        ("nowhere", 404),
    ):
        assert tus("POST", PLACE, Upload_Concat=f"final;{urls}").status_code == status
    assert tus("POST", PLACE, Upload_Concat="half", Upload_Length="9").status_code == 422
    assert session.scalar(sa.select(sa.func.count()).select_from(Asset)) == 0
    assert len(list((media / "uploads").iterdir())) == 4


def test_a_length_may_be_told_later(session: Session, tus: Tus) -> None:
    """Begun without a length, told once with some bytes, and never changed."""
    begun = tus("POST", PLACE, Upload_Defer_Length="1", Upload_Metadata=named("v.mp4"))
    address = begun.headers["Location"]
    assert tus("HEAD", address).headers["Upload-Defer-Length"] == "1"
    assert tus("PATCH", address, CONTENT[:100], Upload_Offset="0", **BYTES).status_code == 204
    short = tus("PATCH", address, b"", Upload_Offset="100", Upload_Length="99", **BYTES)
    assert short.status_code == 422
    told = tus("PATCH", address, CONTENT[100:], Upload_Offset="100", Upload_Length="2048", **BYTES)
    assert told.status_code == 204
    assert "Zhixin-Asset" in told.headers
    assert tus("HEAD", address).headers["Upload-Length"] == "2048"


def test_a_file_comes_by_tus_too(session: Session, tus: Tus, other: Tus, media: Path) -> None:
    """With ``kind file`` the whole is a file for learners; one that is none is forgotten."""
    text = "学习资料\n".encode() * 10
    facts = named("资料.txt", kind="file")
    done = tus("POST", PLACE, text, Upload_Length=str(len(text)), Upload_Metadata=facts, **BYTES)
    kept = session.get_one(Attachment, done.headers["Zhixin-File"])
    assert (kept.file_name, kept.size_bytes, kept.media_type) == ("资料.txt", 130, "text/plain")
    assert (media / kept.key).read_bytes() == text
    refused = tus("POST", PLACE, Upload_Length="9", Upload_Metadata=named("a.exe", kind="file"))
    assert refused.status_code == 422
    false = tus(
        "POST", PLACE, b"MZ not a PDF", Upload_Length="12",
        Upload_Metadata=named("a.pdf", kind="file"), **BYTES,
    )  # fmt: skip
    assert false.status_code == 422
    assert list((media / "uploads").iterdir()) == []
    assert session.scalar(sa.select(sa.func.count()).select_from(Upload)) == 1


def test_what_is_here_is_not_sent_again_and_given_to_nobody_else(
    session: Session, tus: Tus, other: Tus, author: Person, app: Flask
) -> None:
    """The hash of one's own video makes an upload whole at once; another author's hash is worth
    nothing: the bytes have to come."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    asset = Asset(
        owner_id=author.id, file_name="v.mp4", source="sources/1/source", source_bytes=len(CONTENT),
        source_sha256=digest, state=AssetState.READY, duration_ms=1, folder="assets/1/a", progress=100,
        tries=1, created_at=author.created_at,
    )  # fmt: skip
    session.add(asset)
    session.commit()
    said = {"Upload_Length": str(len(CONTENT)), "Upload_Metadata": named("v.mp4", sha256=digest)}
    mine = tus("POST", PLACE, **said)
    assert (mine.headers["Upload-Offset"], mine.headers["Zhixin-Asset"]) == ("2048", str(asset.id))
    theirs = other("POST", PLACE, **said)
    assert theirs.headers["Upload-Offset"] == "0"
    assert "Zhixin-Asset" not in theirs.headers
    longer = tus("POST", PLACE, Upload_Length="2049", Upload_Metadata=said["Upload_Metadata"])
    assert longer.headers["Upload-Offset"] == "0"


def test_only_ones_own_ready_videos_make_a_hash_worth_its_work(
    session: Session, tus: Tus, other: Tus, author: Person, now: datetime
) -> None:
    """Asked by size: yes where that size is ready and its hash known, not for others, not for
    another size, not for what was given up."""
    asset = Asset(
        owner_id=author.id, file_name="v.mp4", source="sources/1/source", source_bytes=len(CONTENT),
        source_sha256=None, state=AssetState.READY, duration_ms=1, folder="assets/1/a", progress=100,
        tries=1, created_at=now,
    )  # fmt: skip
    session.add(asset)
    session.commit()

    def any_of(who: Tus, size: int = len(CONTENT)) -> bool:
        answer = who.client.get(f"/api/v1/assets/same-size?size={size}")
        return bool(answer.get_json()["any"])

    def change(**what: object) -> None:
        session.execute(sa.update(Asset).values(**what))
        session.commit()

    assert not any_of(tus)
    change(source_sha256=hashlib.sha256(CONTENT).hexdigest())
    assert any_of(tus)
    assert not any_of(tus, len(CONTENT) + 1)
    assert not any_of(other)
    change(discarded_at=now)
    assert not any_of(tus)
    for wrong in ("0", "-1", "x", "9" * 30, ""):
        refused = tus.client.get(f"/api/v1/assets/same-size?size={wrong}")
        assert refused.status_code == 422, wrong


def test_an_author_has_so_much_room_and_no_more(tus: Tus, other: Tus) -> None:
    """What is begun counts too; another author's room is another's."""
    assert tus("POST", PLACE, Upload_Length="60000").status_code == 201
    full = tus("POST", PLACE, Upload_Length="60000")
    assert full.status_code == 413
    assert other("POST", PLACE, Upload_Length="60000").status_code == 201


def test_a_whole_that_could_not_be_kept_asks_for_its_last_byte_again(
    tus: Tus, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault is out of reach at the end: nothing is lost, one byte is sent once more."""
    address = tus("POST", PLACE, Upload_Length="2048").headers["Location"]
    vault = app.extensions["media_store"].vault

    def broken(*_: object) -> None:
        raise ConnectionError("out of reach")

    with monkeypatch.context() as patched:
        patched.setattr(vault, "put", broken)
        failed = tus("PATCH", address, CONTENT, Upload_Offset="0", **BYTES)
    assert failed.status_code == 500
    assert tus("HEAD", address).headers["Upload-Offset"] == "2047"
    done = tus("PATCH", address, CONTENT[2047:], Upload_Offset="2047", **BYTES)
    assert "Zhixin-Asset" in done.headers


def test_parts_become_one_video_however_often_they_are_joined(
    session: Session, tus: Tus, author: Person, app: Flask, media: Path, now: datetime
) -> None:
    """A client that lost patience asks again: both copied all parts, the first wins."""
    ids = [tus.part(each).rsplit("/", 1)[-1] for each in (CONTENT[:1000], CONTENT[1000:])]
    store = app.extensions["media_store"]

    def begun() -> tuple[list[Upload], Upload]:
        found = joining.parts(session, ids, author.id, now)
        whole = uploads.create(
            session, store, owner_id=author.id, file_name="v.mp4", size=2048, max_bytes=10**6,
            keep=timedelta(days=1), now=now,
        )  # fmt: skip
        joining.copy(store, found, whole)
        return found, whole

    (parts, first), (again, second) = begun(), begun()
    session.commit()
    joining.finish(session, store, parts, first, uploads.bring(store, first, 2048, now))
    session.commit()
    with pytest.raises(Conflict):
        joining.finish(session, store, again, second, None)
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(Asset)) == 1


def test_what_is_brought_again_is_wanted_again(
    session: Session, tus: Tus, author: Person, app: Flask, now: datetime
) -> None:
    """A video near the end of its time of grace, recognised: the next night leaves it alone. One
    that went meanwhile has to be sent."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    asset = Asset(
        owner_id=author.id, file_name="v.mp4", source="sources/1/source", source_bytes=len(CONTENT),
        source_sha256=digest, state=AssetState.READY, duration_ms=1, folder="assets/1/a", progress=100,
        tries=1, created_at=now - timedelta(days=90), unused_since=now - timedelta(days=40),
    )  # fmt: skip
    session.add(asset)
    session.commit()
    said = {"Upload_Length": str(len(CONTENT)), "Upload_Metadata": named("v.mp4", sha256=digest)}
    assert tus("POST", PLACE, **said).headers["Zhixin-Asset"] == str(asset.id)
    session.expire_all()
    collecting.collect(session, app.extensions["media_store"], timedelta(days=30), now)
    session.commit()
    kept = session.get_one(Asset, asset.id)
    begun = session.get_one(Upload, tus("POST", PLACE, Upload_Length="9").headers["Location"][-32:])
    kept.discarded_at = now
    session.flush()
    assert not uploads.recognise(session, begun, kept)
    assert not begun.finished
