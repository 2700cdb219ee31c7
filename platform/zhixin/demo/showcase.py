"""One course with every kind of unit and of question, and a bank beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
import typst
from flask import current_app
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.banks import keeping, writing
from assessments.banks.models import BankKind
from assessments.banks.states import QuestionStep
from courses import (
    authors,
    chaptering,
    checks,
    conditions,
    editing,
    fields,
    history,
    meetings,
    reviewing,
    submission,
)
from courses.courseware import keeping as courseware
from courses.courseware.models import Edition
from courses.history import Act
from courses.models import AuthorRole, Course, Unit, UnitKind
from media import captions, pictures
from media import files as attachments
from media.cues import Cue
from media.models import Asset
from media.storage import MediaStore
from zhixin import clock, pages
from zhixin.demo import insight, showcase_learners, showcase_paper
from zhixin.demo.people import Cast
from zhixin.hours import policies
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person, TitleLevel

DATA = Path(__file__).parent / "showcase_data"
#: The lecture that it shows, made for another course: six slides, ten seconds each.
LECTURE = "轨道交通信号系统可靠性与安全.mp4"
SLIDE_MS = 10_000
SAID = (
    ("各位学员好。这一讲谈\n信号系统的可靠性与安全。", "Welcome. Today: reliability and safety of signalling."),
    ("先看联锁与列控：一个管能不能走，\n一个管能走多快。", "Interlocking says whether to go,\ntrain control how fast."),
    ("再看安全完整性等级：\n联锁和列控都要达到最高的一级。", "Safety integrity levels:\nboth need the highest."),
    ("故障诊断：从现象到原因，\n先确认安全，再恢复运行。", "Finding faults: make it safe first,\nthen restore service."),
    ("运维管理：把每一次故障\n变成下一次的预防。", "Maintenance: let every fault\nprevent the next."),
    ("小结：先联锁，后列控，\n全程管住风险。", "In short: interlock, protect, manage the risk."),
)  # fmt: skip
MARKS = "0:10 联锁与列控\n0:20 安全完整性等级\n0:30 故障诊断\n0:40 运维管理\n0:50 小结"
BANK = "城市轨道交通信号题库"


def build(session: Session, cast: Cast, now: datetime) -> None:
    """The course, published, and learners at every stage of it; the bank."""
    author = cast.authors[0]
    begun = clock.local(now - timedelta(days=21)).replace(hour=9, minute=0)
    course = _course(session, cast, author, begun)
    authors.invite(
        session, course, author.id, cast.authors[1].sign_in_name, AuthorRole.CO_AUTHOR, begun
    )
    version = submission.submit(session, course, now - timedelta(days=15))
    reviewing.approve(session, version, cast.reviewers[0].id, now - timedelta(days=14))
    _bank(session, cast, now - timedelta(days=10))
    showcase_learners.study(session, cast, version, now)


def _course(session: Session, cast: Cast, author: Person, at: datetime) -> Course:
    asset = session.scalars(sa.select(Asset).where(Asset.file_name == LECTURE)).one()
    policy = policies.in_force(session, clock.local(at).date())
    course = editing.create(
        session,
        owner_id=author.id,
        facts={
            "title": "城市轨道交通信号与行车安全",
            "summary": "从一座小站讲起：联锁怎样保证列车能走，列控怎样决定能走多快，出了故障怎样处置。"
            "课程用到了平台的每一种小节和每一种题型。",
            "teacher": "钟鸣",
            "teacher_title": "轨道交通集团 高级工程师",
            "field_code": "transport",
            "subject_kind": SubjectKind.PROFESSIONAL,
            "level": TitleLevel.INTERMEDIATE,
            "declared_hours": submission.Arithmetic(asset.duration_ms or 0, policy).justified,
        },
        now=at,
    )
    insight.teachers(session, cast, course, at)
    with history.changing(session, course.id, author.id, Act.ADDED, at) as found:
        units = _outline(session, found, at)
    _fill(session, author, course, units, asset, at)
    return course


def _outline(session: Session, course: Course, at: datetime) -> dict[UnitKind, Unit]:
    """The empty units, by what they are: there is one of each kind."""
    first = course.chapters[0]
    editing.rename_chapter(session, course, first.id, "认识信号系统")
    study = editing.add_chapter(session, course, "讲解与练习")
    ending = editing.add_chapter(session, course, "检验与交流")
    return {
        kind: editing.add_unit(session, course, chapter.id, kind, title, at)
        for chapter, kind, title in (
            (first, UnitKind.PAGE, "联锁与制动距离"),
            (first, UnitKind.FILE, "术语与公式卡片"),
            (study, UnitKind.VIDEO, "信号系统怎样保证安全"),
            (study, UnitKind.PRACTICE, "课后练习"),
            (ending, UnitKind.QUIZ, "结业测验"),
            (ending, UnitKind.LIVE, "在线答疑"),
        )
    }


def _fill(
    session: Session,
    author: Person,
    course: Course,
    units: Mapping[UnitKind, Unit],
    asset: Asset,
    at: datetime,
) -> None:
    """Give each unit its content, in steps that the course's history tells apart."""
    minutes = iter(range(20, 400, 20))

    def changing(act: Act) -> AbstractContextManager[Course]:
        when = at + timedelta(minutes=next(minutes))
        return history.changing(session, course.id, author.id, act, when)

    station = _picture(session, author, at)
    body = _data("page.md").decode().replace("STATION", station)
    page, video, file = units[UnitKind.PAGE], units[UnitKind.VIDEO], units[UnitKind.FILE]
    for text in (body.split("## 制动距离")[0].strip(), body):
        with changing(Act.WRITTEN) as found:
            editing.update_unit(session, found, page, title=page.title, body=text)
    with changing(Act.CONTENT) as found:
        _card(session, author, file, at)
        editing.attach(session, found, video, asset.id, asset.owner_id)
    with changing(Act.CONTENT) as found:
        _moments(session, found, video)
    _caption(session, asset, at)
    with changing(Act.ADDED) as found:
        trial = _courseware(session, author, found, at)
    with changing(Act.SETTINGS) as found:
        conditions.lay_down(session, found, trial, required=False, after=[page.id])
        conditions.lay_down(session, found, file, required=False, after=[])
        starts = clock.local(clock.now() + timedelta(days=5)).replace(hour=19, minute=30)
        meetings.lay_down(
            session, units[UnitKind.LIVE], starts_at=starts.strftime("%Y-%m-%dT%H:%M"),
            minutes=90, address="https://meeting.example.cn/j/20260001",
        )  # fmt: skip
    for unit, document in (
        (units[UnitKind.QUIZ], showcase_paper.quiz(station)),
        (units[UnitKind.PRACTICE], showcase_paper.practice()),
    ):
        paper = drafting.get(session, unit.paper_id or 0, author.id)
        drafting.save(session, paper.id, author.id, document, paper.revision, at)


