"""What stands beside a course's text, gathered for an archive: named, and how each is opened."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from assessments import drafting
from assessments.banks import writing
from assessments.banks.writing import Written
from courses.courseware.models import Courseware as KeptCourseware
from courses.courseware.models import Edition
from courses.packages import banking, captioning
from courses.packages.document import (
    MOST_PICTURES,
    Courseware,
    Held,
    Picture,
    hotspots,
    renamed,
)
from courses.packages.parts import Bank, Captions
from media.file_models import Attachment
from media.file_models import Picture as KeptPicture
from media.models import Asset
from media.storage import MediaStore
from zhixin import richtext
from zhixin.errors import Conflict
from zhixin.people.models import Person

_ENDING = re.compile(r"\.([A-Za-z0-9]{1,8})$")
_SHOWN = re.compile(r"!\[([^\]\n]*)\]\(picture:([0-9a-f]{32})\)")
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}

Open = Callable[[], BinaryIO]


@dataclass
class Gatherer:
    """Takes along what stands beside the text, and names it in the archive.

    Attributes:
        person: who exports: keys of a bank go only to whom may read it.
    """

    session: Session
    store: MediaStore
    person: Person
    sources: dict[str, tuple[Open, int]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    #: Names in the archive by ids here; the numbers follow the order of appearance.
    pictures: dict[str, str] = field(default_factory=dict)
    shown: list[Picture] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    packages: dict[str, Courseware] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    shelves: banking.Shelves = field(init=False)

    def __post_init__(self) -> None:
        self.shelves = banking.Shelves(self.session, self.person)

    def video(self, asset_id: int | None, title: str) -> Held | None:
        asset = self.session.get(Asset, asset_id) if asset_id else None
        if asset is None:
            return None
        try:
            size = self.store.vault.size(asset.source)
        except FileNotFoundError:
            self.remarks.append(f"“{title}”的原始视频文件已不在，没有放入课程包")
            return None
        source = partial(self.store.vault.open, asset.source), size
        return self._held("videos", f"video {asset.id}", asset.file_name, source)

    def file(self, file_id: str | None, title: str) -> Held | None:
        kept = self.session.get(Attachment, file_id) if file_id else None
        if kept is None:
            return None
        key, size = kept.key, kept.size_bytes
        return self._held(
            "files", f"file {kept.id}", kept.file_name, (lambda: self.store.vault.open(key), size)
        )

    def _held(self, folder: str, what: str, name: str, source: tuple[Open, int]) -> Held:
        if what not in self.held:
            ending = _ENDING.search(name)
            number = sum(each.member.startswith(folder) for each in self.held.values()) + 1
            member = f"{folder}/{number}{'.' + ending[1].lower() if ending else ''}"
            self.sources[member] = source
            self.held[what] = Held(member=member, name=name)
        return self.held[what]

    def captions(self, found: Iterable[captioning.Words]) -> tuple[Captions, ...]:
        """Each as a WebVTT file; the same words of the same video are the same member."""
        made = []
        for each in found:
            if each.key not in self.words:
                member = f"captions/{len(self.words) + 1}.{each.language}.vtt"
                content = each.content
                self.sources[member] = partial(io.BytesIO, content), len(content)
                self.words[each.key] = member
            member = self.words[each.key]
            made.append(
                Captions(
                    language=each.language, label=each.label, origin=each.origin, member=member
                )
            )
        return tuple(made)

    def package(self, courseware_id: str | None) -> str | None:
        """The number of a courseware, its files taken along."""
        if courseware_id is None:
            return None
        if courseware_id not in self.packages:
            kept = self.session.get_one(KeptCourseware, courseware_id)
            number = len(self.packages) + 1
            files: dict[str, str] = {}
            for place, (name, size) in enumerate(kept.files):
                ending = _ENDING.search(name)
                member = f"courseware/{number}/{place}{'.' + ending[1].lower() if ending else ''}"
                key = f"{kept.folder}/{place}"
                self.sources[member] = partial(self.store.vault.open, key), size
                files[name] = member
            self.packages[courseware_id] = Courseware(
                id=f"c{number}", edition=Edition(kept.edition), files=files
            )
        return self.packages[courseware_id].id

    def text(self, text: str, title: str) -> str:
        """A text with its pictures taken along; of one that is gone the words stay."""

        def one(found: re.Match[str]) -> str:
            if self._picture(found[2]):
                return found[0]
            self.remarks.append(f"“{title}”中有一张图片已不存在")
            return f"〔图片{'：' + found[1] if found[1] else ''}〕"

        for name in richtext.pictures(_SHOWN.sub(one, text)):
            self._picture(name)
        made: str = renamed(_SHOWN.sub(one, text), self.pictures)
        # What is written like a picture and is none would be missed at the other end.
        known = {each.id for each in self.shown}
        return richtext.PICTURE.sub(lambda m: m[0] if m[1] in known else "picture", made)

    def paper(self, document: Mapping[str, Any], title: str) -> dict[str, Any]:
        """A paper's document with its pictures; as it will be kept at the other end."""
        told = {**document}
        if document.get("blueprint"):
            told["blueprint"] = self.shelves.blueprint(document, title)
        questions = [
            self._question(question, title)
            for question in document["questions"]
            if self._pointed(question, title)
        ]
        passages = [
            {**each, "text": self.text(each["text"], title)}
            for each in document.get("passages", ())
        ]
        told["questions"] = questions
        if passages:
            told["passages"] = passages
        return drafting.Draft.from_document(told).to_document()

    def banks(self) -> list[tuple[Bank, list[Written]]]:
        """What the papers that were gathered draw from, each bank as a member."""
        made = []
        for number, (title, questions) in enumerate(self.shelves.banks(self._banked), 1):
            member, content = f"banks/{number}.json", banking.content(questions)
            self.sources[member] = partial(io.BytesIO, content), len(content)
            made.append((Bank(title=title, questions=len(questions), member=member), questions))
        return made

    def _banked(self, written: Written, title: str) -> Written | None:
        if not self._pointed(written.question, title):
            return None
        return writing.checked(
            self._question(written.question, title),
            point=written.point,
            difficulty=written.difficulty,
            passage=self.text(written.passage, title) if written.passage else None,
        )

    def _pointed(self, question: Mapping[str, Any], title: str) -> bool:
        """Whether the picture that a question asks to point at, if any, goes along."""
        if all(self._picture(each) for each in hotspots({"questions": [question]})):
            return True
        self.remarks.append(f"“{title}”中一道图中指点题的图片已不存在，没有放入课程包")
        return False

    def _question(self, question: Mapping[str, Any], title: str) -> dict[str, Any]:
        # Items stand in the order of ids that follow from their texts: those of the key first,
        # whose order says something, so that pictures are numbered alike wherever they are kept.
        key = question.get("correct", ())
        key = list(key) if isinstance(key, list | tuple) else []
        for part in ("left", "right", "items"):
            listed = question.get(part, ())
            for item in sorted(listed, key=lambda i: key.index(i["id"]) if i["id"] in key else 999):
                self.text(item["text"], title)
        made: dict[str, Any] = self._walked(question, title)
        if isinstance(made.get("picture"), str):
            made["picture"] = self.pictures[made["picture"]]
        return made

    def _walked(self, value: Any, title: str) -> Any:
        if isinstance(value, str):
            return self.text(value, title) if "picture:" in value else value
        if isinstance(value, Mapping):
            return {name: self._walked(each, title) for name, each in value.items()}
        return [self._walked(each, title) for each in value] if isinstance(value, list) else value

    def _picture(self, name: str) -> bool:
        if name in self.pictures:
            return True
        kept = self.session.get(KeptPicture, name)
        if kept is None:
            return False
        number = len(self.shown) + 1
        if number > MOST_PICTURES:
            raise Conflict(f"课程和题库的图片超过 {MOST_PICTURES} 张，课程包放不下")
        member = f"pictures/{number}.{_ENDINGS.get(kept.media_type, 'png')}"
        key, size = kept.key, kept.size_bytes
        self.sources[member] = (lambda: self.store.vault.open(key)), size
        self.shown.append(Picture(id=f"{number:032x}", member=member))
        self.pictures[name] = f"{number:032x}"
        return True
