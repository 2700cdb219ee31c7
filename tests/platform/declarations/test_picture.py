"""The way as a picture: what is done, what comes, who is late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.platform.declarations.declared import LIMITS
from zhixin.declarations import chain, mine
from zhixin.declarations.models import Declaration
from zhixin.declarations.picture import Station, stations

TODAY = date(2026, 11, 23)


@pytest.fixture
def looks(session: Session) -> Callable[..., list[str]]:
    """The looks of the four stations, on a day."""

    def of(declaration: Declaration, today: date = TODAY) -> list[str]:
        return [station.look for station in _stations(session, declaration, today)]

    return of


def _stations(session: Session, declaration: Declaration, today: date) -> list[Station]:
    session.expire_all()
    found = mine.get(session, declaration.person_id, declaration.id)
    return stations(found, chain.steps_of(session, found.id), today)


def test_the_ordinary_way(
    looks: Any, draft: Any, submit: Any, decide: Any, city: Any, session: Session
) -> None:
    """Written, looked at, verified, counted."""
    assert looks(draft(title="草稿")) == ["now", "", "", ""]
    declaration = submit()
    assert looks(declaration) == ["done", "now", "", ""]
    declaration = session.merge(declaration)
    decide(declaration, city.handler, "endorse")
    assert looks(declaration) == ["done", "done", "now", ""]
    decide(declaration, city.reviewer, "verify")
    assert looks(declaration) == ["done", "done", "done", "done"]


def test_hours_that_an_auditor_looks_at_are_not_counted_yet(
    looks: Any, submit: Any, decide: Any, city: Any
) -> None:
    """The bureau's word is not the last where the file was used before."""
    submit()
    second = submit(by=city.bob)
    decide(second, city.handler, "endorse")
    decide(second, city.reviewer, "verify")
    assert looks(second) == ["done", "done", "done", "now"]


def test_a_no_is_where_it_was_said(looks: Any, submit: Any, decide: Any, city: Any) -> None:
    """At the employer's desk, or at the bureau's."""
    declaration = submit()
    decide(declaration, city.handler, "decline", "not-proven")
    assert looks(declaration) == ["done", "bad", "", ""]


def test_what_was_returned_is_with_the_learner(
    looks: Any, submit: Any, decide: Any, city: Any
) -> None:
    """Whatever stood there before."""
    declaration = submit()
    decide(declaration, city.handler, "return", "proof-unclear")
    assert looks(declaration) == ["now", "", "", ""]


def test_an_employer_that_does_not_look_is_passed_over(
    looks: Any, submit: Any, create_person: Any
) -> None:
    """The picture says so."""
    assert looks(submit(by=create_person("carol"))) == ["done", "skipped", "now", ""]


def test_who_is_late_is_shown(session: Session, looks: Any, submit: Any, now: Any) -> None:
    """First the employer, by its day; then, after the job, with the bureau beside it."""
    declaration = submit()
    late = _stations(session, declaration, TODAY + timedelta(days=8))[1]
    assert (late.look, late.due_on, late.late) == ("now", date(2026, 11, 30), True)
    chain.escalate(session, LIMITS, now + timedelta(days=8))
    assert looks(declaration, TODAY + timedelta(days=8)) == ["done", "bad", "now", ""]
