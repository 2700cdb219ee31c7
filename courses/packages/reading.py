"""A stranger's archive read: whose it is, what would come in, and all that is wrong, in words.

Nothing is changed here. Whatever the format, what was understood is a ``PackagedCourse`` whose
members are the file's own; pictures and files are tried as they will be when they come in.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from courses.packages import banking, captioning
from courses.packages import document as documents
from courses.packages.document import BadPackage, PackagedCourse
from courses.packages.writing import SUMS
from media import files, reencoding
from media.errors import FileRefused, PictureRefused
from zhixin import archives
from zhixin.archives import GIB, MIB, Archive

#: Titles of the formats, for people.
FORMATS = {
    "zhixin": "知新课程包",
    "cartridge": "Common Cartridge",
    "ims": "IMS 内容包",
    "scorm12": "SCORM 1.2",
    "scorm2004": "SCORM 2004",
}
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
MOST_SUMS = 4 * MIB
MOST_REMARKS = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Bounds:
    """What one member may be, in bytes, by what becomes of it."""

    video: int
    file: int
    picture: int


@dataclass
class Found:
    """What was understood of an archive.

    Attributes:
        remarks: what was left out or has to be looked at, by place.
    """

    format: str
    document: PackagedCourse
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "document": self.document.model_dump(mode="json", exclude_defaults=True),
            "remarks": self.remarks[:MOST_REMARKS],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Found:
        told = {"format": documents.FORMAT, "version": documents.VERSION, **kept["document"]}
        return cls(kept["format"], PackagedCourse.model_validate(told), list(kept["remarks"]))


def limits(size: int, bounds: Bounds) -> archives.Limits:
    """What an archive of ``size`` bytes may hold: media hardly unpack to more than they are."""
    total = min(512 * MIB + 4 * size, 64 * GIB)
    return archives.Limits(entries=20_000, total=total, each=max(bounds.video, bounds.file))


def read(
    archive: Archive,
    bounds: Bounds,
    progress: Progress = lambda done, total: None,
    file_name: str = "",
) -> Found:
    """Understand an archive.

    Args:
        file_name: what a course is called whose package does not say.

    Raises:
        BadPackage: it holds no course that we take. BadArchive: it is damaged.
    """
    if documents.MEMBER in archive:
        found = _own(archive, progress)
        _try(archive, found.document, bounds)
        return found
    from courses.packages import foreign  # builds on this module

    return foreign.read(archive, bounds, progress, file_name)


def _own(archive: Archive, progress: Progress) -> Found:
    sums = _sums(archive)
    total, done = sum(member.size for member in archive.members.values()), 0
    for name, wanted in sums.items():
        digest = hashlib.sha256()
        for piece in archive.stream(name):
            digest.update(piece)
            done += len(piece)
            progress(done, total)
        if digest.hexdigest() != wanted:
            raise BadPackage(f"“{name}”与校验值不符，文件在传输中损坏或被改动")
    found = documents.read(archive.read(documents.MEMBER, most=documents.MOST_BYTES))
    lacking = found.members() - sums.keys()
    if lacking:
        raise BadPackage(f"course.json 提到的“{min(lacking)}”不在压缩包中")
    if surplus := sums.keys() - found.members() - {documents.MEMBER}:
        raise BadPackage(f"压缩包中的“{min(surplus)}”没有被课程用到")
    return Found("zhixin", found)


def _sums(archive: Archive) -> dict[str, str]:
    if SUMS not in archive:
        raise BadPackage(f"压缩包中没有校验值清单 {SUMS}")
    try:
        text = archive.read(SUMS, most=MOST_SUMS).decode()
    except UnicodeDecodeError:
        raise BadPackage(f"校验值清单 {SUMS} 无法读取") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in sums:
            raise BadPackage(f"校验值清单 {SUMS} 的第 {number} 行有误")
        sums[found[2]] = found[1]
    if unlisted := set(archive.names) - sums.keys() - {SUMS}:
        raise BadPackage(f"“{min(unlisted)}”不在校验值清单 {SUMS} 中")
    if absent := sums.keys() - set(archive.names):
        raise BadPackage(f"校验值清单中的“{min(absent)}”不在压缩包中")
    return sums


def _try(archive: Archive, document: PackagedCourse, bounds: Bounds) -> None:
    """Everything beside the text, as it will be taken: a fault is told before anything is made."""
    for unit in document.units():
        if unit.video and archive.members[unit.video.member].size > bounds.video:
            raise BadPackage(f"“{unit.title}”的视频超过了允许的大小")
        if unit.file and (fault := file_fault(archive, unit.file.member, unit.file.name, bounds)):
            raise BadPackage(f"“{unit.title}”的文件不能使用：{fault}")
        for each in unit.captions:
            if fault := captioning.fault(archive, each.member):
                raise BadPackage(f"“{unit.title}”的字幕“{each.label}”不能使用：{fault}")
    if lacking := banking.shortages(document, banking.read(archive, document)):
        raise BadPackage("；".join(lacking[:5]), problems=lacking[: documents.MOST_SAID])
    for picture in document.pictures:
        if fault := picture_fault(archive, picture.member, bounds):
            raise BadPackage(f"“{picture.member}”不能使用：{fault}")


def file_fault(archive: Archive, member: str, name: str, bounds: Bounds) -> str | None:
    """Why a member can't be a file to be taken home; None: it can."""
    size = archive.members[member].size
    if size == 0 or size > bounds.file:
        return FileRefused("file-empty" if size == 0 else "file-too-large").message
    start = b""
    for piece in archive.stream(member):
        start = piece
        break
    try:
        files.kind_of(name or posixpath.basename(member), start[:4096])
    except FileRefused as refused:
        return refused.message
    return None


def picture_fault(archive: Archive, member: str, bounds: Bounds) -> str | None:
    """Why a member can't be a picture; None: it can."""
    if archive.members[member].size > bounds.picture:
        return PictureRefused("picture-too-large").message
    try:
        reencoding.encode(archive.read(member))
    except PictureRefused as refused:
        return refused.message
    return None
