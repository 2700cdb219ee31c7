"""What reviewers go by: a checklist, how many must approve, and deadlines; data with versions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from courses.reviews.models import ReviewRule
from zhixin import acts
from zhixin.errors import Conflict, Invalid


class Category(StrEnum):
    CONTENT = "content"
    TEACHING = "teaching"
    HOURS = "hours"
    COPYRIGHT = "copyright"
    ACCESSIBILITY = "accessibility"


MOST_ITEMS = 20
MOST_CHARACTERS = 200
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS)
]


class Item(BaseModel):
    """One thing to look at. ``key`` is unique within a rule's version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    category: Category
    text: Text


class RuleDocument(BaseModel):
    """One version of the rule.

    ``days`` is for the whole review, ``seat_days`` for one reviewer; ``blind``: nobody sees
    another's verdict and remarks before their own verdict.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvals: int = Field(ge=1, le=9)
    days: int = Field(ge=1, le=90)
    seat_days: int = Field(ge=1, le=60)
    blind: bool
    items: tuple[Item, ...] = Field(min_length=1)

    def of(self, category: Category) -> list[Item]:
        return [item for item in self.items if item.category == category]

    def lines(self) -> dict[str, str]:
        """The items of each category, one a line, as an administrator edits them."""
        return {c.value: "\n".join(item.text for item in self.of(c)) for c in Category}


def from_lines(
    lines: dict[str, str], *, approvals: int, days: int, seat_days: int, blind: bool
) -> RuleDocument:
    """A rule as an administrator typed it.

    Raises:
        Invalid: a number is out of range, a line too long, or a category without an item.
    """
    for what, value, most in (
        ("通过所需人数", approvals, 9),
        ("审核期限", days, 90),
        ("单人期限", seat_days, 60),
    ):
        if not 1 <= value <= most:
            raise Invalid(f"{what}应在 1 到 {most} 之间", code="review-rule")
    items = []
    for category in Category:
        texts = [line.strip() for line in lines.get(category, "").replace("\0", "").splitlines()]
        texts = [text for text in texts if text]
        if not texts:
            raise Invalid("每一类至少要有一项", code="review-rule")
        if len(texts) > MOST_ITEMS or any(len(text) > MOST_CHARACTERS for text in texts):
            raise Invalid(
                f"每类最多 {MOST_ITEMS} 项，每项最多 {MOST_CHARACTERS} 个字", code="review-rule"
            )
        items += [
            Item(key=f"{category}-{number}", category=category, text=text)
            for number, text in enumerate(texts, 1)
        ]
    return RuleDocument(
        approvals=approvals, days=days, seat_days=seat_days, blind=blind, items=tuple(items)
    )


#: What a new installation goes by, until an administrator says otherwise.
SHIPPED = from_lines(
    {
        "content": "内容准确，没有过时或错误之处\n与所选领域、科目和适合的职称层级相符",
        "teaching": "学习目标清楚，章节编排循序渐进\n测验考查了课程内容，答案和解析正确",
        "hours": "申报学时与实际内容相称\n视频没有大段空白、重复或与课程无关的内容",
        "copyright": "案例、图片、音乐和引文有权使用并注明来源\n没有泄露个人信息或内部资料",
        "accessibility": "语音清晰，画面文字可辨认\n有字幕或文字稿，或者已说明原因",
    },
    approvals=1,
    days=15,
    seat_days=7,
    blind=True,
)


def document(rule: ReviewRule) -> RuleDocument:
    return RuleDocument.model_validate(rule.document)


def ensure_shipped(session: Session, now: datetime) -> ReviewRule:
    """The rule in force: the newest; where there is none, the shipped one is published."""
    found = newest(session)
    return found or publish(session, SHIPPED, after=0, actor_id=None, now=now)


def newest(session: Session) -> ReviewRule | None:
    return session.scalar(sa.select(ReviewRule).order_by(ReviewRule.version.desc()).limit(1))


def publish(
    session: Session, rule: RuleDocument, *, after: int, actor_id: int | None, now: datetime
) -> ReviewRule:
    """A new version, for reviews that begin from now on.

    Args:
        after: the version that was on the screen.

    Raises:
        Conflict: somebody else has published one meanwhile.
    """
    row = newest(session)
    if (row.version if row else 0) != after:
        raise Conflict("审核规则刚刚已被修改，请刷新后再改", code="changed-elsewhere")
    made = ReviewRule(
        version=after + 1,
        document=rule.model_dump(mode="json"),
        published_at=now,
        published_by_id=actor_id,
    )
    session.add(made)
    session.flush()
    if actor_id is not None:
        acts.note(
            session, actor_id=actor_id, act="publish", object_kind="review-rule",
            object_id=made.version, now=now,
        )  # fmt: skip
    return made
