"""What kinds of unit there are: each one's words, icon, needs and rule of completion, in one place.

A new kind is a member of ``UnitKind`` (with a migration of ``ck_unit_kind_known``), a row here,
``templates/learning/<kind>.html`` and its part of ``templates/studio/unit.html``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from courses.models import UnitKind


class Completion(StrEnum):
    """When a unit is done."""

    WATCHED = "watched"  # the policy's part of the video is confirmed
    PASSED = "passed"  # the paper was passed
    READ = "read"  # the learner said so, having opened it
    NEVER = "never"  # it is offered and asks for nothing


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of unit.

    Attributes:
        word: what it is called. icon, to_do: its icon in outlines, and before it is done.
        completion: when it is done; what is never done is never asked for, and nothing waits
            for it.
        needs: what a frozen unit of this kind must hold (fields of ``documents.Unit``).
        written: its author writes a text for it; ``paper``: it brings a paper of questions.
        addable: it can be begun empty; courseware comes with its package.
    """

    word: Any
    icon: str
    completion: Completion
    needs: tuple[str, ...]
    to_do: str = ""
    written: bool = False
    paper: bool = False
    addable: bool = True

    @property
    def may_be_asked(self) -> bool:
        return self.completion is not Completion.NEVER


KINDS: Mapping[UnitKind, Kind] = {
    UnitKind.VIDEO: Kind(
        _l("视频"), "monitor-play", Completion.WATCHED, ("asset_id", "duration_ms"), to_do="play"
    ),
    UnitKind.PAGE: Kind(_l("图文"), "file-text", Completion.READ, ("body",), written=True),
    UnitKind.FILE: Kind(
        _l("文件"), "download", Completion.READ, ("file_id", "file_name"), written=True
    ),
    UnitKind.QUIZ: Kind(
        _l("测验"), "list-checks", Completion.PASSED, ("paper_version_id",), paper=True
    ),
    UnitKind.PRACTICE: Kind(
        _l("练习"), "pencil", Completion.NEVER, ("paper_version_id",), paper=True
    ),
    UnitKind.LIVE: Kind(
        _l("直播"),
        "video",
        Completion.NEVER,
        ("starts_at", "minutes", "address"),
        written=True,
    ),
    # The courseware says when it is done: as good as a learner's own word, and no better.
    UnitKind.SCORM: Kind(
        _l("互动课件"), "layout-list", Completion.READ, ("courseware_id", "launch"), addable=False
    ),
}  # fmt: skip


def of(kind: str) -> Kind:
    return KINDS[UnitKind(kind)]


def icon(kind: str, *, to_do: bool = False) -> str:
    """The icon's name; ``to_do``: as it stands before a unit that is not done."""
    found = of(kind)
    return (to_do and found.to_do) or found.icon


def word(kind: str) -> str:
    return str(of(kind).word)
