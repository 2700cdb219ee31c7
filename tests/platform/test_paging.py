"""Long lists by page."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import paging
from zhixin.people.models import Organisation


@pytest.mark.parametrize(
    ("number", "page", "first", "shown"),
    [
        (1, 1, 1, 50),
        (2, 2, 51, 50),
        (3, 3, 101, 20),
        (99, 3, 101, 20),
        (0, 1, 1, 50),
        (-5, 1, 1, 50),
    ],
)
def test_a_page_is_a_part_of_the_list(
    session: Session, number: int, page: int, first: int, shown: int
) -> None:
    """Whatever number an address says, there is a page: beyond the end it is the last."""
    session.add_all(Organisation(name=f"单位 {n:03}", kind="employer") for n in range(1, 121))
    session.flush()
    query = (
        sa.select(Organisation).where(Organisation.name.like("单位 %")).order_by(Organisation.name)
    )
    found = paging.of(session, query, number)
    assert (found.page, found.pages, found.total, len(found)) == (page, 3, 120, shown)
    assert next(iter(found)).name == f"单位 {first:03}"


def test_an_empty_list_has_one_page(session: Session) -> None:
    query = sa.select(Organisation).where(Organisation.name == "没有").order_by(Organisation.id)
    found = paging.of(session, query, 7)
    assert (found.page, found.pages, list(found)) == (1, 1, [])
