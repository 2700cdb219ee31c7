"""What is referred to stays; what is not goes after a time of grace; in doubt everything stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.orm import Session

from courses import duplicating, editing, fields, history
from courses.history import Act
from media import collecting, files, pictures, references
from media.file_models import Attachment, Picture
from media.models import Asset
from media.storage import MediaStore
from tests import scenes
from tests.media.test_pictures import drawn
from zhixin import db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.errors import Conflict
from zhixin.people.models import Person, Role

GRACE = timedelta(days=60)
DAY = timedelta(days=1)


@pytest.fixture
def store(app: Flask) -> MediaStore:
    store: MediaStore = app.extensions["media_store"]
    return store


@pytest.fixture
def course(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> SimpleNamespace:
    """A published course: its author, a picture and a file in no text yet."""
    author = create_person("author", Role.AUTHOR)
    version, _ = scenes._published(session, author)
    store = current_app.extensions["media_store"]
    picture = pictures.import_bytes(session, store, author.id, drawn(), max_bytes=9**9, now=now)
    file = files.import_bytes(
        session, store, author.id, b"text", file_name="a.txt", max_bytes=99, now=now
    )
    asset = session.scalars(sa.select(Asset)).one()
    session.commit()
    return SimpleNamespace(author=author, version=version, picture=picture, file=file, asset=asset)


def nights(session: Session, store: MediaStore, now: datetime, *after: timedelta) -> list[int]:
    gone = []
    for each in after:
        gone.append(collecting.collect(session, store, GRACE, now + each))
        db.commit(session)
        session.expire_all()
    return gone


def test_a_published_video_stays_for_ever_and_the_rest_goes(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """Nothing shows the picture or the file: marked, kept through the grace, then gone whole."""
    assert nights(session, store, now, 2 * DAY, 61 * DAY) == [0, 0]
    assert list(store.vault.list("pictures"))
    assert nights(session, store, now, 63 * DAY, 1000 * DAY) == [2, 0]
    assert not list(store.vault.list("pictures"))
    assert not list(store.vault.list("files"))
    assert session.scalars(sa.select(Asset.id)).all() == [course.asset.id]


@pytest.mark.parametrize("place", ["draft", "question"])
def test_a_text_that_shows_a_picture_keeps_it(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime, place: str
) -> None:
    """In a draft or a paper's question; put there late, it loses its mark."""
    nights(session, store, now, 2 * DAY)
    assert course.picture.unused_since is not None
    table, column = {
        "draft": ("course", "summary"), "question": ("paper", "document"),
    }[place]  # fmt: skip
    found = sa.table(table, sa.column(column))
    words = pictures.markdown(course.picture, "图")
    value = f'{{"text": "{words}"}}' if column == "document" else words
    cast = "::jsonb" if session.get_bind().dialect.name == "postgresql" and column == "document" and place == "question" else ""  # fmt: skip
    session.execute(sa.text(f"UPDATE {found.name} SET {column} = '{value}'{cast}"))
    session.commit()
    assert nights(session, store, now, 70 * DAY, 200 * DAY) == [1, 0]
    session.expire_all()
    assert session.get_one(Picture, course.picture.id).unused_since is None
    assert session.get(Attachment, course.file.id) is None


