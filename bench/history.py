"""Pages over years of everybody's hours: 30,000 learners × 5 years, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from bench.beats import postgres
from bench.report import Comparison
from bench.seeding import fresh, quiet, signed_in
from zhixin import clock, db
from zhixin.hours import policies, suspicion
from zhixin.hours.models import Appeal, Award, Evidence
from zhixin.hours.states import Against, AppealState, State
from zhixin.people import accounts
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, RoleGrant

LEARNERS = int(os.environ.get("BENCH_LEARNERS", 30_000))
YEARS = 5
#: Awards of a learner in a year: 90 hours, most of them in courses of a few hours.
AWARDS_A_YEAR = 12
EMPLOYERS, DISTRICTS = 300, 40
ROUNDS = 40
#: One in so many is a person's to decide, of them one in so many with a flag.
WAITING, FLAGGED = 150, 4
#: Of them one in so many is held, so that a page of the queue goes on into the order of risk; and
#: one in so many was rejected. Half of both are appealed against.
HELD, REJECTED = 100, 10
FLAGS = (["night-study"], ["refused-time"], ["clockwork"], ["clockwork", "night-study"])


def measure() -> Iterator[Comparison]:
    with tempfile.TemporaryDirectory() as folder:
        yield _measured("SQLite", fresh(quiet(Path(folder))))
    with tempfile.TemporaryDirectory() as folder, postgres() as (url, _postmaster):
        yield _measured("PostgreSQL", fresh(quiet(Path(folder), url)))


def _measured(name: str, app: Flask) -> Comparison:
    started = time.perf_counter()
    with app.app_context():
        browsers = _fill(app)
    filled = time.perf_counter() - started
    year = clock.local(clock.now()).year
    # Who asks, and what is on the page if it is the one that is meant.
    pages: dict[str, tuple[dict[str, str], str]] = {
        "/sign-in": ({}, "<form"),
        f"/my/year/{year}": (browsers["learner"], "第 1 门课程"),
        f"/my/year/{year - 3}": (browsers["learner"], "第 1 门课程"),
        "/audit": (browsers["auditor"], 'name="tab" value="waiting"'),
        "/audit?tab=recorded": (browsers["auditor"], 'name="tab" value="recorded"'),
        "/audit?tab=appeals": (browsers["auditor"], "申诉的对象"),
        "/audit ": (browsers["local"], 'name="tab" value="waiting"'),  # a district's auditor
        f"/reports/{year}": (browsers["auditor"], "第 1 厂"),
    }
    found = Comparison(
        f"Pages over {LEARNERS:,} learners × {YEARS} years, "
        f"{LEARNERS * YEARS * AWARDS_A_YEAR:,} awards ({name})",
        ["page", "queries", "median ms", "p95 ms", "ratio to the sign-in page"],
        note=f"Filled in {filled:.0f} s. Whole pages in one process, {ROUNDS} rounds each.",
    )
    client, yardstick = app.test_client(use_cookies=False), 0.0
    for page, (headers, words) in pages.items():
        if words not in client.get(page.strip(), headers=headers).text:
            raise RuntimeError(f"{page}: {words} is not on it")
        times, queries = _rounds(app, client, page.strip(), headers)
        yardstick = yardstick or statistics.median(times)
        middle, p95 = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
        label = f"{page.strip()} (a district's auditor)" if page.endswith(" ") else page
        found.rows.append(
            [label, str(queries), f"{middle:.1f}", f"{p95:.1f}", f"{middle / yardstick:.1f}"]
        )
    return found


def _rounds(app: Flask, client: Any, page: str, headers: dict[str, str]) -> tuple[list[float], int]:
    statements: list[str] = []
    with app.app_context():
        engine = db.database().engine

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    times = []
    for number in range(ROUNDS + 2):
        begun = time.perf_counter()
        answer = client.get(page, headers=headers)
        if number > 1:  # the first ones fill caches
            times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{page}: {answer.status}")
    sa.event.listen(engine, "before_cursor_execute", note)
    client.get(page, headers=headers)
    sa.event.remove(engine, "before_cursor_execute", note)
    return times, sum(each.lstrip().startswith(("SELECT", "WITH")) for each in statements)


def _fill(app: Flask) -> dict[str, dict[str, str]]:
    """Everybody's history; returns browsers of a learner, a city's and a district's auditor."""
    now = clock.now()
    with db.database().transaction() as session:
        city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
        districts = [
            accounts.organisation(session, OrganisationKind.DISTRICT, f"第 {n} 区", city)
            for n in range(DISTRICTS)
        ]
        session.execute(
            sa.insert(Organisation),
            [
                {
                    "kind": OrganisationKind.EMPLOYER,
                    "name": f"第 {n} 厂",
                    "parent_id": districts[n % DISTRICTS].id,
                }
                for n in range(EMPLOYERS)
            ],
        )
        employers = session.scalars(
            sa.select(Organisation.id).where(Organisation.kind == OrganisationKind.EMPLOYER)
        ).all()
        policy = policies.in_force(session, now.date())
        session.add(Evidence(sha256="0" * 64, document="{}", created_at=now))
        first = (session.scalar(sa.select(sa.func.max(Person.id))) or 0) + 1
        people = [
            {"id": first + n, "sign_in_name": f"learner{n}", "password_hash": "-", "name": f"学员{n}",
             "created_at": now, "employer_id": employers[n % EMPLOYERS]}
            for n in range(LEARNERS)
        ]  # fmt: skip
        session.execute(sa.insert(Person), people)
        session.execute(
            sa.insert(RoleGrant),
            [{"person_id": each["id"], "role": Role.LEARNER} for each in people],
        )
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("SELECT setval('person_id_seq', (SELECT max(id) FROM person))"))
        district_id = districts[0].id
        auditor = _auditor(session, "auditor", None, now)
        local = _auditor(session, "local", district_id, now)
        auditor_id = auditor.id
    for begin in range(0, LEARNERS, 2000):
        with db.database().transaction() as session:
            ids = range(first + begin, first + min(begin + 2000, LEARNERS))
            session.execute(sa.insert(Award), list(_awards(ids, policy.id, auditor_id, now)))
    with db.database().transaction() as session:
        session.execute(sa.insert(Appeal), list(_appeals(session, now)))
    with db.database().transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("ANALYZE"))
        else:
            session.execute(sa.text("PRAGMA optimize=0x10002"))
        return {
            "learner": signed_in(app, session, session.get_one(Person, first), now),
            "auditor": signed_in(app, session, session.merge(auditor), now),
            "local": signed_in(app, session, session.merge(local), now),
        }


