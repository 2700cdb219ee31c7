"""Full-text search of published courses: Whoosh, with words cut by jieba.

The index is a cache of the database: ``sync`` makes it agree, from whatever state.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rjieba
import sqlalchemy as sa
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from whoosh import index
from whoosh.analysis import LowercaseFilter, Token, Tokenizer
from whoosh.fields import ID, TEXT, Schema
from whoosh.highlight import ContextFragmenter, HtmlFormatter
from whoosh.query import And, DisjunctionMax, NullQuery, Or, Query, Term

from courses.documents import CourseDocument
from courses.models import CourseVersion, VersionState

#: Title first, then who teaches, then all words of the outline and pages.
WEIGHTS = {"title": 6.0, "teacher": 4.0, "text": 1.0}
#: A dozen pages: who does not find it there asks anew.
MOST_HITS = 300
#: With fewer courses that have all the words, those with some of them follow.
FEW = 12
_opening = threading.Lock()


class ChineseTokenizer(Tokenizer):  # type: ignore[misc]
    """Words and the shorter words inside them, with their places for highlighting."""

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        start_pos: int = 0,
        start_char: int = 0,
        mode: str = "",
        **_options: Any,
    ) -> Iterator[Token]:
        # One shared token, as Whoosh's own tokenizers do: thousands are made a document.
        token = Token(positions, chars, mode=mode)
        words = sorted(rjieba.tokenize(value, "search"), key=lambda word: (word[1], word[2]))
        for position, (text, start, end) in enumerate(words):
            if not any(map(str.isalnum, text)):
                continue
            token.text = text
            token.original = text
            token.stopped = False
            token.boost = 1.0
            if positions:
                token.pos = start_pos + position
            if chars:
                token.startchar, token.endchar = start_char + start, start_char + end
            yield token


def _schema() -> Schema:
    analyzer = ChineseTokenizer() | LowercaseFilter()
    return Schema(
        course_id=ID(stored=True, unique=True),
        version_id=ID(stored=True),
        title=TEXT(analyzer=analyzer, stored=True, field_boost=WEIGHTS["title"], phrase=False),
        teacher=TEXT(analyzer=analyzer, stored=True, field_boost=WEIGHTS["teacher"], phrase=False),
        text=TEXT(analyzer=analyzer, stored=True, phrase=False),
    )


class Hit:
    """One found course with its words marked."""

    def __init__(self, course_id: int, title: Markup, excerpt: Markup) -> None:
        self.course_id, self.title, self.excerpt = course_id, title, excerpt


class CourseIndex:
    """The index in one folder; safe for many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: Any = None

    def _open(self) -> Any:
        with _opening:
            if self._index is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                exists = index.exists_in(str(self._folder))
                opener = index.open_dir if exists else index.create_in
                self._index = opener(str(self._folder), *(() if exists else (_schema(),)))
            return self._index

    def find(self, text: str) -> list[int]:
        """Ids of courses with all the words, best first; where these are few, with some."""
        with self._open().searcher() as searcher:
            found = [
                int(hit["course_id"]) for hit in searcher.search(_query(text, And), limit=MOST_HITS)
            ]
            if len(found) < FEW:
                some = searcher.search(_query(text, Or), limit=MOST_HITS)
                found = list(dict.fromkeys(found + [int(hit["course_id"]) for hit in some]))
            return found

    def mark(self, text: str, course_ids: Iterable[int]) -> dict[int, Hit]:
        """Titles and excerpts of these courses with the words of ``text`` marked."""
        wanted = {str(course_id) for course_id in course_ids}
        if not wanted:
            return {}
        with self._open().searcher() as searcher:
            only = Or([Term("course_id", course_id) for course_id in wanted])
            hits = searcher.search(_query(text, Or), filter=only, limit=len(wanted))
            hits.fragmenter = ContextFragmenter(maxchars=120, surround=30)
            hits.formatter = HtmlFormatter(
                tagname="mark", classname="", termclass="hit", between="…"
            )
            return {
                int(hit["course_id"]): Hit(
                    int(hit["course_id"]),
                    Markup(hit.highlights("title", top=1)) or escape(hit["title"]),  # noqa: S704 - escaped by the formatter
                    Markup(hit.highlights("text", top=2)),  # noqa: S704
                )
                for hit in hits
            }

    def indexed(self) -> dict[int, int]:
        """Course id → version id, of everything in the index."""
        with self._open().searcher() as searcher:
            return {
                int(stored["course_id"]): int(stored["version_id"])
                for stored in searcher.all_stored_fields()
            }

    def put(self, versions: Iterable[tuple[int, int, CourseDocument]], gone: Iterable[int]) -> None:
        """Write (course id, version id, document)s and remove courses, in one commit."""
        writer = self._open().writer(timeout=60)
        try:
            for course_id in gone:
                writer.delete_by_term("course_id", str(course_id))
            for course_id, version_id, document in versions:
                writer.update_document(
                    course_id=str(course_id),
                    version_id=str(version_id),
                    title=document.title,
                    teacher=" ".join(
                        [document.teacher, *(each.name for each in document.teachers or ())]
                    ),
                    text=_text(document),
                )
        except BaseException:
            writer.cancel()
            raise
        writer.commit()


def _query(text: str, group: type[And] | type[Or]) -> Query:
    """Words in any field, joined by ``group``. No query language: what people type is words."""
    tokens = (ChineseTokenizer() | LowercaseFilter())(text[:200])
    words = list(dict.fromkeys(token.text for token in tokens))[:40]
    if not words:
        return NullQuery
    return group([DisjunctionMax([Term(field, word) for field in WEIGHTS]) for word in words])


def _text(document: CourseDocument) -> str:
    parts = [document.summary, document.teacher, document.teacher_title]
    for named in document.teachers or ():
        parts += [named.name, named.title or "", named.unit or ""]
    parts += [book.title for book in document.textbooks or ()]
    for chapter in document.chapters:
        parts.append(chapter.title)
        for unit in chapter.units:
            parts += [unit.title, unit.body or ""]
    return "\n".join(part for part in parts if part)


def sync(session: Session, courses: CourseIndex) -> tuple[int, int]:
    """Make the index agree with the published versions; returns (written, removed)."""
    published = dict(
        session.execute(
            sa.select(CourseVersion.course_id, CourseVersion.id).where(
                CourseVersion.state == VersionState.PUBLISHED
            )
        ).all()
    )
    indexed = courses.indexed()
    gone = indexed.keys() - published.keys()
    stale = [v for c, v in published.items() if indexed.get(c) != v]
    for start in range(0, len(stale), 500):
        rows = session.execute(
            sa.select(CourseVersion.course_id, CourseVersion.id, CourseVersion.document).where(
                CourseVersion.id.in_(stale[start : start + 500])
            )
        )
        courses.put(((c, v, CourseDocument.from_text(text)) for c, v, text in rows), ())
    if gone:
        courses.put((), gone)
    return len(stale), len(gone)
