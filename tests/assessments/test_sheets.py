"""Answers saved one by one: whatever comes late, twice or in another order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assessments import attempts, sheets
from assessments.sheets import Change

changes = st.builds(
    Change,
    st.sampled_from(["s", "m", "t"]),
    st.sampled_from([(), ("b",), ("x", "z"), ("true",)]),
    st.integers(1, 6),
    st.sampled_from(["", "A", "a", "tab-1", "tab-2"]),
)


def consistent(sent: list[Change]) -> list[Change]:
    """One answer for each (question, number, writer): a page never uses a number twice."""
    return list({(each.question, each.order): each for each in sent}.values())


@given(st.lists(changes, max_size=12).map(consistent), st.randoms())
def test_the_order_of_arrival_decides_nothing(sent, random):
    """Shuffled and doubled, the same answers make the same sheet."""
    other = [*sent, *sent[::2]]
    random.shuffle(other)
    assert sheets.merge(sent) == sheets.merge(other)


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(changes, min_size=1, max_size=10).map(consistent), st.randoms())
def test_the_database_keeps_the_last_by_number(kept_after, sent, random):
    """Sent in pieces, in any order, some twice: what is kept is the last of each question, and
    who was overtaken is told by what."""
    pieces = [[each] for each in sent] + [sent[: len(sent) // 2], sent[::3]]
    random.shuffle(pieces)
    kept, told = kept_after(pieces)
    last = sheets.merge(sent)
    assert {each.question: each for each in kept} == last
    assert told == [last[each.question] for each in sheets.merge(pieces[-1]).values()
                    if last[each.question] != each]  # fmt: skip


@pytest.fixture
def kept_after(session, create_person, create_version, now):
    """Save pieces one after the other in an attempt of its own; what is kept, and what the last
    save said."""
    learner, version = create_person("xueyuan").id, create_version()
    count = 0

    def saving(pieces):
        nonlocal count
        count += 1
        attempt = attempts.open(
            session,
            person_id=learner,
            scope=f"version:{count}",
            paper_version_id=version.id,
            pass_mark=Decimal("0.6"),
            attempts_allowed=None,
            now=now,
        )
        for piece in pieces:
            sheets.write(session, attempt.id, piece, now)
        kept = sheets.of(session, attempt.id)
        return kept, sheets.overtaken(pieces[-1], kept)

    return saving


def test_an_older_sheet_shows_through(session):
    """An attempt that was open when the platform was upgraded keeps what it had."""
    saved = [Change("s", ("a",), 1), Change("m", (), 2)]
    before = {"s": ["b"], "m": ["x"], "t": ["true"]}
    assert sheets.sheet(before, saved) == {"s": ["a"], "t": ["true"]}
