"""What counts is what the log says: hours that somebody put, changed or removed by hand are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from zhixin import clock
from zhixin.audit import queue
from zhixin.hours import reckoning, reversals, tasks
from zhixin.hours.models import Award, EvidenceCheck
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State
from zhixin.ledger.models import Submission

from .conftest import sequence

AWARD = Award.__table__
NIGHT = datetime(2026, 11, 26, 19, 0, tzinfo=UTC)  # three in the morning in Shanghai


def found(session) -> list[tuple[int | None, str]]:
    return [(each.award_id, "；".join(each.words)) for each in reckoning.differing(session)]


def unguard(session) -> None:
    """Lift the table's triggers, as somebody does who owns the database."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(sa.text("ALTER TABLE award DISABLE TRIGGER USER"))
        return
    triggers = sa.text(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'award'"
    )
    for name in session.scalars(triggers).all():
        session.execute(sa.text(f"DROP TRIGGER {name}"))


def put(session, award: Award, **changes) -> int:
    """A row like this award's, written with a tool of the database's."""
    columns = [column for column in AWARD.c if column.name not in {"id", "submission_id"}]
    values = {column.name: getattr(award, column.name) for column in columns} | changes
    return session.execute(sa.insert(AWARD).values(values).returning(AWARD.c.id)).scalar_one()


def test_honest_histories_agree(recorded, auditors, session, now):
    """An award, one on its way into the log, one reversed and one corrected."""
    stays, goes, changes = (recorded(id=number) for number in (1, 2, 3))
    for award, correction in (
        (goes, None), (changes, reversals.Correction(Decimal("3.5"), SubjectKind.GENERAL))
    ):  # fmt: skip
        proposal = reversals.propose(
            session, award, correction=correction, actor_id=auditors[0].id, reason="x",
            hearing=timedelta(), term=timedelta(days=1), now=now,
        )  # fmt: skip
        reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
        assert found(session) == [], "before the log has it too"
        sequence(session)
    assert found(session) == []
    assert stays.state == State.RECORDED


@pytest.mark.parametrize("state", [State.VERIFIED, State.RECORDED])
def test_hours_put_in_by_hand_are_found(recorded, session, state):
    """A row that counts and that nobody decided."""
    made = put(session, recorded(), state=state, source_id=99, hours=Decimal(90))
    assert found(session) == [(made, "账本中没有这条学时，不是由审核产生的")]


def test_hours_waiting_for_a_decision_are_no_hours(recorded, session):
    put(session, recorded(), state=State.EARNED, source_id=99)
    assert found(session) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hours": Decimal(45)}, "与账本记录不同：hours"),
        ({"year": 2025}, "与账本记录不同：year"),
        ({"subject_kind": "general", "source_version": 4}, "与账本记录不同：source、subject_kind"),
        ({"state": State.REVERSED}, "标为已冲销，但账本中没有冲销"),
        ({"state": State.CORRECTED}, "标为已更正，但账本中没有更正"),
        ({"state": State.REJECTED}, "账本中有这条学时，却没有计入"),
        ({"submission_id": None}, "账本中没有这条学时，不是由审核产生的"),
    ],
)
def test_hours_changed_by_hand_are_found(recorded, session, changes, words):
    award = recorded()
    unguard(session)
    session.execute(sa.update(AWARD).where(AWARD.c.id == award.id).values(changes))
    assert (award.id, words) in found(session)


def test_hours_given_to_somebody_else_are_found(recorded, auditors, session):
    award = recorded()
    unguard(session)
    session.execute(sa.update(AWARD).where(AWARD.c.id == award.id).values(person_id=auditors[0].id))
    assert found(session) == [(award.id, "账本记的是另一位学员")]


def test_a_reversal_undone_by_hand_is_found(recorded, auditors, session, now):
    award = recorded()
    proposal = reversals.propose(
        session, award, correction=None, actor_id=auditors[0].id, reason="x",
        hearing=timedelta(), term=timedelta(days=1), now=now,
    )  # fmt: skip
    reversals.confirm(session, proposal, actor_id=auditors[1].id, now=now)
    sequence(session)
    unguard(session)
    session.execute(sa.update(AWARD).where(AWARD.c.id == award.id).values(state=State.RECORDED))
    assert (award.id, "账本已冲销，却没有冲销") in [
        (award_id, words.split("；")[0]) for award_id, words in found(session)
    ]


def test_hours_removed_by_hand_are_found(recorded, session):
    """The log still has them, and says where."""
    award = recorded()
    key, index = session.execute(
        sa.select(Submission.key, Submission.entry_index).where(
            Submission.id == award.submission_id
        )
    ).one()
    session.expunge_all()
    unguard(session)
    session.execute(sa.delete(AWARD).where(AWARD.c.id == award.id))
    (missing,) = reckoning.differing(session)
    assert (missing.award_id, missing.entry) == (None, index)
    assert key in missing.message


def test_the_auditors_learn_of_it_in_the_morning_once(app, recorded, session, monkeypatch):
    """Only at night, on the desk, and not again each night; hours stay as they are."""
    award = recorded()
    made = put(session, award, state=State.RECORDED, source_id=99)
    session.commit()
    query = sa.select(EvidenceCheck.award_id, EvidenceCheck.holds)
    monkeypatch.setattr(clock, "now", lambda: NIGHT + timedelta(hours=8))
    with app.app_context():
        tasks.reckon()
    assert session.execute(query).all() == []
    for night in range(2):
        monkeypatch.setattr(clock, "now", lambda night=night: NIGHT + timedelta(days=night))
        with app.app_context():
            tasks.reckon()
    assert session.execute(query).all() == [(made, False)]
    assert session.get_one(Award, made).state == State.RECORDED


def test_what_agrees_again_leaves_the_desk(app, recorded, session, auditors, monkeypatch):
    """An award whose hours somebody changed in the table, and somebody put right again."""
    award = recorded()
    hours = award.hours
    unguard(session)
    for night, told, shown in ((0, Decimal(99), [award.id]), (1, hours, []), (2, hours, [])):
        session.execute(sa.update(AWARD).where(AWARD.c.id == award.id).values(hours=told))
        session.commit()
        monkeypatch.setattr(clock, "now", lambda night=night: NIGHT + timedelta(days=night))
        with app.app_context():
            tasks.reckon()
        session.expire_all()
        assert [each.id for each in queue.differing(session, auditors[0])] == shown
    kept = session.execute(sa.select(EvidenceCheck.holds, EvidenceCheck.of_log)).all()
    assert kept == [(False, True), (True, True)]
