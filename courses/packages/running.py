"""Packages at work: claimed by one job at a time, found again by a sweeper, forgotten in time.

Reading and writing hold no transaction; a course is made in one.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, undefer

from courses import authors, editing
from courses.models import Course
from courses.packages import making, reading, writing
from courses.packages.models import WORKED_ON, CoursePackage, PackageState, Way
from courses.packages.reading import Bounds, Found
from media import names
from media.storage import MediaStore
from zhixin import archives, db, sandbox
from zhixin.config import Settings
from zhixin.db import Database
from zhixin.errors import Conflict, DomainError, NotAllowed, NotFound

MOST_WAITING = 3
MOST_TRIES = 3
DEAD_AFTER = timedelta(minutes=2)
_REPORT_EVERY_S = 1.0
#: Alive, though a bucket takes its time: well within ``DEAD_AFTER``.
_BEAT_EVERY_S = 20.0


class TooManyPackages(Conflict):
    """An author has several packages that are at work."""

    code = "too-many-packages"
    title = "正在处理的课程包过多，请等它们完成"


@dataclass(frozen=True)
class Place:
    """Where packages lie, and what they may hold."""

    store: MediaStore
    scratch: Path
    bounds: Bounds
    keep: timedelta

    @classmethod
    def of(cls, settings: Settings, store: MediaStore) -> Place:
        bounds = Bounds(settings.max_upload_bytes, settings.file_bytes, settings.picture_bytes)
        return cls(store, settings.scratch_dir, bounds, timedelta(days=settings.package_days))


def export(
    session: Session,
    place: Place,
    course_id: int,
    person_id: int,
    number: int | None,
    now: datetime,
) -> CoursePackage:
    """Ask for a course as an archive.

    Raises:
        NotFound: not this person's, or no such version. NotAllowed: they may only read it: an
        archive holds the keys of its questions. TooManyPackages: others of theirs are at work.
    """
    course = may_export(session, course_id, person_id, number)
    name = f"{course.title[:80]}{f'（第{number}版）' if number else ''}.zip"
    made = _new(place, person_id, now, way=Way.EXPORT, course_id=course_id, version_number=number,
                file_name=names.shown(name, "course.zip"), size_bytes=0)  # fmt: skip
    return begin(session, made)


def may_export(session: Session, course_id: int, person_id: int, number: int | None) -> Course:
    """The course, if this person may have it as an archive. Raises: as :func:`export`."""
    course = editing.get(session, course_id, person_id)
    if not authors.may_edit(session, course, person_id):
        raise NotAllowed("您可以查看这门课程，但不能导出")
    if number is not None:
        writing.version_of(session, course_id, number)
    return course


def receive(
    place: Place, person_id: int, path: Path, file_name: str, now: datetime
) -> CoursePackage:
    """An archive that is to be read into the vault, outside any transaction; ``path`` is a local
    file, which stays. What is returned is for :func:`begin`; without that, :func:`forget` removes
    the bytes.

    Raises:
        BadArchive: it is none. OutOfSpace: there is no room.
    """
    size = path.stat().st_size
    if not archives.is_zip(path):
        raise archives.BadArchive("这个文件不是 zip 压缩包；课程包要用 zip 格式（不是 rar、7z）")
    with archives.open(path, reading.limits(size, place.bounds)):
        pass
    place.store.require_space(size)
    received = _new(place, person_id, now, way=Way.IMPORT, size_bytes=size,
                    file_name=names.shown(file_name, "course.zip"))  # fmt: skip
    place.store.vault.put(received.key, path)
    return received


def require_turn(session: Session, person_id: int) -> None:
    """Raises:
    TooManyPackages: others of this author's are at work.
    """
    waiting = sa.select(sa.func.count()).where(
        CoursePackage.owner_id == person_id, CoursePackage.state.in_(WORKED_ON)
    )
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise TooManyPackages


def begin(session: Session, package: CoursePackage) -> CoursePackage:
    """From now on it waits for a job.

    Raises:
        TooManyPackages: others of this author's are at work.
    """
    require_turn(session, package.owner_id)
    session.add(package)
    session.flush()
    return package


def _new(place: Place, person_id: int, now: datetime, **facts: Any) -> CoursePackage:
    return CoursePackage(
        id=secrets.token_hex(16),
        owner_id=person_id,
        state=PackageState.WAITING,
        beat_at=now,
        created_at=now,
        expires_at=now + place.keep,
        **facts,
    )


def get(session: Session, package_id: str, person_id: int) -> CoursePackage:
    """One's own package, with what is known of it.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = session.get(
        CoursePackage,
        package_id,
        options=[undefer(CoursePackage.result)],
        populate_existing=True,
    )
    if found is None or found.owner_id != person_id:
        raise NotFound("没有这个课程包，或已过保存期限")
    return found


