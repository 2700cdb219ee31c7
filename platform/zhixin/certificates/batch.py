"""Checking many certificates at once: by whoever has to judge papers, within limits.

Only people with such a role may ask, each question is on the trail, and who asks for pairs of
number and name that do not belong together soon has to wait: a list cannot be walked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from sqlalchemy.orm import Session

from zhixin import acts, rates, spreadsheets
from zhixin.certificates import verification
from zhixin.certificates.verification import Checked, Claim, Status
from zhixin.errors import Invalid
from zhixin.people.models import Role

#: Who judges papers: employers, bureaus (and with them boards of title review), auditors.
ROLES = (Role.EMPLOYER, Role.BUREAU, Role.AUDITOR, Role.ADMINISTRATOR)
MOST_ROWS = 2000
#: Rows that one person may ask for.
ROWS = RateLimitItemPerDay(20_000, namespace="certificate-rows")
#: Rows of them in which number and name may not belong together.
MISSES = RateLimitItemPerDay(100, namespace="certificate-misses")
#: Look-ups by code from one network: a scanner at a counter, not a harvester.
LOOK_UPS = RateLimitItemPerMinute(240, namespace="certificate-look-ups")

_NUMBER_HEADINGS = ("编号", "证书号", "number")
_NAME_HEADINGS = ("姓名", "name")


@dataclass(frozen=True)
class Row:
    """One line of the file, 1-based; no answer: its number or name is missing."""

    line: int
    claim: Claim
    answer: Checked | None

    @property
    def code(self) -> str:
        """A status, ``no-match`` or ``incomplete``."""
        if self.answer is None:
            return "incomplete"
        return self.answer.status or "no-match"


def claims(rows: Sequence[Sequence[str]]) -> list[tuple[int, Claim]]:
    """The claims of a table with their lines: by its headings, else the first two columns.

    Raises:
        Invalid: there is nothing to check, or more than ``MOST_ROWS``.
    """
    columns, first = (0, 1), 0
    for at, row in enumerate(rows[:5]):
        number, name = (_column(row, words) for words in (_NUMBER_HEADINGS, _NAME_HEADINGS))
        if number is not None and name is not None:
            columns, first = (number, name), at + 1
            break
    found = [
        (line, Claim(*(row[column].strip() if column < len(row) else "" for column in columns)))
        for line, row in enumerate(rows[first:], first + 1)
        if any(value.strip() for value in row)
    ]
    if not found:
        raise Invalid("没有可查验的内容：每行一份证书，写明证书编号和姓名", code="nothing-to-check")
    if len(found) > MOST_ROWS:
        raise Invalid(f"一次最多查验 {MOST_ROWS} 份，请分批", code="too-many-rows")
    return found


def _column(row: Sequence[str], words: Sequence[str]) -> int | None:
    matching = (at for at, value in enumerate(row) if any(w in value.lower() for w in words))
    return next(matching, None)


def check(
    session: Session,
    asked: Sequence[tuple[int, Claim]],
    *,
    actor_id: int,
    address: str | None,
    now: datetime,
) -> list[Row]:
    """The verdict on each line. The trail keeps who asked for how many, not for whom.

    Raises:
        TooManyRequests: too many rows, or too many that match nobody; nothing is answered then.
    """
    rates.spend(ROWS, actor_id, len(asked))
    whole = [claim for _line, claim in asked if claim.number and claim.name]
    answers = iter(list(verification.check(session, whole)))
    rows = [
        Row(line, claim, next(answers) if claim.number and claim.name else None)
        for line, claim in asked
    ]
    if misses := sum(row.code == "no-match" for row in rows):
        rates.spend(MISSES, actor_id, misses)
    acts.note(
        session, actor_id=actor_id, act="check", object_kind="certificate", object_id="-",
        reason=f"{len(rows)} / {misses}", address=address, now=now,
    )  # fmt: skip
    return rows


def code_text(code: str) -> str:
    """A row's verdict in the reader's language."""
    words: dict[str, str] = {
        Status.GENUINE: _("真实有效"),
        Status.WAITING: _("真实，正在记入账本"),
        Status.REVOKED: _("已撤销"),
        Status.WITHDRAWN: _("所依据的学时已被撤销"),
        Status.ALTERED: _("记录与账本不符，请勿采信"),
        "no-match": _("编号与姓名不符或不存在"),
        "incomplete": _("缺少编号或姓名"),
    }
    return words[code]


HEADINGS = ("行", "证书编号", "姓名", "结论", "种类", "年度", "学时", "出具日期", "撤销日期")


def workbook(rows: Sequence[Row]) -> bytes:
    """The verdicts as an Excel file."""

    def cells(row: Row) -> tuple[spreadsheets.Cell, ...]:
        facts = (row.answer.facts if row.answer else None) or {}
        return (
            row.line, row.claim.number, row.claim.name, code_text(row.code),
            facts.get("kind"), facts.get("year"), facts.get("hours"),
            str(facts.get("issued_at", ""))[:10],
            row.answer.revoked_at if row.answer else None,
        )  # fmt: skip

    return spreadsheets.workbook({"查验结果": (HEADINGS, map(cells, rows))})
