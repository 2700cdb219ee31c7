"""Numbers without gaps, and places in status lists that tell nothing: both under a row's lock."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from zhixin.certificates.models import Certificate, Numbering, StatusAllocation

#: The least that Bitstring Status List allows (W3C, section 4): a holder hides among so many.
STATUS_LENGTH = 131_072
#: A list is left when it is three quarters full: free places are still found at once.
STATUS_FULL = STATUS_LENGTH * 3 // 4


def take_numbers(session: Session, year: int, count: int) -> range:
    """The next ``count`` numbers of a year; a rollback gives them back, so there are no gaps.

    One statement, so that two who ask for a year's first number wait for each other and both
    get one.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(Numbering).values(year=year, last=count)
    taken = insert.on_conflict_do_update(
        index_elements=[Numbering.year], set_={"last": Numbering.last + count}
    ).returning(Numbering.last)
    last: int = session.execute(taken).scalar_one()
    return range(last - count + 1, last + 1)


def take_places(session: Session, count: int) -> list[tuple[int, int]]:
    """``count`` free places, as (list, index), drawn at random so that they tell no order.

    Raises:
        ValueError: more than fit into one list.
    """
    if count > STATUS_FULL:
        raise ValueError("issue in smaller chunks")
    number = _reserve(session, count)
    found: set[int] = set()
    while len(found) < count:
        # More than needed, since up to three quarters of the list may be taken.
        drawn = {secrets.randbelow(STATUS_LENGTH) for _ in range(4 * (count - len(found)) + 8)}
        found |= drawn - _taken(session, number, drawn)
    # A set of whole numbers is in their order: draw again, or the order would tell.
    order = sorted(found, key=lambda _: secrets.randbits(64))
    return [(number, index) for index in order[:count]]


def _reserve(session: Session, count: int) -> int:
    """The list that takes ``count`` more. Its row stays locked until the end of the transaction."""
    taken = (
        sa.update(StatusAllocation)
        .values(used=StatusAllocation.used + count)
        .returning(StatusAllocation.list, StatusAllocation.used)
    )
    number, used = session.execute(taken).one()
    if used <= STATUS_FULL:
        return int(number)
    session.execute(sa.update(StatusAllocation).values(list=number + 1, used=count))
    return int(number) + 1


def _taken(session: Session, number: int, indexes: set[int]) -> set[int]:
    if len(indexes) > 10_000:  # a database takes only so many parameters
        every = sa.select(Certificate.status_index).where(Certificate.status_list == number)
        return {index for index in session.scalars(every) if index is not None}
    rows = session.scalars(
        sa.select(Certificate.status_index).where(
            Certificate.status_list == number, Certificate.status_index.in_(indexes)
        )
    )
    return {index for index in rows if index is not None}
