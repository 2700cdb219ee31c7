"""What an archive says of a video's captions, and of what its course names from the registers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic import model_validator as check

from assessments.questions.base import wrong
from courses.registers import isbn
from media.caption_models import Origin
from media.captions import LANGUAGES

MemberName = Annotated[str, StringConstraints(min_length=1, max_length=800)]
#: Questions of all banks of a course, and papers that draw from them.
MOST_BANKED, MOST_DRAWN_PAPERS = 20_000, 200


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Captions(Part):
    """Captions of a unit's video: a WebVTT file beside the text.

    Attributes:
        origin: ``speech``: by an engine, and nobody has read them yet.
    """

    language: str
    label: Annotated[str, StringConstraints(max_length=60)] = ""
    origin: Origin = Origin.UPLOAD
    member: MemberName

    @check(mode="after")
    def _known(self) -> Self:
        if self.language not in LANGUAGES:
            raise wrong(f"不支持“{self.language[:20]}”字幕")
        return self


class Bank(Part):
    """A bank that papers draw from.

    Attributes:
        questions: how many it has; they stand in ``member`` (:mod:`courses.packages.banking`).
    """

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    questions: Annotated[int, Field(ge=1, le=MOST_BANKED)]
    member: MemberName

    @check(mode="after")
    def _named(self) -> Self:
        if not self.title.isprintable():
            raise wrong("题库名称含有无法显示的字符")
        return self


def several(captions: Iterable[Captions]) -> bool:
    """Whether a language has two of these."""
    languages = [each.language for each in captions]
    return len(set(languages)) < len(languages)


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Needed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Teacher(Part):
    """An expert as a course names them. The same elsewhere: the same name and unit."""

    name: Needed
    unit: Line = ""
    title: Line = ""

    def to_text(self) -> str:
        return "，".join(filter(None, (self.name, self.title, self.unit)))


class Textbook(Part):
    """A book that a course goes with. The same elsewhere: the same ISBN, or else the same title,
    publisher and edition."""

    title: Needed
    authors: Line = ""
    publisher: Line = ""
    isbn: str | None = None
    edition: Line = ""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    licence: Annotated[str, StringConstraints(max_length=300)] = ""

    @check(mode="after")
    def _whole(self) -> Self:
        if self.isbn is not None and isbn.read(self.isbn) != self.isbn:
            raise wrong(f"教材“{self.title[:40]}”的 ISBN 有误")
        return self

    def to_text(self) -> str:
        said = (self.authors, self.publisher, self.edition, str(self.year or ""))
        number = f"ISBN {self.isbn}" if self.isbn else ""
        return "，".join(filter(None, (f"《{self.title}》", *said, number)))
