"""A course into an archive: gathered from the database, then streamed member by member."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.exchange.html import escaped
from assessments.models import PaperVersion
from courses import conditions, documents, editing
from courses.models import Course, CourseVersion, UnitKind
from courses.packages import banking, captioning, naming
from courses.packages.document import MEMBER, Chapter, Facts, PackagedCourse, Unit
from courses.packages.gathering import Gatherer, Open
from courses.packages.parts import Teacher, Textbook
from courses.registers import attaching
from courses.snapshots import FACTS
from media.storage import MediaStore
from zhixin.errors import Conflict, NotFound
from zhixin.people.models import Person

#: Hashes of all members but itself, in the form that ``sha256sum -c`` reads.
SUMS = "SHA256SUMS"
CHUNK = 1024 * 1024
#: Every member's date: the same course is the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


@dataclass
class Gathered:
    """What is to be written.

    Attributes:
        sources: how each member beside the text is opened, and its size in bytes.
        remarks: what could not be taken along, in words.
    """

    document: PackagedCourse
    sources: dict[str, tuple[Open, int]]
    remarks: list[str]

    @property
    def size(self) -> int:
        return sum(size for _open, size in self.sources.values())


def of_draft(session: Session, store: MediaStore, course: Course, person: Person) -> Gathered:
    """The course as its authors have it now, for one of them; ``course`` as ``editing.get``
    gives it. Raises: as :func:`gather`."""
    gatherer = Gatherer(session, store, person)
    ids = {unit.id: f"u{at}" for at, unit in enumerate(conditions.units(course), 1)}

    def one(unit: Any) -> Unit:
        paper = drafting.get(session, unit.paper_id, course.owner_id) if unit.paper_id else None
        video = gatherer.video(unit.asset_id, unit.title)
        return Unit(
            id=ids[unit.id],
            kind=UnitKind(unit.kind),
            title=unit.title,
            body=gatherer.text(unit.body, unit.title),
            required=unit.required,
            after=tuple(sorted(ids[wait.for_id] for wait in unit.waits)),
            video=video,
            captions=gatherer.captions(captioning.of_draft(session, unit.asset_id))
            if video
            else (),
            checks=tuple(map(documents.VideoCheck.model_validate, unit.checks or ())),
            chapter_marks=tuple(
                map(documents.ChapterMark.model_validate, unit.chapter_marks or ())
            ),
            file=gatherer.file(unit.file_id, unit.title),
            paper=gatherer.paper(paper.document, unit.title) if paper else None,
            courseware=gatherer.package(unit.courseware_id),
            launch=unit.launch,
            starts_at=unit.starts_at,
            minutes=unit.minutes,
            address=unit.address,
        )

    chapters = tuple(
        Chapter(title=chapter.title, units=tuple(one(unit) for unit in chapter.units))
        for chapter in course.chapters
    )
    facts = Facts(**{name: getattr(course, name) for name in FACTS})
    named = attaching.teachers(session, course), attaching.textbooks(session, course)
    return _gathered(gatherer, facts, chapters, *naming.told(*named))


def of_version(
    session: Session, store: MediaStore, version: CourseVersion, person: Person
) -> Gathered:
    """A frozen version, as learners have it. Raises: as :func:`gather`."""
    document = documents.CourseDocument.from_text(version.document)
    gatherer = Gatherer(session, store, person)
    ids = {unit.key: f"u{at}" for at, unit in enumerate(document.units(), 1)}

    def one(unit: documents.Unit) -> Unit:
        frozen = session.get(PaperVersion, unit.paper_version_id) if unit.paper_version_id else None
        body = unit.body or ""
        video = gatherer.video(unit.asset_id, unit.title)
        return Unit(
            id=ids[unit.key],
            kind=unit.kind,
            title=unit.title,
            body=gatherer.text(body if unit.rich else escaped(body), unit.title),
            required=unit.required is not False,
            after=tuple(sorted(ids[key] for key in unit.after or ())),
            video=video,
            captions=gatherer.captions(captioning.of_version(session, unit)) if video else (),
            checks=unit.checks or (),
            chapter_marks=unit.chapter_marks or (),
            file=gatherer.file(unit.file_id, unit.title),
            paper=gatherer.paper(drafting.load(frozen).to_document(), unit.title)
            if frozen
            else None,
            courseware=gatherer.package(unit.courseware_id),
            launch=unit.launch,
            starts_at=unit.starts_at,
            minutes=unit.minutes,
            address=unit.address,
        )

    chapters = tuple(
        Chapter(title=chapter.title, units=tuple(one(unit) for unit in chapter.units))
        for chapter in document.chapters
    )
    facts = Facts(
        **{name: getattr(document, name) for name in FACTS if name != "rate_percent"},
        rate_percent=document.rate_percent or 100,
    )
    named = document.teachers or (), document.textbooks or ()
    return _gathered(gatherer, facts, chapters, *naming.told(*named))


def _gathered(
    gatherer: Gatherer,
    facts: Facts,
    chapters: tuple[Chapter, ...],
    teachers: tuple[Teacher, ...],
    textbooks: tuple[Textbook, ...],
) -> Gathered:
    banks = gatherer.banks()
    document = PackagedCourse(
        course=facts,
        chapters=chapters,
        teachers=teachers,
        textbooks=textbooks,
        pictures=tuple(gatherer.shown),
        courseware=tuple(gatherer.packages.values()),
        banks=tuple(bank for bank, _questions in banks),
    )
    if lacking := banking.shortages(document, [questions for _bank, questions in banks]):
        raise Conflict("；".join(lacking[:5]), code="paper-drawn")
    wanted = document.members()
    sources = {name: source for name, source in gatherer.sources.items() if name in wanted}
    return Gathered(document, sources, list(dict.fromkeys(gatherer.remarks)))


def gather(
    session: Session, store: MediaStore, course_id: int, person_id: int, number: int | None
) -> Gathered:
    """A course's draft, or its version ``number``, with the keys that this person may have.

    Raises:
        NotFound: there is none that they may edit. Conflict: a paper draws from a bank that they
        may not read, that lacks questions for it, or that is too large.
    """
    course, person = editing.get(session, course_id, person_id), session.get_one(Person, person_id)
    if number is None:
        return of_draft(session, store, course, person)
    return of_version(session, store, version_of(session, course_id, number), person)


def version_of(session: Session, course_id: int, number: int) -> CourseVersion:
    """Raises:
    NotFound: there is no such version.
    """
    version = session.scalar(
        sa.select(CourseVersion).where(
            CourseVersion.course_id == course_id, CourseVersion.number == number
        )
    )
    if version is None:
        raise NotFound("没有这个版本")
    return version


Progress = Callable[[int], None]


def write(gathered: Gathered, into: Path, progress: Progress = lambda done: None) -> None:
    """The archive as a file; the same course is the same bytes.

    Args:
        progress: told how many bytes of the members were read.

    Raises:
        OSError: the disk is full, or a member is gone.
    """
    sums: dict[str, str] = {}
    done = 0
    with zipfile.ZipFile(into, "w") as archive:
        sums[MEMBER] = _put(archive, MEMBER, gathered.document.to_bytes())
        for name in sorted(gathered.sources):
            opened, _size = gathered.sources[name]
            digest = hashlib.sha256()
            with opened() as source, archive.open(_info(name), "w", force_zip64=True) as member:
                for piece in _pieces(source):
                    digest.update(piece)
                    member.write(piece)
                    done += len(piece)
                    progress(done)
            sums[name] = digest.hexdigest()
        lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        _put(archive, SUMS, lines.encode())


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(CHUNK):
        yield piece


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
    info = _info(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
    return hashlib.sha256(content).hexdigest()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.external_attr = 0o100644 << 16
    info.create_system = 3
    return info
