"""What an upload is on disk and in the database, also when things go wrong half way."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from media import uploads, writeback
from media.models import Asset, Upload
from media.storage import MediaStore
from zhixin import db, jobs
from zhixin.errors import NotFound, OutOfSpace
from zhixin.people.models import Person

CONTENT = bytes(range(256)) * 20


class Line(io.BytesIO):
    """A connection that breaks after what it holds."""

    def read(self, size: int | None = -1, /) -> bytes:
        if chunk := super().read(min(size or 1, 1000)):
            return chunk
        raise ConnectionResetError


@pytest.fixture(autouse=True)
def _no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_ring", lambda _task, _ids: None)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@pytest.fixture
def begin(
    session: Session, store: MediaStore, create_person: Callable[..., Person], now: datetime
) -> Callable[..., Upload]:
    owner = create_person("author")

    def create(name: str = "讲座.mp4", size: int = len(CONTENT)) -> Upload:
        return uploads.create(
            session,
            store,
            owner_id=owner.id,
            file_name=name,
            size=size,
            max_bytes=10**9,
            keep=timedelta(days=7),
            now=now,
        )

    return create


def receive(
    path: Path,
    body: io.BytesIO,
    offset: int = 0,
    checksum: tuple[str, bytes] | None = None,
    note: Callable[[int], None] = lambda _safe: None,
) -> int:
    with uploads.writing(path) as file:
        return uploads.receive(
            file, offset=offset, size=len(CONTENT), body=body, checksum=checksum, note=note
        )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\课件\\第一讲.mp4", "第一讲.mp4"),
        ("a\x00\nb.mp4", "ab.mp4"),
        ("长" * 400, "长" * 255),
        ("  ", "video"),
    ],
)
def test_a_clients_file_name_is_only_shown(
    begin: Callable[..., Upload], store: MediaStore, name: str, shown: str
) -> None:
    """Whatever a file is called, its place on disk is made of our own random name."""
    upload = begin(name)
    assert upload.file_name == shown
    assert [path.name for path in (store.root / "uploads").iterdir()] == [upload.id]


def test_a_broken_line_keeps_what_came(begin: Callable[..., Upload], store: MediaStore) -> None:
    """The bytes before the break are on disk, every one of them."""
    path = store.upload(begin().id)
    with pytest.raises(ConnectionResetError):
        receive(path, Line(CONTENT[:3333]))
    assert path.read_bytes() == CONTENT[:3333]


@pytest.mark.usefixtures("quick_disk")
def test_a_long_request_is_safe_as_it_goes(begin: Callable[..., Upload], store: MediaStore) -> None:
    """How far it is, is told while it lasts; a server that dies then loses the rest alone. Of a
    promised checksum nothing is told before it was checked."""
    noted: list[int] = []
    with pytest.raises(ConnectionResetError):
        receive(store.upload(begin().id), Line(CONTENT), note=noted.append)
    assert noted == [1000, 3000, 5000]
    promised = ("sha256", hashlib.sha256(CONTENT).digest())
    receive(store.upload(begin().id), io.BytesIO(CONTENT), checksum=promised, note=noted.append)
    assert len(noted) == 3


@pytest.mark.usefixtures("quick_disk")
def test_what_was_told_as_safe_stays(begin: Callable[..., Upload], store: MediaStore) -> None:
    """Too much is refused, and what is on record is still in the file: so it can go on."""
    noted: list[int] = []
    path = store.upload(begin().id)
    with pytest.raises(uploads.TooLarge):
        receive(path, Line(CONTENT + b"x"), note=noted.append)
    assert path.stat().st_size == noted[-1]


def test_unchecked_bytes_are_not_kept(begin: Callable[..., Upload], store: MediaStore) -> None:
    """A promised checksum that never came to be checked, or is wrong: nothing of it stays."""
    path = store.upload(begin().id)
    promised = ("sha256", hashlib.sha256(CONTENT).digest())
    receive(path, io.BytesIO(CONTENT[:100]))
    with pytest.raises(ConnectionResetError):
        receive(path, Line(CONTENT[100:]), 100, promised)
    with pytest.raises(uploads.ChecksumMismatch):
        receive(path, io.BytesIO(CONTENT[100:]), 100, promised)
    assert path.read_bytes() == CONTENT[:100]


def test_more_than_declared_is_refused(begin: Callable[..., Upload], store: MediaStore) -> None:
    """The declared size is the end of the file."""
    path = store.upload(begin().id)
    with pytest.raises(uploads.TooLarge):
        receive(path, io.BytesIO(CONTENT + b"x"))
    assert path.stat().st_size == 0


def test_two_connections_do_not_mix(begin: Callable[..., Upload], store: MediaStore) -> None:
    """While one writes, another is told to wait."""
    path = store.upload(begin().id)
    with uploads.writing(path), pytest.raises(uploads.Locked):
        receive(path, io.BytesIO(CONTENT))


def whole(session: Session, store: MediaStore, upload: Upload, now: datetime) -> Asset:
    """Its last byte is there."""
    brought = uploads.bring(store, upload, len(CONTENT), now)
    asset = uploads.advance(session, store, upload, len(CONTENT), brought)
    assert isinstance(asset, Asset)
    return asset


def test_a_whole_upload_becomes_a_video(
    session: Session, begin: Callable[..., Upload], store: MediaStore, now: datetime
) -> None:
    """The last byte makes the video; the upload's own place is empty afterwards."""
    upload = begin()
    receive(store.upload(upload.id), io.BytesIO(CONTENT))
    asset = whole(session, store, upload, now)
    db.commit(session)
    assert asset is not None
    assert store.path(asset.source).read_bytes() == CONTENT
    assert not store.upload(upload.id).exists()


