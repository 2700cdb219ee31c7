"""What tests of declarations declare, and under which rule."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from PIL import Image
from sqlalchemy.orm import Session

from zhixin.declarations.drafting import Facts
from zhixin.declarations.limits import Limits
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import Activity, ActivityUnit, CreditRule, SubjectKind, Verification

LIMITS = Limits(
    declaration_days=365, employer_days=7, bureau_days=15, proof_bytes=2**20, proof_files=3
)
RULE = CreditRule(
    minutes_per_hour=Decimal(45),
    step=Decimal("0.5"),
    coverage_needed=Decimal("0.95"),
    pass_mark=Decimal("0.6"),
    attempts_allowed=None,
    yearly_total=Decimal(90),
    yearly_minimums={},
    verification=Verification(auto=True, sample_percent=Decimal(0)),
    activities={
        each.code: each
        for each in (
            Activity(
                code="training",
                name="参加培训班",
                unit=ActivityUnit.HALF_DAY,
                hours_each=Decimal(4),
            ),
            Activity(
                code="lecture",
                name="听取讲座",
                unit=ActivityUnit.MINUTES,
                hours_each=Decimal(1),
                minutes_each=Decimal(45),
                proof_needed=False,
            ),
            Activity(
                code="paper",
                name="发表论文",
                unit=ActivityUnit.ITEM,
                hours_each=Decimal(20),
                subject_kinds=frozenset({SubjectKind.PROFESSIONAL}),
            ),
        )
    },
)


def facts(**changes: Any) -> Facts:
    """Three half days of training in October 2026."""
    usual: dict[str, Any] = {
        "activity": "training",
        "subject_kind": SubjectKind.PROFESSIONAL,
        "title": "智能制造高级研修班（第二期）",
        "organiser": "市机械工程学会",
        "starts_on": date(2026, 10, 12),
        "ends_on": date(2026, 10, 13),
        "amount": Decimal(3),
        "note": "",
    }
    return Facts(**(usual | changes))


def picture(colour: str = "white", kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    into = io.BytesIO()
    Image.new("RGB", size, colour).save(into, kind)
    return into.getvalue()


def publish(session: Session, now: datetime, rule: CreditRule = RULE) -> Policy:
    return policies.publish(
        session, title="示例规则", source="示例", effective_from=date(2016, 1, 1), rule=rule,
        actor_id=None, now=now,
    )  # fmt: skip