def of_owner(session: Session, person_id: int) -> Sequence[CoursePackage]:
    """An author's packages, the newest first."""
    return session.scalars(
        sa.select(CoursePackage)
        .where(CoursePackage.owner_id == person_id)
        .order_by(CoursePackage.created_at.desc(), CoursePackage.id)
    ).all()


def accept(session: Session, package: CoursePackage, field_code: str, now: datetime) -> None:
    """The author wants the course; a job makes it.

    Raises:
        Invalid: no field of today's was chosen. Conflict: it was asked for before, or is not read.
    """
    making.require_field(session, field_code, now)
    changed = session.execute(
        sa.update(CoursePackage)
        .where(
            CoursePackage.id == package.id,
            CoursePackage.way == Way.IMPORT,
            CoursePackage.state == PackageState.READY,
        )
        .values(
            state=PackageState.ACCEPTED, field_code=field_code, done=0, total=None, tries=0,
            beat_at=now,
        )
    )  # fmt: skip
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这个课程包已经导入，或还没有读完", code="package-not-ready")


def stranded(session: Session, now: datetime) -> Sequence[str]:
    """Packages that wait for a job, or whose job is dead."""
    return session.scalars(
        sa.select(CoursePackage.id).where(_free(now)).order_by(CoursePackage.created_at)
    ).all()


def forget(session: Session, place: Place, now: datetime) -> None:
    """Packages past their time, with their files; files that no row speaks of, of a day ago."""
    past = sa.select(CoursePackage).where(
        CoursePackage.expires_at < now, CoursePackage.state.not_in(WORKED_ON)
    )
    # Not one that its author accepts in this moment; the files go after the commit.
    for package in session.scalars(past.with_for_update(skip_locked=True)).all():
        db.after_commit(session, partial(place.store.vault.remove, package.key))
        session.delete(package)
    known = set(session.scalars(sa.select(CoursePackage.id)))
    for kept in list(place.store.vault.list("packages")):
        if kept.since < now - timedelta(days=1) and kept.key.rpartition("/")[2] not in known:
            place.store.vault.remove(kept.key)


