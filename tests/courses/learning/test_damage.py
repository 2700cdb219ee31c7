"""Damage is found and stays where it is: a row that nobody can read any more, whichever column it
is in, is a difference of its own award and stops neither the others nor the night's batch."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from sqlalchemy.orm import Session

from assessments import attempts, handing_in
from courses import enrolments, evidence, evidence_checks, evidence_commands, tasks
from courses.evidence import Finding
from tests.conftest import NOW
from tests.courses.learning.test_evidence import Study, unguarded
from zhixin import clock, command, db
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.db import Base
from zhixin.hours.models import Award, EvidenceCheck, Policy
from zhixin.people.models import Person

#: What a verification reads, and columns of it on which no award stands: whatever is in them, as
#: long as it can be read, changes nothing.
READ = {
    "award": {
        "activity", "calm", "day", "decided_at", "due_at", "earned_at", "field_code", "flags",
        "overdue_at", "reason", "sampled", "title", "year",
    },
    "evidence": {"created_at"},
    "enrolment": {"id"},
    "course_version": {
        "decided_at", "level", "publish_at", "reason", "subject_kind", "submitted_at",
    },
    "policy": {"area", "effective_from", "published_at", "source"},
    "playback": {"address", "booked_ms", "heard_at", "lapsed_ms", "user_agent"},
    "beat": set(),
    "prompt": {"question"},
    "asset": {
        "claim", "claimed_until", "created_at", "cut", "discarded_at", "duration_ms", "failure", "failure_code",
        "file_name", "folder", "height", "postponed", "queued_at", "ready_at", "recipe",
        "rendition_bytes", "report", "segments_ms", "source", "source_bytes", "source_ms", "source_sha256",
        "started_at", "tries", "unused_since", "width",
    },
    "delivery": set(),
    "attempt": {"drawn", "passed", "saved_at", "seed"},
    "paper_version": {"document", "frozen_at"},
}  # fmt: skip


def broken(column: sa.Column[Any], dialect: str) -> list[str]:
    """Values, as SQL, that ``column`` can't have by the program."""
    if dialect == "sqlite":  # which takes anything
        return ["'x'", "CAST(X'FF' AS TEXT)", "'[1'", "-7.5", "''", "'9999-99-99'"]
    kind = column.type.dialect_impl(sa.create_mock_engine("postgresql://", print).dialect)
    name = str(kind.compile(sa.dialects.postgresql.dialect())).lower()
    if "json" in name:
        return ["""'"x"'""", "'{}'", "'[7]'", "'null'"]
    if "timestamp" in name or "date" in name:
        return ["'infinity'", "'-infinity'", "'9999-12-31'"]
    if "int" in name:
        return ["-7", "2147483647"]
    if "bool" in name:
        return [f'NOT "{column.name}"']
    return ["'x'", "''", "'[1'", "'{}'"]


class Two:
    """An award that will be damaged and a sound one of somebody else."""

    def __init__(
        self, session: Session, publish: Any, people: tuple[Person, Person, Person], now: Any
    ) -> None:
        author, learner, stranger = people
        self.damaged = self.study(session, publish, author, learner, now)
        self.rows = {
            name: [tuple(row) for row in session.execute(sa.select(*_key(name)))] for name in READ
        }
        self.sound = self.study(session, publish, author, stranger, now)

    def study(self, session: Session, publish: Any, author: Person, who: Person, now: Any) -> int:
        offer = publish(session, author.id, now, ("video", "quiz", "page"))
        enrolment = enrolments.enrol(session, who.id, offer.course.id, now)
        enrolment.pages_read = ["u3"]
        study = Study(session, offer, enrolment, now)
        attempt = attempts.open(
            session, person_id=who.id, scope=study.scope, paper_version_id=offer.paper_version_id,
            pass_mark=Decimal("0.6"), attempts_allowed=None, now=now,
        )  # fmt: skip
        handing_in.submit(session, attempt.id, who.id, {"q1": ["b"]}, now)
        session.flush()
        return study.through().id


def _key(table: str) -> list[sa.Column[Any]]:
    return list(Base.metadata.tables[table].primary_key)


@pytest.fixture
def two(
    session: Session, publish: Any, author: Person, learner: Person, stranger: Person, now: Any
) -> Two:
    return Two(session, publish, (author, learner, stranger), now)


