"""A person's year: what counts, what is pending, what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from zhixin.hours import awards, years
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import Transition
from zhixin.people.models import Role

TODAY = date(2026, 11, 23)
GENERAL, PROFESSIONAL = SubjectKind.GENERAL, SubjectKind.PROFESSIONAL


@pytest.fixture
def year(session, alice):
    return lambda number=2026: years.of(session, alice.id, number, TODAY)


def test_verified_hours_count_by_kind(give, year):
    """Each kind against its own minimum, all against the total."""
    give(id=1, hours=Decimal(10))
    give(id=2, hours=Decimal("2.5"), subject_kind=GENERAL)
    found = year().standing
    assert (found.kinds[PROFESSIONAL].earned, found.kinds[PROFESSIONAL].missing) == (10, 50)
    assert (found.kinds[GENERAL].earned, found.kinds[GENERAL].missing) == (
        Decimal("2.5"),
        Decimal("27.5"),
    )
    assert (found.total.earned, found.to_go) == (Decimal("12.5"), Decimal("77.5"))


def test_surplus_general_hours_do_not_fill_professional_ones(give, year):
    """公需 hours never stand in for missing 专业 hours."""
    give(id=1, hours=Decimal(90), subject_kind=GENERAL)
    found = year().standing
    assert not found.met
    assert found.to_go == 60


def test_unverified_hours_are_pending(give, year):
    """What waits for a person is shown, but does not count."""
    give(id=1, hours=Decimal(4), flags=("overlap",))
    assert year().standing.total.earned == 0
    assert year().pending[PROFESSIONAL] == 4


def test_a_rejected_award_counts_nowhere(give, session, year, create_person, now):
    """Neither as earned nor as pending, but it is listed with its reason."""
    award, auditor = give(id=1, flags=("overlap",)), create_person("auditor", Role.AUDITOR)
    awards.decide(
        session, award, Transition.REJECT, actor_id=auditor.id, reason="时间不符", now=now
    )
    assert (year().standing.total.earned, year().pending_total) == (0, 0)
    assert [award.reason for award in year().awards] == ["时间不符"]


def test_years_do_not_mix(give, year):
    """The last second of a year in Shanghai and the first of the next are apart."""
    give(id=1, hours=Decimal(1), at=datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC))
    give(id=1, hours=Decimal(2), at=datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC))
    assert (year(2025).standing.total.earned, year(2026).standing.total.earned) == (1, 2)


def test_months_follow_the_clock_of_shanghai(give, year):
    """Hours earned on 31 January at 16:00 UTC belong to February."""
    give(id=1, hours=Decimal(3), at=datetime(2026, 1, 31, 16, 0, tzinfo=UTC))
    assert year().months[PROFESSIONAL][:3] == [0, 3, 0]


def test_years_with_awards_are_listed(give, session, alice):
    """And the running one always; the latest first."""
    give(id=1, at=datetime(2024, 6, 1, tzinfo=UTC))
    assert years.years(session, alice.id, 2026) == [2026, 2024]


def test_others_hours_do_not_count(give, year, create_person):
    """A year is one person's."""
    give(id=1, to=create_person("bob"))
    assert year().standing.total.earned == 0


def test_a_year_takes_few_queries(give, session, alice, connection):
    """However many awards: the policy, the awards."""
    for n in range(12):
        give(id=n + 1)
    session.expunge_all()
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text))
    years.of(session, alice.id, 2026, TODAY)
    assert len([text for text in seen if text.startswith("SELECT")]) == 2
