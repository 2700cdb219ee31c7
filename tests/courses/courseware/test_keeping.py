"""Courseware is kept once, as long as anything may play it, and then goes whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from courses import documents, editing
from courses.courseware import keeping
from courses.courseware.models import Courseware, Edition
from courses.models import Course, Unit, UnitKind
from media import collecting, references
from media.storage import MediaStore
from tests import scenes
from tests.locks import wait_for_a_lock
from zhixin import db
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people.models import Person

GRACE = timedelta(days=60)
DAY = timedelta(days=1)
on_postgres = pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)


@pytest.fixture
def store(app: Flask) -> MediaStore:
    store: MediaStore = app.extensions["media_store"]
    store.root.mkdir(parents=True, exist_ok=True)
    return store


def brought(store: MediaStore, owner_id: int, folder: Path, now: datetime) -> Courseware:
    """Two files of a package, in the vault."""
    names = {"a/begin.html": folder / "a", "own.js": folder / "b"}
    for path in names.values():
        path.write_bytes(b"<html>")
    return keeping.bring(store, owner_id, Edition.SCORM_12, names, now)


@pytest.fixture
def kept(
    session: Session, store: MediaStore, writer: Person, tmp_path: Path, now: datetime
) -> Courseware:
    kept = keeping.keep(session, store, brought(store, writer.id, tmp_path, now))
    db.commit(session)
    return kept


def keys(store: MediaStore) -> set[str]:
    return {each.key for each in store.vault.list("courseware")}


def night(session: Session, store: MediaStore, at: datetime) -> int:
    gone = collecting.collect(session, store, GRACE, at)
    db.commit(session)
    session.expire_all()
    return gone


def playing(session: Session, course: Course, kept: Courseware, now: datetime) -> Unit:
    unit = editing.add_unit(session, course, course.chapters[0].id, UnitKind.SCORM, "课件", now)
    unit.courseware_id, unit.launch = kept.id, "a/begin.html"
    session.commit()
    return unit


def test_what_nothing_plays_goes_after_a_time_of_grace(
    session: Session, store: MediaStore, kept: Courseware, now: datetime
) -> None:
    """Marked, kept through the grace, then its row and all its files are gone."""
    assert len(keys(store)) == 2
    assert [night(session, store, now + each) for each in (2 * DAY, 61 * DAY)] == [0, 0]
    assert len(keys(store)) == 2
    assert night(session, store, now + 63 * DAY) == 1
    assert keys(store) == set()
    assert session.get(Courseware, kept.id) is None


@pytest.mark.parametrize("used", ["draft", "version"])
def test_what_may_be_played_stays(
    session: Session,
    store: MediaStore,
    kept: Courseware,
    create_draft: Callable[..., Course],
    writer: Person,
    now: datetime,
    used: str,
) -> None:
    """By a draft, or by a published version alone, whose draft has gone on."""
    if used == "draft":
        playing(session, create_draft(), kept, now)
    else:
        unit = documents.Unit(
            key="u4", kind=UnitKind.SCORM, title="课件", courseware_id=kept.id, launch="own.js"
        )
        scenes._published(session, writer, unit)
        session.commit()
    for after in (2 * DAY, 400 * DAY):
        assert night(session, store, now + after) == 0
    assert session.get(Courseware, kept.id) is not None
    assert len(keys(store)) == 2


def test_brought_again_it_is_the_same_and_wanted(
    session: Session, store: MediaStore, kept: Courseware, tmp_path: Path, now: datetime
) -> None:
    """The second copy of its files goes, and so does the mark."""
    night(session, store, now + 2 * DAY)
    again = keeping.keep(session, store, brought(store, kept.owner_id, tmp_path, now))
    db.commit(session)
    assert again.id == kept.id
    assert again.unused_since is None
    assert len(keys(store)) == 2


def test_what_an_import_left_behind_is_found(
    session: Session, store: MediaStore, kept: Courseware, tmp_path: Path, now: datetime
) -> None:
    """Its files came, its transaction did not: they go after a day, others' stay."""
    left = brought(store, kept.owner_id, tmp_path, now)
    real = datetime.now(now.tzinfo)
    assert collecting.remove_strays(session, store, real) == 0
    assert collecting.remove_strays(session, store, real + 2 * DAY) == 1
    assert keys(store) == {f"{kept.folder}/{place}" for place in range(2)}
    assert left.folder != kept.folder