@pytest.mark.parametrize("table", READ)
def test_damage_is_a_difference_of_its_own_award(session: Session, two: Two, table: str) -> None:
    """Whatever column it is in, on the databases that take such a value."""
    unguarded(session, *(name for name in READ if name not in ("asset",)))
    dialect, whole = session.get_bind().dialect.name, Base.metadata.tables[table]
    both = [two.damaged, two.sound]
    assert [each.holds for each in found(session, both)] == [True, True]
    ours = sa.tuple_(*_key(table)).in_(two.rows[table])
    unnoticed, damages = set(), 0
    for column in whole.columns:
        for value in broken(column, dialect):
            with session.begin_nested() as before:
                try:
                    with session.begin_nested():
                        session.execute(
                            sa.update(whole).where(ours).values({column.name: sa.text(value)})
                        )
                except (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.OperationalError):
                    before.rollback()
                    continue  # this database refuses it
                damages += 1
                first, second = found(session, both)
                assert second.holds, (column.name, value, second.differences)
                if first.holds:
                    unnoticed.add(column.name)
                before.rollback()
    assert damages
    assert unnoticed <= READ[table]


def found(session: Session, award_ids: list[int]) -> list[Finding]:
    session.expunge_all()
    return list(evidence_checks.check(db.database(), award_ids, clock.now()))


def test_a_policy_that_says_something_else_is_named(session: Session, two: Two) -> None:
    """Its document is held against its own hash, even where the hours come out the same."""
    unguarded(session, "policy")
    policy_id = session.get_one(Award, two.damaged).policy_id
    changed = session.get_one(Policy, policy_id)
    changed.document = {**changed.document, "yearly_total": "900"}
    session.flush()
    first, second = found(session, [two.damaged, two.sound])
    assert "规则的内容与其摘要不符" in first.differences
    assert second.holds


@pytest.fixture
def site(own_engine: sa.Engine, tmp_path: Path) -> Flask:
    settings = Settings(
        data_dir=tmp_path, database_url=own_engine.url.render_as_string(hide_password=False),
        broker_url="memory://", log_level="ERROR",
    )  # fmt: skip
    return create_app(settings, bind=own_engine)


@pytest.fixture
def installed(site: Flask, publish: Any) -> Two:
    """The same two awards, committed."""
    names = ("zuozhe", "xueyuan", "luren")
    with site.app_context(), db.database().transaction() as session:
        people = [Person(sign_in_name=n, password_hash="-", name=n, created_at=NOW) for n in names]
        session.add_all(people)
        session.flush()
        return Two(session, publish, tuple(people), NOW)


def test_the_nights_batch_goes_on_and_lets_others_write(
    site: Flask, installed: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learners beat and hand in while it reads; each result is kept when it is found; one
    damaged award does not end it."""
    database: db.Database = site.extensions["db"]
    with database.transaction() as session:
        unguarded(session, "policy")
        policy_id = session.get_one(Award, installed.damaged).policy_id
        session.execute(
            sa.text("UPDATE policy SET document = '\"x\"' WHERE id = :id"), {"id": policy_id}
        )
    kept: list[int] = []
    verify = evidence.verify

    def watched(session: Session, award_id: int) -> Finding:
        done = verify(session, award_id)
        with database.transaction() as other:  # fails after 15 s if the batch holds the lock
            other.execute(sa.text("UPDATE person SET name = 'x' WHERE sign_in_name = 'luren'"))
            count = sa.select(sa.func.count()).select_from(EvidenceCheck)
            kept.append(other.scalar(count) or 0)
        return done

    monkeypatch.setattr(evidence, "verify", watched)
    night = clock.local(NOW + timedelta(days=1)).replace(hour=2)
    monkeypatch.setattr(clock, "now", lambda: night)
    with site.app_context():
        tasks.verify_awards()
    assert kept == [0, 1]
    with database.session(writes=False) as session:
        checks = session.execute(sa.select(EvidenceCheck.award_id, EvidenceCheck.holds)).all()
    assert sorted(map(tuple, checks)) == sorted([
        (installed.damaged, False), (installed.sound, True)
    ])  # fmt: skip


def test_the_operators_command_tells_which_awards_differ(
    site: Flask, installed: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are verified, whatever is broken in one; the exit status says that one is."""
    database: db.Database = site.extensions["db"]
    with database.transaction() as session:
        unguarded(session, "award")
        broken_hours = "'x'" if session.get_bind().dialect.name == "sqlite" else "77"
        session.execute(
            sa.text(f"UPDATE award SET hours = {broken_hours} WHERE id = :id"),
            {"id": installed.damaged},
        )
    monkeypatch.setattr(command, "make_app", lambda: site)
    done, one, none = (
        CliRunner().invoke(evidence_commands.evidence, ["verify", *words])
        for words in (["--all", "--json"], [str(installed.sound)], ["9999"])
    )
    holds = {line["award"]: line["holds"] for line in map(json.loads, done.stdout.splitlines())}
    assert holds == {installed.damaged: False, installed.sound: True}
    assert (done.exit_code, one.exit_code) == (1, 0)
    assert none.exit_code != 0
