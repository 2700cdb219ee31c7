"""How much room an author's media take, in all and by course."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses.documents import Unit
from courses.models import UnitKind
from media import collecting, files, nightly, pictures, usage
from media.models import Asset, Upload
from media.storage import MediaStore
from tests import scenes
from tests.media.test_pictures import drawn
from zhixin.people.models import Person, Role


@pytest.fixture
def store(app: Flask) -> MediaStore:
    store: MediaStore = app.extensions["media_store"]
    return store


@pytest.fixture
def shelf(
    session: Session, create_person: Callable[..., Person], store: MediaStore, now: datetime
) -> SimpleNamespace:
    """Two courses, each with a video of its own, a third video in both and a fourth in none."""
    author, other = create_person("author", Role.AUTHOR), create_person("other", Role.AUTHOR)
    shared, unused, others = (scenes._asset(session, who) for who in (author, author, other))
    both = Unit(key="u4", kind=UnitKind.VIDEO, title="共用", asset_id=shared.id, duration_ms=60_000)
    versions = [scenes._published(session, author, both)[0] for _ in range(2)]
    known = (shared.id, unused.id, others.id)
    own = session.scalars(sa.select(Asset).where(Asset.id.not_in(known)).order_by(Asset.id)).all()
    sizes = {shared: (1000, 200), unused: (40, None), own[0]: (5000, 600), own[1]: (70_000, 8000)}
    for asset, (source, renditions) in (sizes | {others: (10**9, 10**9)}).items():
        asset.source_bytes, asset.rendition_bytes = source, renditions
        asset.folder = f"assets/{asset.id}/run"
    session.commit()
    return SimpleNamespace(
        author=author, other=other, versions=versions, shared=shared, unused=unused, own=own
    )


def by_course(app: Flask, client: FlaskClient, shelf: SimpleNamespace) -> list[int]:
    """What the page says of each of the two courses."""
    told: list[dict[str, Any]] = []

    def note(_app: Flask, context: dict[str, Any], **_rest: Any) -> None:
        told.append(context)

    with template_rendered.connected_to(note, app):
        page = client.get("/studio/media")
    assert page.status_code == 200
    rows = {row.use.url: row.size for row in told[0]["by_course"]}
    assert len(rows) == 2
    return [rows[f"/studio/courses/{version.course_id}"] for version in shelf.versions]


def test_a_shared_video_counts_once_in_all_and_in_each_course(
    app: Flask, session: Session, sign_in: Callable[[Person], FlaskClient], shelf: SimpleNamespace
) -> None:
    """Courses' figures say what each needs, so they may come to more than the sum of all; what
    no course uses is in the sum alone. Another's media are nobody else's figure."""
    found = usage.of(session, shelf.author.id)
    assert found == usage.Usage(76_040, 8800, 0, 0, 0)
    assert found.total == 84_840
    assert usage.of(session, shelf.other.id).total == 2 * 10**9
    sizes = by_course(app, sign_in(shelf.author), shelf)
    assert sizes == [5600 + 1200, 78_000 + 1200]


def test_pictures_files_and_what_is_still_on_its_way(
    app: Flask,
    session: Session,
    sign_in: Callable[[Person], FlaskClient],
    store: MediaStore,
    shelf: SimpleNamespace,
    now: datetime,
) -> None:
    """An upload counts whole as soon as its length is known, else what came; one that became a
    video not again. What was given up counts until it is collected."""
    owner = shelf.author.id
    picture = pictures.import_bytes(session, store, owner, drawn(), max_bytes=9**9, now=now)
    files.import_bytes(session, store, owner, b"text", file_name="a.txt", max_bytes=99, now=now)
    for id, facts in {
        "known": {"size": 500, "received": 20},
        "unknown": {"size": 10**6, "received": 30, "length_known": False},
        "became": {"size": 1000, "received": 1000, "asset_id": shelf.shared.id},
    }.items():
        upload = Upload(
            id=id, owner_id=owner, file_name="a.mp4", created_at=now,
            expires_at=now + timedelta(days=7), **facts,
        )  # fmt: skip
        session.add(upload)
    session.flush()
    expected = usage.Usage(76_040, 8800, picture.size_bytes, 4, 530)
    assert usage.of(session, owner) == expected
    collecting.discard(session, shelf.unused, [], now)
    session.commit()
    assert usage.of(session, owner) == expected
    assert by_course(app, sign_in(shelf.author), shelf) == [6800, 79_200]


def test_renditions_that_two_videos_share_count_for_each(
    session: Session, store: MediaStore, shelf: SimpleNamespace
) -> None:
    """The same file sent twice: in a bucket there are two, in a folder two names of one; removing
    either leaves the other whole, so each is counted whole. The job adds up what is new, once."""
    one, other = shelf.own
    for name, content in (("v0/s0.m4s", b"12345"), ("master.m3u8", b"123")):
        store.vault.write(f"{one.folder}/{name}", content)
    other.folder = "assets/again/run"
    store.vault.share(one.folder, other.folder)
    for asset in (one, other):
        asset.rendition_bytes = None
    session.commit()
    assert usage.of(session, shelf.author.id).renditions == 200
    nightly.add_up()
    session.expire_all()
    assert (one.rendition_bytes, other.rendition_bytes) == (8, 8)
    assert usage.of(session, shelf.author.id).renditions == 200 + 16
    store.vault.write(f"{one.folder}/late", b"-")
    nightly.add_up()
    session.expire_all()
    assert one.rendition_bytes == 8
