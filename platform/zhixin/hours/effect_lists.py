"""Whose year a draft would change: a page of it, and all of it as a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from zhixin import spreadsheets
from zhixin.hours.draft_states import Effect
from zhixin.hours.models import PolicyDraft, PolicyDryRun, PolicyEffect
from zhixin.hours.words import effect_text
from zhixin.people.models import Organisation, Person

PAGE = 50


@dataclass(frozen=True)
class Page:
    """One page of effects with the people's and employers' names."""

    rows: Sequence[sa.Row[Any]]
    page: int
    pages: int


def page(session: Session, draft: PolicyDraft, effect: Effect | None, number: int) -> Page:
    """By year and person; beyond the end is the last page.

    Args:
        number: 1-based.
    """
    found = sa.select(PolicyEffect.id).where(*_of(draft, effect))
    total = session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0
    pages = max(1, -(-total // PAGE))
    number = min(max(1, number), pages)
    # The page's ids first: names are looked up for what is shown, not for what is skipped.
    shown = found.order_by(*_order(effect)).offset((number - 1) * PAGE).limit(PAGE)
    ids = session.scalars(shown).all()
    rows = session.execute(_named(effect).where(PolicyEffect.id.in_(ids))).all()
    return Page(rows, number, pages)


def _of(draft: PolicyDraft, effect: Effect | None) -> list[sa.ColumnElement[bool]]:
    run = sa.select(PolicyDryRun.id).where(PolicyDryRun.draft_id == draft.id).scalar_subquery()
    kind = [] if effect is None else [PolicyEffect.effect == effect]
    return [PolicyEffect.run_id == run, *kind]


def _order(effect: Effect | None) -> tuple[Any, ...]:
    # As the indexes have it.
    return (PolicyEffect.year, PolicyEffect.person_id) if effect is None else (PolicyEffect.id,)


def _named(effect: Effect | None) -> Any:
    return (
        sa.select(
            PolicyEffect.year,
            PolicyEffect.effect,
            PolicyEffect.counted_before,
            PolicyEffect.counted_after,
            PolicyEffect.to_go_before,
            PolicyEffect.to_go_after,
            Person.name,
            Organisation.name.label("employer"),
        )
        .join(Person, Person.id == PolicyEffect.person_id)
        .outerjoin(Organisation, Organisation.id == Person.employer_id)
        .order_by(*_order(effect))
    )


def workbook(session: Session, draft: PolicyDraft, effect: Effect | None) -> bytes:
    """All of them, for Excel."""
    headings = (
        _("姓名"), _("单位"), _("年度"), _("变化"),
        _("现行计入"), _("草案计入"), _("现行还差"), _("草案还差"),
    )  # fmt: skip
    rows = (
        (
            row.name, row.employer, row.year, effect_text(row.effect),
            row.counted_before, row.counted_after, row.to_go_before, row.to_go_after,
        )
        for row in session.execute(_named(effect).where(*_of(draft, effect)))
    )  # fmt: skip
    return spreadsheets.workbook({_("试算"): (headings, rows)})
