"""Targets in force in a year."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Invalid
from zhixin.reports.models import Target, TargetCode

#: The plan's own numbers (方案, 三): they stand until an administrator sets the city's next ones.
_PLAN = "《专业技术人才知识更新工程实施方案》（2011—2020 年）：{}；此后未设定新目标前沿用"
SHIPPED = {
    TargetCode.PEOPLE: (30_000, "每年培训专业技术人才 3 万名左右"),
    TargetCode.FIELD_PEOPLE: (20_000, "急需紧缺人才培养培训每年 2 万人左右"),
    TargetCode.SEMINARS: (30, "每年举办 30 期市级高级研修班"),
    TargetCode.SEMINAR_PEOPLE: (2_000, "高级研修项目每年培养 2000 名左右高层次人才"),
}
FIRST_YEAR = 2011


def ensure_shipped(session: Session, now: datetime) -> None:
    """The plan's numbers, of what has no target at all."""
    known = set(session.scalars(sa.select(Target.code).distinct()))
    for code, (amount, words) in SHIPPED.items():
        if code not in known:
            source = _PLAN.format(words)
            put(session, code, FIRST_YEAR, amount, source, actor_id=None, now=now)


def of_year(session: Session, year: int) -> dict[TargetCode, Target]:
    """The targets in force: the latest to begin, and of one year the last to be set."""
    found = session.scalars(
        sa.select(Target).where(Target.from_year <= year).order_by(Target.from_year, Target.id)
    )
    return {TargetCode(target.code): target for target in found}


def put(
    session: Session,
    code: TargetCode,
    from_year: int,
    amount: int,
    source: str,
    *,
    actor_id: int | None,
    now: datetime,
) -> Target:
    """Set a target from a year on.

    Raises:
        Invalid: a number is out of range, or nobody says where it comes from.
    """
    if not 2000 <= from_year <= 2100 or not 1 <= amount <= 10_000_000:
        raise Invalid(
            "目标应为 1 到 10000000 之间的整数，年份应在 2000 到 2100 之间", code="target"
        )
    if not source.strip() or len(source) > 500:
        raise Invalid("请写明目标的依据（文件名称、文号），不超过 500 字", code="target")
    target = Target(
        code=code, from_year=from_year, amount=amount, source=source.strip(),
        set_by_id=actor_id, set_at=now,
    )  # fmt: skip
    session.add(target)
    session.flush()
    return target
