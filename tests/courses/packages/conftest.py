"""A place for packages, and a course that has something of every kind."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy.orm import Session

from assessments import drafting
from courses import conditions, editing
from courses.courseware import keeping
from courses.courseware.models import Edition
from courses.models import Course, UnitKind
from courses.packages import running
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS, TEXTBOOKS
from media import captions, files, intake, pictures
from media.caption_models import Origin
from media.cues import Cue
from media.models import Asset
from zhixin.people.models import Person

PDF = b"%PDF-1.7 slides"


def picture(colour: tuple[int, int, int] = (200, 30, 30), format: str = "PNG") -> bytes:
    into = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(into, format)
    return into.getvalue()


@pytest.fixture
def place(app: Flask) -> running.Place:
    app.extensions["media_store"].root.mkdir(parents=True, exist_ok=True)
    return running.Place.of(app.extensions["settings"], app.extensions["media_store"])


@pytest.fixture
def rich_course(
    session: Session,
    create_draft: Callable[..., Course],
    writer: Person,
    place: running.Place,
    tmp_path: Path,
    now: datetime,
) -> Course:
    """Every kind of unit, pictures in a page and in questions, conditions, checks, captions, names
    of the registers."""
    course = create_draft(title="样样都有")
    first = course.chapters[0]
    second = editing.add_chapter(session, course, "第二章")
    add = editing.add_unit
    shown = {
        name: pictures.import_bytes(
            session, place.store, writer.id, picture(colour), max_bytes=10**6, now=now
        )
        for name, colour in (("page", (9, 9, 200)), ("item", (9, 200, 9)), ("spot", (200, 9, 9)))
    }
    video = add(session, course, first.id, UnitKind.VIDEO, "录像", now)
    source = tmp_path / "lecture.mp4"
    source.write_bytes(b"not really a film" * 1000)
    brought_film = intake.bring(
        place.store, writer.id, source, file_name="讲课.MP4", max_bytes=10**6, now=now
    )
    video.asset_id = intake.keep(session, brought_film).id
    asset = session.get_one(Asset, video.asset_id)
    words = [Cue(0, 1500, "第一行 <b>\n& 第二行"), Cue(1000, 900, "倒着的"), Cue(2000, 3000, "-->")]
    captions.bring(session, asset, "zh-Hans", words, now)
    captions.bring(
        session,
        asset,
        "en",
        [Cue(0, 1500, "One")],
        now,
        label="English (auto)",
        origin=Origin.SPEECH,
    )
    captions.bring(session, asset, "ja", [], now)  # begun, without a word
    _named(session, course, writer, now)
    video.chapter_marks = [{"at_ms": 0, "title": "引言"}, {"at_ms": 500, "title": "正题"}]
    video.checks = [{"at_ms": 1000, "text": "看到什么？", "options": ["甲", "乙"], "right": 1}]
    page = add(session, course, first.id, UnitKind.PAGE, "讲义", now)
    page.body = f"# 标题\n\n{pictures.markdown(shown['page'], '一张图')}\n\n$x^2$"
    handout = add(session, course, second.id, UnitKind.FILE, "课件", now)
    handout.body = "先读这个"
    handout.file_id = files.import_bytes(
        session, place.store, writer.id, PDF, file_name="课件.pdf", max_bytes=10**6, now=now
    ).id
    live = add(session, course, second.id, UnitKind.LIVE, "答疑", now)
    live.starts_at, live.minutes = datetime(2027, 1, 5, 11, tzinfo=UTC), 90
    live.address = "https://meeting.example.cn/j/1"
    quiz = add(session, course, second.id, UnitKind.QUIZ, "小测", now)
    paper = drafting.get(session, quiz.paper_id or 0, writer.id)
    drafting.save(session, paper.id, writer.id, _paper(shown), paper.revision, now)
    practice = add(session, course, second.id, UnitKind.PRACTICE, "练习", now)
    drafting.add_question(session, practice.paper_id or 0, writer.id, _single("p1"), now)
    game = add(session, course, second.id, UnitKind.SCORM, "课件", now)
    begins, script = tmp_path / "begin.html", tmp_path / "own.js"
    begins.write_text("<html><head></head><body>go</body></html>")
    script.write_text("1")
    brought = {"shared/开始.html": begins, "own.js": script}
    package = keeping.bring(place.store, writer.id, Edition.SCORM_12, brought, now)
    game.courseware_id = keeping.keep(session, place.store, package).id
    game.launch = "shared/开始.html?part=1"
    session.flush()
    conditions.lay_down(session, course, quiz, required=True, after=[video.id, page.id])
    conditions.lay_down(session, course, page, required=False, after=[])
    session.commit()
    return course


def _named(session: Session, course: Course, writer: Person, now: datetime) -> None:
    """An expert and a textbook of the registers."""
    entry = register.write(
        session, EXPERTS, {"name": "李教授", "title": "教授", "unit": "重庆大学"},
        person_id=writer.id, now=now,
    )  # fmt: skip
    attaching.add(session, EXPERTS, course.id, entry.id)
    book = {
        "title": "结构力学",
        "authors": "龙驭球",
        "publisher": "高教社",
        "isbn": "9780306406157",
    }
    entry = register.write(session, TEXTBOOKS, book, person_id=writer.id, now=now)
    attaching.add(session, TEXTBOOKS, course.id, entry.id)


def _single(id: str) -> dict[str, Any]:
    options = [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}]
    return {"id": id, "kind": "single", "stem": "多少？", "options": options, "correct": ["b"]}


def _paper(shown: dict[str, Any]) -> dict[str, Any]:
    item = pictures.markdown(shown["item"], "部件")
    return {
        "title": "小测",
        "passages": [{"id": "m1", "text": f"材料 {item}"}],
        "questions": [
            {**_single("q1"), "passage": "m1"},
            {
                "id": "q2", "kind": "ordering", "stem": "排序",
                "items": [{"id": "i1", "text": f"先 {item}"}, {"id": "i2", "text": "后"}],
                "correct": ["i1", "i2"],
            },
            {
                "id": "q3", "kind": "hotspot", "stem": "指出", "picture": shown["spot"].id, "alt": "图",
                "areas": [{"shape": "circle", "x": 500, "y": 500, "r": 100}],
            },
        ],
    }  # fmt: skip
