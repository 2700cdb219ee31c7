"""A course made of what was read: everything or nothing, always a new draft of its importer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from assessments import drafting
from assessments.banks.writing import Written
from courses import fields, kinds, outlines
from courses.courseware import keeping
from courses.courseware.models import Courseware
from courses.models import Chapter, Course, Unit, Waiting
from courses.packages import banking, captioning, naming
from courses.packages.document import BadPackage, Held, PackagedCourse, renamed
from courses.packages.reading import Bounds
from courses.snapshots import FACTS
from media import files, intake, pictures, reencoding
from media.errors import PictureRefused
from media.file_models import Attachment, Picture
from media.models import Asset
from media.storage import MediaStore
from zhixin import clock
from zhixin.archives import Archive
from zhixin.errors import Invalid


@dataclass(frozen=True)
class Drawn:
    """A picture as it was sent and as it will be kept."""

    sent: Path
    kept: Path
    media_type: str
    width: int
    height: int

    def encoded(self) -> reencoding.Encoded:
        return reencoding.Encoded(self.media_type, self.kept.read_bytes(), self.width, self.height)


@dataclass(frozen=True)
class Unpacked:
    """What stands beside the text, on this machine: pictures encoded anew, captions as JSON, the
    questions of banks, the rest as it came."""

    pictures: Mapping[str, Drawn]  # by the package's id
    files: Mapping[str, Path]  # by member
    captions: Mapping[str, Path] = field(default_factory=dict)  # by member
    banks: Sequence[Sequence[Written]] = ()  # as the document lists them


@dataclass(frozen=True)
class Brought:
    """The same, with all bytes in the vault: rows that are not in the database yet."""

    pictures: Mapping[str, Picture]  # by the package's id
    files: Mapping[Held, Attachment]
    videos: Mapping[str, Asset]  # by member: the same one in two units is one video, as it was
    courseware: Mapping[str, Courseware]  # by the package's id
    captions: Mapping[str, Path]
    banks: Sequence[Sequence[Written]]


@dataclass(frozen=True)
class Maker:
    """For whom, and where to.

    Attributes:
        field_code: the field of the city's list; a package's own need not be in it.
    """

    store: MediaStore
    owner_id: int
    field_code: str
    bounds: Bounds


def unpack(
    archive: Archive,
    document: PackagedCourse,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Unpacked:
    """All that takes long, before the transaction. ``folder`` is the caller's, to be removed.

    Raises:
        BadPackage, BadArchive: something can't be used after all.
    """
    shown: dict[str, Drawn] = {}
    words = {each.member for unit in document.units() for each in unit.captions}
    held = {each.member for unit in document.units() for each in unit.media()}
    held |= {member for each in document.courseware for member in each.files.values()}
    total, done = len(held) + len(document.pictures), 0
    for picture in document.pictures:
        sent = archive.read(picture.member)
        try:
            encoded = reencoding.encode(sent)
        except PictureRefused as refused:
            raise BadPackage(f"“{picture.member}”不能使用：{refused.message}") from None
        paths = folder / f"sent-{done}", folder / f"kept-{done}"
        paths[0].write_bytes(sent)
        paths[1].write_bytes(encoded.content)
        shown[picture.id] = Drawn(*paths, encoded.media_type, encoded.width, encoded.height)
        progress(done := done + 1, total)
    written: dict[str, Path] = {}
    for at, member in enumerate(sorted(held)):
        path = folder / str(at)  # a name of ours: the stranger's is for showing only
        with path.open("xb") as file:
            for piece in archive.stream(member):
                file.write(piece)
                progress(done, total)
        written[member] = path
        progress(done := done + 1, total)
    read = {}
    for at, member in enumerate(sorted(words)):
        read[member] = folder / f"captions-{at}"
        captioning.unpack(archive, member, read[member])
        progress(done, total)
    banks = banking.read(archive, document)
    for question in chain.from_iterable(banks):
        question.prepare()
        progress(done, total)
    return Unpacked(shown, written, read, banks)


def bring(maker: Maker, document: PackagedCourse, unpacked: Unpacked, now: datetime) -> Brought:
    """All bytes into the vault, which may be far away, before the transaction. What no row speaks
    of in the end, a night removes (:mod:`media.collecting`).

    Raises:
        FileRefused, PictureRefused, MediaRejected, OutOfSpace: something can't be kept.
    """
    store, owner_id, bounds = maker.store, maker.owner_id, maker.bounds
    videos: dict[str, Asset] = {}
    attachments: dict[Held, Attachment] = {}
    for unit in document.units():
        if (film := unit.video) and film.member not in videos:
            videos[film.member] = intake.bring(
                store, owner_id, unpacked.files[film.member], file_name=film.name,
                max_bytes=bounds.video, now=now,
            )  # fmt: skip
        if (held := unit.file) and held not in attachments:
            attachments[held] = files.bring(
                store, owner_id, unpacked.files[held.member], file_name=held.name or held.member,
                max_bytes=bounds.file, now=now,
            )  # fmt: skip
    return Brought(
        {
            id: pictures.bring(
                store, owner_id, drawn.sent.read_bytes(), max_bytes=bounds.picture, now=now,
                encoded=drawn.encoded(),
            )
            for id, drawn in unpacked.pictures.items()
        },
        attachments,
        videos,
        {
            each.id: keeping.bring(
                store, owner_id, each.edition,
                {name: unpacked.files[member] for name, member in each.files.items()}, now,
            )
            for each in document.courseware
        },
        unpacked.captions,
        unpacked.banks,
    )  # fmt: skip


def make(
    session: Session,
    maker: Maker,
    document: PackagedCourse,
    brought: Brought,
    now: datetime,
    remarks: list[str] | None = None,
) -> Course:
    """The course with all that belongs to it.

    Args:
        remarks: takes what this installation does not know, in words.

    Raises:
        Invalid: the field is none of today's.
    """
    require_field(session, maker.field_code, now)
    told = document.course
    course = Course(
        owner_id=maker.owner_id,
        revision=0,
        created_at=now,
        updated_at=now,
        **{name: getattr(told, name) for name in FACTS} | {"field_code": maker.field_code},
    )
    session.add(course)
    session.flush()
    store = maker.store
    names = {id: pictures.keep(session, store, each).id for id, each in brought.pictures.items()}
    attachments = {
        held: files.keep(session, store, each).id for held, each in brought.files.items()
    }
    videos = {member: intake.keep(session, each).id for member, each in brought.videos.items()}
    packages = {
        id: keeping.keep(session, store, each).id for id, each in brought.courseware.items()
    }
    banks = [
        banking.lay_down(session, maker.owner_id, maker.field_code, bank, questions, names, now)
        for bank, questions in zip(document.banks, brought.banks, strict=True)
    ]
    made: dict[str, Unit] = {}
    for at, chapter in enumerate(document.chapters):
        home = Chapter(course_id=course.id, position=at, title=chapter.title, units=[])
        session.add(home)
        session.flush()
        for place, unit in enumerate(chapter.units):
            made[unit.id] = Unit(
                chapter_id=home.id,
                position=place,
                kind=unit.kind,
                title=unit.title,
                body=renamed(unit.body, names),
                required=unit.required and kinds.of(unit.kind).may_be_asked,
                asset_id=videos[unit.video.member] if unit.video else None,
                checks=[each.model_dump(mode="json", exclude_none=True) for each in unit.checks]
                or None,
                chapter_marks=[mark.model_dump(mode="json") for mark in unit.chapter_marks] or None,
                file_id=attachments[unit.file] if unit.file else None,
                paper_id=_paper(session, maker, unit.paper, names, banks, now),
                courseware_id=packages[unit.courseware] if unit.courseware else None,
                launch=unit.launch,
                starts_at=unit.starts_at,
                minutes=unit.minutes,
                address=unit.address,
                waits=[],
            )
            session.add(made[unit.id])
    session.flush()
    for unit in document.units():
        if unit.captions:
            captioning.lay_down(
                session, made[unit.id].asset_id, unit.captions, brought.captions, now
            )
        made[unit.id].waits = [Waiting(for_id=made[key].id) for key in sorted(set(unit.after))]
    unknown = naming.lay_down(session, course, document)
    if remarks is not None:
        remarks += unknown
    outlines.reload(session, course)
    return course


def require_field(session: Session, code: str, now: datetime) -> None:
    """Raises:
    Invalid: the field is not in today's list.
    """
    if code not in {each.code for each in fields.valid(session, clock.local(now).date())}:
        raise Invalid("请选择课程所属的领域", code="field-needed")


def _paper(
    session: Session,
    maker: Maker,
    document: dict[str, Any] | None,
    names: Mapping[str, str],
    banks: Sequence[int],
    now: datetime,
) -> int | None:
    if document is None:
        return None
    if plan := document.get("blueprint"):
        document = {**document, "blueprint": {**plan, "bank": banks[plan["bank"] - 1]}}
    paper = drafting.create(session, owner_id=maker.owner_id, title=document["title"], now=now)
    saved = drafting.save(
        session, paper.id, maker.owner_id, renamed(document, names), paper.revision, now
    )
    return saved.id
