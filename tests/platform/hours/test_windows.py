"""Learning early in a year may still count for the year before, where the rule has a window."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from zhixin.hours.rules import Cap, Per, SubjectKind, Window

from .conftest import make_policy

GENERAL, PROFESSIONAL = SubjectKind.GENERAL, SubjectKind.PROFESSIONAL
FEBRUARY = datetime(2026, 2, 3, tzinfo=UTC)


@pytest.fixture
def policy(session, now):
    """公需 may be learned until 30 April of the next year (the practice of 广东)."""
    return make_policy(session, now, windows={GENERAL: Window(month=4, day=30)})


def test_early_general_learning_fills_the_year_before(give):
    """Whole awards, until that year's minimum is reached; then the new year begins."""
    years = [
        give(id=n, subject_kind=GENERAL, hours=Decimal(20), at=FEBRUARY).year for n in range(3)
    ]
    assert years == [2025, 2025, 2026]  # 20 of 30, 40 of 30, complete


def test_professional_learning_has_no_window_here(give):
    """Each kind has its own window or none."""
    assert give(at=FEBRUARY).year == 2026


def test_after_the_window_a_year_is_a_year(give):
    """1 May counts for its own year."""
    assert give(subject_kind=GENERAL, at=datetime(2026, 5, 1, tzinfo=UTC)).year == 2026


def test_the_window_ends_at_midnight_in_the_city(give):
    """30 April 23:59 in Shanghai is within it, one minute later is not."""
    last = datetime(2026, 4, 30, 15, 59, tzinfo=UTC)
    after = datetime(2026, 4, 30, 16, 0, tzinfo=UTC)
    assert give(id=1, subject_kind=GENERAL, at=last).year == 2025
    assert give(id=2, subject_kind=GENERAL, at=after).year == 2026


def test_the_day_of_learning_decides_not_the_day_of_the_award(give):
    """An activity of 20 April that is verified in November still fills the year before."""
    found = give(kind="declaration", subject_kind=GENERAL, day=date(2026, 4, 20))
    assert (found.year, found.day) == (2025, date(2026, 4, 20))


def test_waiting_hours_fill_the_year_before(give):
    """What an auditor still looks at is not to be earned twice over."""
    give(id=1, subject_kind=GENERAL, hours=Decimal(30), flags=("overlap",), at=FEBRUARY)
    assert give(id=2, subject_kind=GENERAL, at=FEBRUARY).year == 2026


def test_asking_again_is_the_same_award_although_the_gap_is_filled_now(give):
    """Exactly once: the retry of the award that filled the gap does not fall into the new year."""
    first = give(id=1, subject_kind=GENERAL, hours=Decimal(30), at=FEBRUARY)
    assert give(id=1, subject_kind=GENERAL, hours=Decimal(30), at=FEBRUARY).id == first.id


def test_the_same_course_of_the_year_before_gives_nothing(give):
    """One award per person, course and year, whenever in the window it is taken again."""
    december = datetime(2025, 12, 1, tzinfo=UTC)
    first = give(id=1, subject_kind=GENERAL, hours=Decimal(2), at=december)
    assert give(id=1, subject_kind=GENERAL, hours=Decimal(2), at=FEBRUARY).id == first.id


def test_what_could_not_count_there_counts_in_its_own_year(session, now, give):
    """A gap that a cap keeps from being filled takes nothing from the new year."""
    make_policy(
        session,
        now,
        windows={GENERAL: Window(month=4, day=30)},
        caps=(Cap(hours=Decimal(20), per=Per.YEAR, subject_kind=GENERAL),),
    )
    december = datetime(2025, 12, 1, tzinfo=UTC)
    give(id=1, subject_kind=GENERAL, hours=Decimal(20), at=december)
    assert give(id=2, subject_kind=GENERAL, hours=Decimal(5), at=FEBRUARY).year == 2026


def test_without_a_policy_in_the_year_before_there_is_no_window(give):
    """The window is a clause of the year before's rule."""
    assert give(subject_kind=GENERAL, at=datetime(2016, 2, 1, tzinfo=UTC)).year == 2016
