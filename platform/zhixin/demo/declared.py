"""Declared outside activities in every state, by the platform's own operations with past instants."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import current_app
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy.orm import Session

from zhixin import clock, pages
from zhixin.declarations import chain, drafting, proofs
from zhixin.declarations.drafting import Facts
from zhixin.declarations.limits import Limits
from zhixin.declarations.models import Declaration
from zhixin.declarations.states import Transition
from zhixin.declarations.storage import store
from zhixin.demo.people import Cast
from zhixin.hours.rules import Activity, ActivityUnit, SubjectKind
from zhixin.people.models import Person

PROFESSIONAL = frozenset({SubjectKind.PROFESSIONAL})


def _activity(code: str, name: str, unit: ActivityUnit, hours: int, **more: Any) -> Activity:
    return Activity(code=code, name=name, unit=unit, hours_each=Decimal(hours), **more)


#: Like everything of the demonstration's rule, smaller than life.
ACTIVITIES = (
    _activity("training", "参加培训班、研修班", ActivityUnit.HALF_DAY, 1),
    _activity("conference", "参加学术会议", ActivityUnit.DAY, 2, subject_kinds=PROFESSIONAL),
    _activity(
        "lecture", "听取讲座", ActivityUnit.MINUTES, 1, minutes_each=Decimal(45), proof_needed=False
    ),
    _activity("paper", "发表论文", ActivityUnit.ITEM, 5, subject_kinds=PROFESSIONAL),
    _activity("degree", "参加学历（学位）教育", ActivityUnit.ITEM, 10, subject_kinds=PROFESSIONAL),
)


@dataclass(frozen=True)
class Story:
    """One declaration and what became of it.

    Attributes:
        learner: place among the learners; every fifth works where there is a handler.
        days_ago: of the activity's last day; it is declared two days later.
        acts: what is done, one a day: transition, reason, words.
    """

    learner: int
    activity: str
    title: str
    organiser: str
    days_ago: int
    days: int
    amount: int
    acts: tuple[tuple[str, str, str], ...] = ()
    proof: str | None = None


SUBMIT, ENDORSE, VERIFY = ("submit", "", ""), ("endorse", "", "属实，同意申报"), ("verify", "", "")
STORIES = (
    Story(0, "training", "智能网联汽车测试技术高级研修班", "市汽车工程学会", 60, 3, 6, (SUBMIT, ENDORSE, VERIFY)),
    Story(0, "conference", "全国汽车轻量化技术大会", "中国汽车工程学会", 30, 2, 2, (SUBMIT, ENDORSE)),
    Story(0, "paper", "高强钢车身连接强度的试验研究", "《汽车工程》编辑部", 20, 1, 1, (SUBMIT, ("return", "proof-unclear", "目录页看不清刊号，请重新拍摄"))),
    Story(0, "lecture", "数据安全法解读讲座", "市经济信息委", 5, 1, 90, (SUBMIT,)),
    Story(0, "training", "新能源汽车维修安全培训", "长江汽车研究院", 45, 1, 2, (SUBMIT, ("decline", "not-learning", "属于岗位安全教育，单位已另行登记"))),
    Story(0, "training", "企业开放日参观", "某咨询公司", 90, 1, 1, (SUBMIT, ("decline", "not-proven", ""), ("appeal", "", "活动有签到记录，请核对"), ("refuse", "not-learning", "参观活动没有教学内容"))),
    Story(0, "conference", "汽车电子技术论坛", "市电子学会", 4, 1, 1),
    Story(0, "training", "误填的培训", "市汽车工程学会", 70, 1, 2, (SUBMIT, ("withdraw", "", ""))),
    Story(5, "training", "智能网联汽车测试技术高级研修班", "市汽车工程学会", 8, 3, 6, (SUBMIT,), proof="研修班通知"),
    Story(10, "training", "智能网联汽车测试技术高级研修班", "市汽车工程学会", 8, 3, 6, (SUBMIT,), proof="研修班通知"),
    Story(10, "conference", "车路协同学术会议", "市交通运输学会", 7, 1, 1, (SUBMIT,)),
    Story(15, "degree", "车辆工程专业硕士（在职）第一学年", "某大学研究生院", 25, 1, 1, (SUBMIT,)),  # late
    Story(20, "paper", "电池热管理系统的仿真与优化", "《汽车技术》编辑部", 15, 1, 1, (SUBMIT, ENDORSE)),
    Story(25, "lecture", "知识产权保护讲座", "市知识产权局", 6, 1, 135, (SUBMIT, ENDORSE)),
    Story(1, "training", "数控机床精度检测培训班", "市机械工程学会", 12, 2, 4, (SUBMIT,)),
)  # fmt: skip


def declare(session: Session, cast: Cast, now: datetime) -> None:
    """Play all stories; those whose day is over are escalated as the job would."""
    limits = Limits.of(current_app.extensions["settings"])
    for story in STORIES:
        _play(session, cast, story, limits, now)
    chain.escalate(session, limits, now)


def _play(session: Session, cast: Cast, story: Story, limits: Limits, now: datetime) -> None:
    learner = cast.learners[story.learner]
    at = now - timedelta(days=story.days_ago - 2)
    made = drafting.create(session, learner, _facts(story, now), limits, at)
    if story.activity != "lecture":
        paper = _paper(story.proof or f"{story.title}·{learner.name}", story.title)
        checked = proofs.check(paper, limits.proof_bytes)
        drafting.attach(session, made, store(), checked, "证明材料.png", limits=limits, now=at)
    for moment, (act, reason, words) in zip(_instants(at, now), story.acts, strict=False):
        _act(session, cast, made, learner, Transition(act), reason, words, limits, moment)


def _instants(start: datetime, now: datetime) -> Iterator[datetime]:
    while True:
        yield min(start, now)
        start += timedelta(days=1)


def _act(
    session: Session, cast: Cast, made: Declaration, learner: Person, act: Transition,
    reason: str, words: str, limits: Limits, now: datetime,
) -> None:  # fmt: skip
    if act is Transition.SUBMIT:
        chain.submit(session, made, learner, limits, now=now)
    elif act is Transition.WITHDRAW:
        chain.withdraw(session, made, limits, now=now)
    elif act is Transition.APPEAL:
        chain.appeal(session, made, words, limits, now=now)
    else:
        at_bureau = act in (Transition.VERIFY, Transition.REFUSE)
        chain.decide(
            session, made, act, cast.bureau if at_bureau else cast.handler, reason=reason,
            words=words, seen=made.last_step, limits=limits, now=now,
            sampling_seed=current_app.extensions["settings"].key("secret_key").hex(),
        )  # fmt: skip


def _facts(story: Story, now: datetime) -> Facts:
    last: date = clock.local(now).date() - timedelta(days=story.days_ago)
    return Facts(
        activity=story.activity,
        subject_kind=SubjectKind.PROFESSIONAL,
        title=story.title,
        organiser=story.organiser,
        starts_on=last - timedelta(days=story.days - 1),
        ends_on=last,
        amount=Decimal(story.amount),
        note="",
    )


def _paper(name: str, title: str) -> bytes:
    """A sheet that looks like a proof and says that it is none."""
    fonts = pages.resource_dir("static") / "dist" / "fonts"
    large, small = (ImageFont.truetype(fonts / "NotoSansSC_700Bold.ttf", size) for size in (64, 30))
    sheet = Image.new("RGB", (1240, 877), "#fffdf6")
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((40, 40, 1200, 837), outline="#a8231b", width=6)
    for text, font, top, colour in (
        ("证　明", large, 150, "#a8231b"),
        (title, small, 340, "#1d2330"),
        (name, small, 420, "#1d2330"),
        ("演示样张，不是真实的证明材料", small, 720, "#626a79"),
    ):
        draw.text((620, top), text, font=font, fill=colour, anchor="ma")
    into = io.BytesIO()
    sheet.save(into, "PNG")
    return into.getvalue()