def test_an_old_version_keeps_its_video(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """The draft has gone on to another video: who studies the frozen version watches the old one."""
    session.execute(sa.text("UPDATE unit SET asset_id = NULL WHERE asset_id IS NOT NULL"))
    session.commit()
    nights(session, store, now, 2 * DAY, 400 * DAY)
    assert session.get(Asset, course.asset.id)


def test_what_is_deleted_goes_soon_unless_it_is_used(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime, app: Flask
) -> None:
    """Deleting a picture that no course shows takes a night or two; a course's video is refused."""
    with app.test_request_context():
        uses = references.uses(session, course.author.id)
    with pytest.raises(Conflict, match=uses[0].title):
        collecting.discard(session, course.asset, uses, now)
    collecting.discard(session, course.picture, uses, now)
    session.commit()
    assert pictures.of_owner(session, course.author.id) == []
    assert nights(session, store, now, 2 * DAY) == [1]


def test_sent_again_it_is_wanted_again(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """The same picture brought once more is the old one, without its mark."""
    nights(session, store, now, 2 * DAY)
    later = now + 61 * DAY
    again = pictures.import_bytes(
        session, store, course.author.id, drawn(), max_bytes=9**9, now=later
    )
    assert again.id == course.picture.id
    assert nights(session, store, now, 63 * DAY) == [1]  # the file
    assert session.get(Picture, again.id)


def test_in_doubt_nothing_goes(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """A table that this program does not know may hold references: the night ends at once."""
    nights(session, store, now, 2 * DAY)
    session.execute(sa.text("CREATE TABLE of_a_newer_program (picture TEXT)"))
    with pytest.raises(references.NotSure):
        collecting.collect(session, store, GRACE, now + 90 * DAY)
    session.execute(sa.text("DROP TABLE of_a_newer_program"))
    assert session.get(Picture, course.picture.id)


def test_bytes_without_a_row_are_found(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """Of a request that broke off between the file and its row; fresh ones may still get one."""
    for key in ("pictures/aa/" + "a" * 32, "assets/999/run/poster.jpg", "sources/999/source"):
        store.vault.write(key, b"x")
    store.upload("left.file").write_bytes(b"x")
    real = datetime.now(now.tzinfo)
    assert collecting.remove_strays(session, store, real) == 0
    assert collecting.remove_strays(session, store, real + 2 * DAY) == 4
    kept = {each.key for folder in ("pictures", "files") for each in store.vault.list(folder)}
    assert kept == {course.picture.key, course.file.key}


def test_what_was_taken_back_can_be_done_again(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """A picture that only a step of the history names stays: the step may be done again."""
    words, course_id = pictures.markdown(course.picture, "图"), course.version.course_id
    with history.changing(session, course_id, course.author.id, Act.FACTS, now) as found:
        found.summary = words
    history.take_back(session, course_id, course.author.id, now)
    session.commit()
    assert words not in editing.get(session, course_id, course.author.id).summary
    assert nights(session, store, now, 2 * DAY, 400 * DAY) == [0, 1]  # the file
    history.do_again(session, course_id, course.author.id, now)
    assert editing.get(session, course_id, course.author.id).summary == words
    assert session.get(Picture, course.picture.id)


def test_a_copy_of_a_course_keeps_its_pictures(
    session: Session, store: MediaStore, course: SimpleNamespace, now: datetime
) -> None:
    """The original shows another one meanwhile."""
    original = editing.get(session, course.version.course_id, course.author.id)
    original.summary = pictures.markdown(course.picture, "图")
    session.flush()
    copy = duplicating.duplicate(session, original, course.author.id, now)
    original.summary = ""
    session.commit()
    assert nights(session, store, now, 2 * DAY, 400 * DAY) == [0, 1]  # the file
    assert course.picture.id in copy.summary
    assert session.get(Picture, course.picture.id)


#: Where something that must stay is named, whoever keeps it.
PLACES = (
    "unit.body unit.file_id unit.asset_id unit.checks course.summary course_text.text"
    " course_change.state course_version.document course_version.reason paper.document"
    " paper_version.document attempt.result attempt_answer.answer practice.questions"
    " question_import.result course_package.result expert.picture_id textbook.file_id"
    " review_comment.text review_reply.text review_seat.marks quality_application.statement"
    " quality_objection.text quality_score.remarks course_rating.words viewing_curve.asset_id"
).split()


def test_whatever_a_row_names_is_seen() -> None:
    """In each of these places, wherever in the text or document it stands."""
    name = "0123456789abcdef" * 2
    tables = schema.metadata().tables
    for place in PLACES:
        column = tables[place.split(".")[0]].c[place.split(".")[1]]
        bare = sa.Table(column.table.name, sa.MetaData(), sa.Column(column.name, column.type))
        with Session(sa.create_engine("sqlite://")) as session:
            bare.create(session.connection())
            is_video = isinstance(column.type, sa.Integer)
            is_document = isinstance(column.type, sa.JSON)
            kept = {"units": [{"asset_id": 7, "body": f"![图](picture:{name})"}]}
            session.execute(
                bare.insert(), {column.name: 7 if is_video else kept if is_document else name}
            )
            narrow = sa.Table(
                column.table.name, sa.MetaData(),
                sa.Column(column.name, column.type, *([sa.ForeignKey("asset.id")] if column.foreign_keys and is_video else [])),
            )  # fmt: skip
            found = references.Found()
            references.read_table(session, narrow, found)
            assert found.assets == ({7} if is_video or is_document else set()), place
            assert found.names == (set() if is_video else {name}), place


def test_no_place_hides_a_reference() -> None:
    """Numbers of videos are foreign keys; bytes that nobody reads hold no names of media."""
    others = [
        column
        for table in schema.metadata().tables.values()
        if table.name not in references._modules("media", "zhixin")
        for column in table.columns
    ]
    loose = [
        str(c)
        for c in others
        if "asset_id" in c.name and not any(k.target_fullname == "asset.id" for k in c.foreign_keys)
    ]
    assert loose == []
    pieces = schema.metadata().tables["piece"].c.asset_id
    assert not references._points_at_videos(pieces)  # a part of the video
    unread = [str(c) for c in others if isinstance(c.type, sa.LargeBinary)]
    assert set(unread) == {
        "question_import.content",  # an author's own table or text, read by the job
        "question_pool.members",  # numbers of bank versions, whose documents are read
    }


@pytest.fixture
def at_night(
    own_engine: sa.Engine, settings: Settings, now: datetime
) -> Iterator[Callable[[], int]]:
    """A night long after a picture was last used, in a database of its own; says what went."""
    app = create_app(settings, bind=own_engine, testing=True)
    with app.app_context():
        store: MediaStore = app.extensions["media_store"]
        with db.database().transaction() as session:
            author = Person(
                sign_in_name="author", password_hash="x", name="作者", created_at=now,
            )  # fmt: skip
            session.add(author)
            session.flush()
            pictures.import_bytes(session, store, author.id, drawn(), max_bytes=9**9, now=now)
            fields.ensure_shipped(session)

        def night(after: timedelta = 90 * DAY) -> int:
            with db.database().transaction() as session:
                return collecting.collect(session, store, GRACE, now + after)

        night(2 * DAY)
        yield night


NAMES_IT = "UPDATE field SET zh = (SELECT id FROM picture) WHERE code = 'energy'"


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_who_uses_it_in_that_moment_keeps_it(
    at_night: Callable[[], int], own_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written and committed after the night has read all texts, before it removes anything."""
    read = references.everything

    def and_then_somebody_writes(session: Session) -> references.Found:
        found = read(session)
        with own_engine.begin() as writer:
            writer.execute(sa.text(NAMES_IT))
        return found

    monkeypatch.setattr(references, "everything", and_then_somebody_writes)
    assert at_night() == 0
    monkeypatch.undo()
    with own_engine.begin() as writer:
        writer.execute(sa.text("UPDATE field SET zh = '能源' WHERE code = 'energy'"))
    assert at_night() == 1, "used no more, it goes"


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_while_somebody_writes_nothing_goes(
    at_night: Callable[[], int], own_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not committed yet cannot be read: the night gives up, and comes again."""
    monkeypatch.setattr(references, "HOLD_S", 0.2)
    with own_engine.begin() as writer:
        writer.execute(sa.text(NAMES_IT))
        with pytest.raises(references.NotSure):
            at_night()
    assert at_night() == 0