def test_a_failed_commit_loses_no_file(
    session: Session, begin: Callable[..., Upload], store: MediaStore, now: datetime
) -> None:
    """The last byte came and the database did not: the file is still there for the next try."""
    upload = begin()
    db.commit(session)
    receive(store.upload(upload.id), io.BytesIO(CONTENT))
    whole(session, store, upload, now)
    session.rollback()
    session.info.pop("after_commit", None)
    assert store.upload(upload.id).read_bytes() == CONTENT
    asset = whole(session, store, upload, now)
    db.commit(session)
    assert asset is not None
    assert store.path(asset.source).read_bytes() == CONTENT


def test_an_upload_that_was_given_up_makes_no_video(
    session: Session, begin: Callable[..., Upload], store: MediaStore, now: datetime
) -> None:
    """Given up on one page while the last bytes come from another: it stays given up."""
    upload = begin()
    with uploads.writing(store.upload(upload.id)):
        uploads.terminate(session, store, upload)
        with pytest.raises(NotFound):
            uploads.advance(session, store, upload, len(CONTENT), None)
    assert session.scalar(sa.select(sa.func.count()).select_from(Asset)) == 0


def test_no_room_is_said_before_the_first_byte(
    begin: Callable[..., Upload], store: MediaStore
) -> None:
    """A file that the disk cannot hold is refused at once."""
    with pytest.raises(OutOfSpace):
        store.require_space(10**18)
    with pytest.raises(uploads.TooLarge):
        begin(size=10**10)


def test_expired_uploads_are_swept(
    session: Session, begin: Callable[..., Upload], store: MediaStore, now: datetime
) -> None:
    """A week after its beginning an unfinished upload goes, file and row; a video stays."""
    forgotten, finished = begin(), begin()
    receive(store.upload(finished.id), io.BytesIO(CONTENT))
    asset = whole(session, store, finished, now)
    db.commit(session)
    assert uploads.drop_expired(session, store, now + timedelta(days=6)) == 0
    assert uploads.drop_expired(session, store, now + timedelta(days=8)) == 1
    db.commit(session)
    assert session.scalars(sa.select(Upload.id)).all() == [finished.id]
    assert not store.upload(forgotten.id).exists()
    assert asset is not None
    assert store.path(asset.source).exists()


def test_the_disk_begins_before_the_line_ends(
    begin: Callable[..., Upload], store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every full step of what came is on its way to the disk while the rest still comes."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(writeback, "STEP_BYTES", 2000)
    monkeypatch.setattr(
        writeback, "begin", lambda _file, offset, length: asked.append((offset, length))
    )
    path = store.upload(begin().id)
    with pytest.raises(ConnectionResetError):
        receive(path, Line(CONTENT[:4500]))
    assert asked == [(0, 2000), (2000, 2000)]
    assert path.read_bytes() == CONTENT[:4500]
