"""A person's year: what counts, what is pending, what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from zhixin.hours import awards, years
from zhixin.hours.rules import Cap, Per, SubjectKind, Window
from zhixin.hours.states import Transition
from zhixin.people.models import Role

from .conftest import make_policy

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
    assert (found.kinds[PROFESSIONAL].counted, found.kinds[PROFESSIONAL].missing) == (10, 50)
    assert (found.kinds[GENERAL].counted, found.kinds[GENERAL].missing) == (
        Decimal("2.5"),
        Decimal("27.5"),
    )
    assert (found.total.counted, found.to_go) == (Decimal("12.5"), Decimal("77.5"))


def test_surplus_general_hours_do_not_fill_professional_ones(give, year):
    """公需 hours never stand in for missing 专业 hours."""
    give(id=1, hours=Decimal(90), subject_kind=GENERAL)
    found = year().standing
    assert not found.met
    assert found.to_go == 60


def test_unverified_hours_are_pending(give, year):
    """What waits for a person is shown, but does not count."""
    give(id=1, hours=Decimal(4), flags=("overlap",))
    assert year().standing.total.counted == 0
    assert year().pending[PROFESSIONAL] == 4


def test_a_rejected_award_counts_nowhere(give, session, year, create_person, now):
    """Neither as earned nor as pending, but it is listed with its reason."""
    award, auditor = give(id=1, flags=("overlap",)), create_person("auditor", Role.AUDITOR)
    awards.decide(
        session, award, Transition.REJECT, actor_id=auditor.id, reason="时间不符", now=now
    )
    assert (year().standing.total.counted, year().pending_total) == (0, 0)
    assert [award.reason for award in year().awards] == ["时间不符"]


def test_years_do_not_mix(give, year):
    """The last second of a year in Shanghai and the first of the next are apart."""
    give(id=1, hours=Decimal(1), at=datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC))
    give(id=1, hours=Decimal(2), at=datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC))
    assert (year(2025).standing.total.counted, year(2026).standing.total.counted) == (1, 2)


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
    assert year().standing.total.counted == 0


def test_caps_cut_what_counts(session, give, now, year):
    """What spills over is earned, but meets no requirement; months show what counts."""
    make_policy(session, now, caps=(Cap(hours=Decimal(8), per=Per.YEAR),))
    give(id=1, hours=Decimal(6))
    second = give(id=2, hours=Decimal(6))
    found = year()
    assert (found.counting.total.earned, found.standing.total.counted) == (12, 8)
    assert (found.lines[second.id].counted, found.lines[second.id].spilled) == (2, 4)
    assert sum(found.months[PROFESSIONAL]) == 8


def test_waiting_awards_stand_at_the_end_of_the_line(session, give, now, year):
    """What would count of them once they are verified; for now they count nothing."""
    make_policy(session, now, caps=(Cap(hours=Decimal(8), per=Per.YEAR),))
    waiting = give(id=1, hours=Decimal(6), flags=("overlap",))
    give(id=2, hours=Decimal(6))
    found = year()
    assert found.standing.total.counted == 6
    assert found.lines[waiting.id].counted == 2
    assert found.pending_total == 6


def test_what_counted_stays_when_an_older_award_is_verified(
    session, give, now, year, create_person
):
    """A slow decision comes last in the line: a statement of the year stays true."""
    make_policy(session, now, caps=(Cap(hours=Decimal(8), per=Per.YEAR),))
    slow = give(id=1, hours=Decimal(6), flags=("overlap",))
    quick = give(id=2, hours=Decimal(6))
    auditor = create_person("auditor", Role.AUDITOR)
    awards.decide(
        session,
        slow,
        Transition.VERIFY,
        actor_id=auditor.id,
        reason=None,
        now=now + timedelta(days=3),
    )
    found = year()
    assert (found.lines[quick.id].counted, found.lines[slow.id].counted) == (6, 2)


def test_learning_in_a_window_is_shown_in_its_month(session, give, now, year):
    """Of the next year, behind December."""
    make_policy(session, now, windows={GENERAL: Window(month=4, day=30)})
    give(hours=Decimal(3), subject_kind=GENERAL, at=datetime(2026, 2, 1, tzinfo=UTC))
    assert year(2025).months[GENERAL][12:] == [0, 3]


def test_a_year_takes_few_queries(give, session, alice, connection):
    """However many awards: the policy, the awards."""
    for n in range(12):
        give(id=n + 1)
    session.expunge_all()
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text))
    years.of(session, alice.id, 2026, TODAY)
    assert len([text for text in seen if text.startswith(("SELECT", "WITH"))]) == 2