def test_what_cannot_be_brought_whole_is_not_brought(
    store: MediaStore, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket goes away between two files: the first is not left there for a day."""
    put, seen = store.vault.put, []

    def breaks(key: str, path: Path) -> None:
        if seen:
            raise OSError("the bucket is away")
        seen.append(key)
        put(key, path)

    monkeypatch.setattr(store.vault, "put", breaks)
    with pytest.raises(OSError, match="away"):
        brought(store, 1, tmp_path, now)
    assert seen
    assert keys(store) == set()


@pytest.fixture
def own(
    own_engine: sa.Engine, settings: Settings, tmp_path: Path, now: datetime
) -> Iterator[SimpleNamespace]:
    """A database of its own, whose transactions cross."""
    app = create_app(settings, bind=own_engine, testing=True)
    with app.app_context():
        store: MediaStore = app.extensions["media_store"]
        store.root.mkdir(parents=True, exist_ok=True)
        database: db.Database = app.extensions["db"]
        with database.transaction() as session:
            author = Person(sign_in_name="a", password_hash="x", name="作者", created_at=now)
            session.add(author)
            session.flush()

        def bring() -> Courseware:
            return brought(store, author.id, tmp_path, now)

        def night(after: timedelta = 90 * DAY) -> int:
            with app.app_context(), database.transaction() as session:
                return collecting.collect(session, store, GRACE, now + after)

        yield SimpleNamespace(
            app=app, store=store, database=database, engine=own_engine, bring=bring, night=night
        )


def test_the_same_package_twice_at_once_is_kept_once(own: SimpleNamespace) -> None:
    """The second import waits for the first and takes what that kept; no bytes are left over."""
    first, second = own.bring(), own.bring()
    found = []

    def other() -> None:
        with own.app.app_context(), own.database.transaction() as session:
            found.append(keeping.keep(session, own.store, second).id)

    with own.database.transaction() as session:
        kept = keeping.keep(session, own.store, first)
        thread = threading.Thread(target=other)
        thread.start()
        if own.engine.dialect.name == "postgresql":
            wait_for_a_lock(own.engine)
    thread.join()
    assert found == [kept.id]
    assert {each.rpartition("/")[0] for each in keys(own.store)} == {kept.folder}


@pytest.fixture
def unused(own: SimpleNamespace) -> SimpleNamespace:
    """Courseware that nothing has used for long."""
    with own.database.transaction() as session:
        own.kept = keeping.keep(session, own.store, own.bring())
    assert own.night(2 * DAY) == 0
    return own


@on_postgres
def test_who_begins_to_play_it_in_that_moment_keeps_it(
    unused: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import commits after the night has read everything, before it removes anything."""
    read = references.everything

    def and_then_somebody_imports(session: Session) -> references.Found:
        found = read(session)
        with unused.database.transaction() as other:
            keeping.keep(other, unused.store, unused.bring())
        return found

    monkeypatch.setattr(references, "everything", and_then_somebody_imports)
    assert unused.night() == 0
    monkeypatch.undo()
    assert len(keys(unused.store)) == 2


@on_postgres
def test_who_has_it_in_hand_keeps_it(
    unused: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that is not done yet is not waited for: it may come to wait for the night."""
    held = references.since
    other = unused.database.session()

    def and_then_somebody_holds(session: Session, before: references.Found) -> references.Found:
        found = held(session, before)
        other.execute(sa.select(Courseware).with_for_update())
        return found

    monkeypatch.setattr(references, "since", and_then_somebody_holds)
    assert unused.night() == 0
    other.rollback()
    other.close()
    monkeypatch.undo()
    assert unused.night() == 1


@on_postgres
def test_who_wants_it_while_it_goes_gets_it_anew(
    unused: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row was there when the import looked, and is gone when it takes it: a new one is made."""
    fresh, found, threads = unused.bring(), [], []

    def other() -> None:
        with unused.app.app_context(), unused.database.transaction() as session:
            found.append(keeping.keep(session, unused.store, fresh).id)

    remove = collecting._remove

    def and_meanwhile_somebody_imports(*given: Any) -> bool:
        gone = remove(*given)
        threads.append(threading.Thread(target=other))
        threads[0].start()
        wait_for_a_lock(unused.engine)
        return gone

    monkeypatch.setattr(collecting, "_remove", and_meanwhile_somebody_imports)
    assert unused.night() == 1
    threads[0].join()
    assert found == [fresh.id]
    assert {each.rpartition("/")[0] for each in keys(unused.store)} == {fresh.folder}


@on_postgres
def test_two_nights_at_once_are_one(
    unused: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the first at work and leaves it alone; what was due is gone once."""
    others, remove = [], collecting._remove

    def and_another_night_comes(*given: Any) -> bool:
        others.append(unused.night())
        return remove(*given)

    monkeypatch.setattr(collecting, "_remove", and_another_night_comes)
    assert unused.night() == 1
    assert others == [0]
    assert keys(unused.store) == set()
