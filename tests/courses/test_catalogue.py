"""The catalogue: what filters leave and what each facet would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from courses import catalogue
from courses.models import CourseVersion

TODAY = date(2026, 11, 23)


def test_facet_counts_ignore_its_own_choice_only(
    session: Session, published_course: Callable[..., CourseVersion]
) -> None:
    """Beside a chosen level stand the other levels' numbers; other facets count what is left."""
    published_course(title="甲", level="senior", declared_hours=Decimal(1))
    published_course(title="乙", level="senior", declared_hours=Decimal(2))
    published_course(title="丙", level="junior", declared_hours=Decimal(2))
    filters = catalogue.Filters.of({"level": "senior"})
    listing = catalogue.browse(session, filters, page=1, today=TODAY)
    assert listing.total == len(listing.cards) == 2
    assert listing.facets["level"] == {"senior": 2, "junior": 1}
    assert listing.facets["hours"] == {"short": 1, "medium": 1}
    assert listing.facets["quality"] == {"0": 2}


def test_search_limits_counts_and_keeps_its_order(
    session: Session, published_course: Callable[..., CourseVersion]
) -> None:
    """A search's result is counted alone, and shown in the search's order."""
    first, second, third = (published_course(title=title).course_id for title in "甲乙丙")
    ids = [third, first]
    listing = catalogue.browse(session, catalogue.Filters(), page=1, today=TODAY, ids=ids)
    assert [card.course_id for card in listing.cards] == ids
    assert listing.total == 2
    assert listing.facets["field"] == {"bim": 2}
    assert second not in {card.course_id for card in listing.cards}


def test_newest_are_few_and_latest(
    session: Session, published_course: Callable[..., CourseVersion]
) -> None:
    """The home page shows the last published courses only."""
    published = [published_course(title=title).course_id for title in "甲乙丙"]
    cards = catalogue.newest(session, catalogue.Filters(), most=2, today=TODAY)
    assert [card.course_id for card in cards] == [published[2], published[1]]