def _auditor(session: Any, name: str, district_id: int | None, now: datetime) -> Person:
    person = Person(sign_in_name=name, password_hash="-", name=name, created_at=now, active=True)
    session.add(person)
    session.flush()
    session.add(RoleGrant(person_id=person.id, role=Role.AUDITOR, organisation_id=district_id))
    session.flush()
    return person


def _awards(
    people: range, policy_id: int, auditor_id: int, now: datetime
) -> Iterator[dict[str, Any]]:
    this_year = clock.local(now).year
    fields = [None, "energy", "automotive", "equipment", "finance", "information"]
    for person_id in people:
        for year in range(this_year - YEARS + 1, this_year + 1):
            for number in range(AWARDS_A_YEAR):
                at = datetime(year, 1, 15, 4, tzinfo=clock.LOCAL) + timedelta(
                    days=27 * number, seconds=person_id % 80_000
                )
                turn, rest = divmod(person_id * 7 + number, WAITING)
                state = _state(turn) if year == this_year and rest == 0 else State.RECORDED
                by_a_person = state in (State.HELD, State.REJECTED)
                flagged = state is not State.RECORDED and turn % FLAGGED == 0
                flags = FLAGS[turn // FLAGGED % len(FLAGS)] if flagged else []
                yield {
                    "person_id": person_id, "source_kind": "course", "source_id": number + 1,
                    "source_version": 1, "title": f"第 {number + 1} 门课程", "year": year,
                    "field_code": fields[(person_id + number) % len(fields)],
                    "subject_kind": "general" if number % 4 == 0 else "professional",
                    "day": date(at.year, at.month, at.day), "hours": Decimal(5),
                    "policy_id": policy_id, "evidence_sha256": "0" * 64,
                    "state": state, "sampled": False,
                    "flags": flags, "calm": -suspicion.weight(flags),
                    "earned_at": at, "decided_at": None if state == State.EARNED else at,
                    "decided_by_id": auditor_id if by_a_person else None,
                    "reason": "需要核对观看记录" if by_a_person else None,
                    "due_at": now + timedelta(days=turn % 10) if state == State.HELD else None,
                }  # fmt: skip


def _state(turn: int) -> State:
    """Of one that is a person's to decide."""
    if turn % HELD == 0:
        return State.HELD
    return State.REJECTED if turn % REJECTED == 1 else State.EARNED


def _appeals(session: Session, now: datetime) -> Iterator[dict[str, Any]]:
    """Against every other hold and rejection."""
    against = {State.HELD: Against.HOLD, State.REJECTED: Against.REJECTION}
    decided = sa.select(Award).where(Award.state.in_(against)).order_by(Award.state, Award.id)
    for number, award in enumerate(session.scalars(decided).all()[::2]):
        yield {
            "award_id": award.id, "person_id": award.person_id,
            "against": against[State(award.state)], "contested_by_id": award.decided_by_id,
            "contested_at": award.decided_at, "contested_reason": award.reason, "text": "",
            "opened_at": now, "due_at": now + timedelta(days=number % 15),
            "state": AppealState.OPEN,
        }  # fmt: skip