def run(database: Database, place: Place, package_id: str, now: Callable[[], datetime]) -> None:
    """Do what a package waits for, unless somebody does."""
    claim = secrets.token_hex(8)
    with database.transaction() as session:
        taken = session.execute(
            sa.update(CoursePackage)
            .where(CoursePackage.id == package_id, _free(now()))
            .values(
                state=sa.case(
                    (
                        CoursePackage.state.in_([PackageState.WAITING, PackageState.WORKING]),
                        PackageState.WORKING.value,
                    ),
                    else_=PackageState.MAKING.value,
                ),
                claim=claim,
                beat_at=now(),
                done=0,
                tries=CoursePackage.tries + 1,
            )
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return
        package = session.get_one(
            CoursePackage, package_id, options=[undefer(CoursePackage.result)]
        )
        session.expunge(package)
    keeper = _Keeper(database, package_id, claim, now)
    if package.tries > MOST_TRIES:
        keeper.end(state=PackageState.FAILED, failure="处理没有完成，请稍后重试或联系管理员")
        return
    try:
        with keeper.alive():
            if package.way == Way.EXPORT:
                _export(database, place, package, keeper)
            elif package.state == PackageState.WORKING:
                _read(place, package, keeper)
            else:
                _make(database, place, package, keeper, now)
    except _Lost:
        return
    except DomainError as error:
        keeper.end(state=PackageState.FAILED, failure=error.message[:500])
    except FileNotFoundError:
        keeper.end(state=PackageState.FAILED, failure="课程包的文件已不在，请重新上传或导出")


def _export(database: Database, place: Place, package: CoursePackage, keeper: _Keeper) -> None:
    assert package.course_id is not None
    with database.session(writes=False) as session:
        gathered = writing.gather(
            session, place.store, package.course_id, package.owner_id, package.version_number
        )
    place.store.require_space(gathered.size)
    keeper.total = gathered.size
    with sandbox.scratch(place.scratch) as folder:
        into = folder / "course.zip"
        writing.write(gathered, into, lambda done: keeper.progress(done, gathered.size))
        place.store.vault.put(package.key, into)
        size = into.stat().st_size
    remarks = {"remarks": gathered.remarks}
    keeper.end(state=PackageState.READY, result=remarks, size_bytes=size)


def _read(place: Place, package: CoursePackage, keeper: _Keeper) -> None:
    with (
        place.store.vault.local(package.key, place.scratch) as path,
        archives.open(path, reading.limits(package.size_bytes, place.bounds)) as archive,
    ):
        found = reading.read(archive, place.bounds, keeper.progress, package.file_name)
    keeper.end(state=PackageState.READY, result=found.to_json())


def _make(
    database: Database,
    place: Place,
    package: CoursePackage,
    keeper: _Keeper,
    now: Callable[[], datetime],
) -> None:
    assert package.result is not None
    found = Found.from_json(package.result)
    maker = making.Maker(place.store, package.owner_id, package.field_code or "", place.bounds)
    with (
        place.store.vault.local(package.key, place.scratch) as path,
        archives.open(path, reading.limits(package.size_bytes, place.bounds)) as archive,
        sandbox.scratch(place.scratch) as folder,
    ):
        place.store.require_space(
            sum(archive.members[each].size for each in found.document.members())
        )
        unpacked = making.unpack(archive, found.document, folder, keeper.progress)
        brought = making.bring(maker, found.document, unpacked, now())
        with database.transaction() as session:
            course = making.make(
                session, maker, found.document, brought, now(), remarks=found.remarks
            )
            made = {"course_id": course.id, "result": found.to_json()}
            if not keeper.end_in(session, state=PackageState.MADE, **made):
                raise _Lost  # another makes it: nothing of this one stays


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        CoursePackage.state.in_([PackageState.WAITING, PackageState.ACCEPTED]),
        sa.and_(
            CoursePackage.state.in_([PackageState.WORKING, PackageState.MAKING]),
            CoursePackage.beat_at < now - DEAD_AFTER,
        ),
    )


class _Lost(Exception):
    """Another job took over."""


class _Keeper:
    """Tells how far the work is, and notices when another took over."""

    def __init__(
        self, database: Database, package_id: str, claim: str, now: Callable[[], datetime]
    ) -> None:
        self._database, self._id, self._claim, self._now = database, package_id, claim, now
        self._reported = time.monotonic()
        self.total = 0

    def progress(self, done: int, total: int) -> None:
        if time.monotonic() - self._reported < _REPORT_EVERY_S:
            return
        self._reported = time.monotonic()
        if not self.end(done=done, total=total):
            raise _Lost

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Keep the claim meanwhile, also through what reports nothing: a large file on its way
        to a bucket, the course on its way into the database."""
        over = threading.Event()
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self._beat, over)
            try:
                yield
            finally:
                over.set()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(_BEAT_EVERY_S):
            with suppress(OperationalError):  # SQLite, while the course is made: nobody else writes
                self.end()

    def end(self, **values: Any) -> bool:
        with self._database.transaction() as session:
            return self.end_in(session, **values)

    def end_in(self, session: Session, **values: Any) -> bool:
        kept = session.execute(
            sa.update(CoursePackage)
            .where(
                CoursePackage.id == self._id,
                CoursePackage.claim == self._claim,
                CoursePackage.state.in_([PackageState.WORKING, PackageState.MAKING]),
            )
            .values(beat_at=self._now(), **values)
            .execution_options(synchronize_session=False)
        )
        return bool(kept.rowcount)  # type: ignore[attr-defined]