def _moments(session: Session, course: Course, video: Unit) -> None:
    """Chapters of the video, a question asked while it is watched, and two at which it stops."""
    marks = chaptering.read(MARKS)
    chaptering.lay_down(session, course, video, marks, revision=course.revision)
    for asked in (
        checks.read(
            "0:25", "画面上这一部分的主题是什么？", ["安全完整性等级", "车站客流组织", "票务清分"], 0
        ),
        checks.read(
            "0:19", "联锁回答的是哪个问题？", ["列车能不能走", "列车能走多快", "列车几点到"], 0,
            everyone=True, explanation="联锁管能不能走，列控管能走多快。",
        ),
        checks.read(
            "0:39", "设备出了故障，先做什么？", ["恢复运行", "确认安全", "更换设备"], 1,
            everyone=True, explanation="先确认安全，再从现象找原因，最后恢复运行。",
        ),
    ):  # fmt: skip
        checks.save(session, course, video, None, asked, revision=course.revision)


def _caption(session: Session, asset: Asset, at: datetime) -> None:
    for place, language in enumerate(("zh-Hans", "en")):
        said = [
            Cue(n * SLIDE_MS + 800, n * SLIDE_MS + 7_300, lines[place])
            for n, lines in enumerate(SAID)
        ]
        captions.bring(session, asset, language, said, at)


def _picture(session: Session, author: Person, at: datetime) -> str:
    """The layout of a station: in a page, and asked about in the quiz."""
    settings = current_app.extensions["settings"]
    return pictures.import_bytes(
        session, _store(), author.id, _drawn("station.typ", "png"), file_name="站场示意图.png",
        max_bytes=settings.picture_bytes, now=at,
    ).id  # fmt: skip


def _card(session: Session, author: Person, unit: Unit, at: datetime) -> None:
    settings = current_app.extensions["settings"]
    unit.body = "一页纸：常用缩写、制动距离与可用性的公式。可以打印，考试时不得携带。"
    unit.file_id = attachments.import_bytes(
        session, _store(), author.id, _drawn("card.typ", "pdf"), file_name="术语与公式卡片.pdf",
        max_bytes=settings.file_bytes, now=at,
    ).id  # fmt: skip


def _courseware(session: Session, author: Person, course: Course, at: datetime) -> Unit:
    """A small SCORM package, as an author would bring it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.html"
        path.write_bytes(_data("courseware.html"))
        brought = courseware.bring(_store(), author.id, Edition.SCORM_12, {"index.html": path}, at)
    kept = courseware.keep(session, _store(), brought)
    unit = editing.add_unit(
        session, course, course.chapters[1].id, UnitKind.SCORM, "动手试一试：排列进路", at
    )
    unit.courseware_id, unit.launch = kept.id, "index.html"
    session.flush()
    return unit


def _bank(session: Session, cast: Cast, at: datetime) -> None:
    """A shared bank: most of it accepted by another author, the last ones at other stages."""
    author, colleague = cast.authors[0], cast.authors[1]
    bank = keeping.create(
        session, owner_id=author.id, title=BANK, kind=BankKind.SHARED, field_code="transport",
        fields={each.code: each.zh for each in fields.valid(session, clock.local(at).date())},
        now=at,
    )  # fmt: skip
    held = keeping.get(session, bank.id, author)
    keeping.let_in(session, held, colleague.sign_in_name)
    written = [
        writing.checked(question, point=point, difficulty=difficulty)
        for point, difficulty, question in showcase_paper.bank()
    ]
    ids = writing.add(session, held, written, at)
    other = keeping.get(session, bank.id, colleague)
    later = at + timedelta(days=1)
    writing.step(session, held, ids[:-2], QuestionStep.PROPOSE, now=at)
    writing.step(session, other, ids[:-6], QuestionStep.ACCEPT, now=later)
    writing.step(
        session, other, ids[-3:-2], QuestionStep.RETURN,
        reason="“现象”与“原因”混在一起，请只问其中一个。", now=later,
    )  # fmt: skip


def _store() -> MediaStore:
    store: MediaStore = current_app.extensions["media_store"]
    return store


def _data(name: str) -> bytes:
    return (DATA / name).read_bytes()


def _drawn(name: str, kind: Literal["png", "pdf"]) -> bytes:
    """One page by Typst."""
    fonts = [pages.resource_dir("static") / "dist" / "fonts"]
    return typst.compile(
        DATA / name, font_paths=fonts, ignore_system_fonts=True, format=kind, ppi=144
    )
