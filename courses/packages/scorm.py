"""SCORM 1.2 and 2004: each launchable part of the package becomes a unit that plays it.

Parts that say nothing (assets) become pages, files and videos as in any IMS package; what the
package says of times and scores while it is played is a claim (see :mod:`courses.courseware`).
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from courses.courseware import keeping
from courses.courseware.models import Edition
from courses.packages import cartridge
from courses.packages.building import Builder, plain
from courses.packages.cartridge import Cartridge
from courses.packages.document import BadPackage
from courses.packages.manifest import NAME, Manifest, Resource
from courses.packages.reading import Bounds, Found, Progress
from zhixin.archives import MIB, Archive

#: What describes the package and is no part of what is played.
_SCHEMAS = re.compile(r"(?i)\.(xsd|dtd)$")
_PARAMETERS = re.compile(r"[!-~\u00a0-\uffff]{1,400}")


def is_one(manifest: Manifest) -> bool:
    return "scorm" in manifest.schema.lower() or any(
        resource.scorm in ("sco", "asset") for resource in manifest.resources.values()
    )


def edition(manifest: Manifest) -> Edition:
    """By what the package says of itself; SCORM 2004 calls itself that, or CAM 1.3."""
    said = manifest.version.lower()
    return Edition.SCORM_2004 if "2004" in said or "1.3" in said else Edition.SCORM_12


class _Package(Cartridge):
    def __init__(self, archive: Archive, manifest: Manifest, bounds: Bounds) -> None:
        super().__init__(archive, manifest, bounds)
        self.files: dict[str, str] = {}

    def resource(self, title: str, resource: Resource | None, parameters: str = "") -> None:
        if resource is None or resource.scorm != "sco" or resource.member is None:
            super().resource(title, resource, parameters)
            return
        self.taken.add(resource.id)
        launch = posixpath.relpath(resource.member, self.manifest.root or ".")
        _name, mark, own = resource.named.partition("?")
        self.builder.unit(
            "scorm", title, courseware="c1", launch=launch + _joined(mark + own, parameters)
        )
        if not self.files:
            self.files = _files(self.archive, self.manifest)


def _joined(own: str, more: str) -> str:
    """The parameters of a resource and of its item (SCORM 1.2 CAM 2.3.2: "?", "&" or neither)."""
    more = more.strip()
    if more and not _PARAMETERS.fullmatch(more):
        more = ""
    if not more or more.startswith("#"):
        return own + more
    more = more.lstrip("?&")
    return f"{own}&{more}" if "?" in own else f"{own}?{more}"


def _files(archive: Archive, manifest: Manifest) -> dict[str, str]:
    """Members by their names in the package.

    Raises:
        BadPackage: they are too many, or too large.
    """
    home = f"{manifest.root}/" if manifest.root else ""
    files = {
        name.removeprefix(home): name
        for name in archive.names
        if name.startswith(home) and name != home + NAME and not _SCHEMAS.search(name)
    }
    if len(files) > keeping.MOST_FILES:
        raise BadPackage(f"课件的文件超过 {keeping.MOST_FILES} 个")
    if sum(archive.members[name].size for name in files.values()) > keeping.MOST_BYTES:
        raise BadPackage(f"课件超过 {keeping.MOST_BYTES // MIB} MiB")
    return files


def read(
    archive: Archive, manifest: Manifest, bounds: Bounds, progress: Progress, file_name: str = ""
) -> Found:
    """Raises:
    BadPackage: there is nothing in it that we take.
    """
    package = _Package(archive, manifest, bounds)
    cartridge.outline(package, progress, file_name)
    if not manifest.items:
        for each in manifest.resources.values():
            if each.scorm:
                package.resource(posixpath.basename(each.named), each)
    builder: Builder = package.builder
    kind = edition(manifest)
    if package.files:
        told: dict[str, Any] = {"id": "c1", "edition": kind, "files": package.files}
        builder.courseware.append(told)
        builder.remark("", "互动课件的学习记录由课件自报，不计学时；要计学时的内容请另配视频")
    if manifest.sequenced:
        builder.remark("", "课件的排序、先修和导航规则没有导入，请用“先修”设定")
    format = "scorm2004" if kind == Edition.SCORM_2004 else "scorm12"
    return builder.whole(cartridge.titled(manifest, file_name), plain(manifest.description), format)
