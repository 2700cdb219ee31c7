"""Packages of other systems: which one it is, and who reads it."""

from __future__ import annotations

from courses.packages import cartridge, manifest, scorm
from courses.packages.document import MEMBER, BadPackage
from courses.packages.reading import Bounds, Found, Progress
from zhixin.archives import Archive


def read(archive: Archive, bounds: Bounds, progress: Progress, file_name: str) -> Found:
    """Raises:
    BadPackage: it is no package that we know, or there is nothing in it that we take.
    """
    place = manifest.place(archive)
    if place is None:
        raise BadPackage(
            f"压缩包中既没有 {MEMBER} 也没有 {manifest.NAME}：不是课程包、Common Cartridge、IMS 或 SCORM 包"
        )
    found = manifest.read(archive, place)
    if scorm.is_one(found):
        return scorm.read(archive, found, bounds, progress, file_name)
    return cartridge.read(archive, found, bounds, progress, file_name)
