"""A course ends once, on evidence, whatever arrives at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from assessments import handing_in
from assessments.models import Attempt
from courses import completion, enrolments, progress, quizzes, risk, scopes
from courses.models import Enrolment, EnrolmentState
from media import delivery, watching
from media import evidence as watching_evidence
from media.api_models import BeatIn
from media.models import Asset, Playback
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.hours import evidence
from zhixin.hours.models import Award
from zhixin.hours.rules import Verification
from zhixin.hours.states import State
from zhixin.people.models import Person

THREADS = 20
MINUTE = timedelta(minutes=1)


def check(session: Session, enrolment_id: int, now: datetime) -> Award | None:
    return completion.check(session, enrolment_id, sampling_seed="s", now=now)


def opened(session: Session, person_id: int, asset: Asset, scope: str, now: datetime) -> Playback:
    """A playback whose segments have all been sent."""
    playback = watching.open(
        session,
        person_id=person_id,
        asset=asset,
        scope=scope,
        address="",
        user_agent="",
        now=now,
    )
    delivery.merge(session, {playback.id: delivery.everything(asset)})
    return playback


def watch(session, enrolment, asset, now, *spans, claims=None) -> datetime:
    """Watch the parts in real time, one beat each; returns when it ended."""
    playback = opened(
        session, enrolment.person_id, asset, scopes.of_version(enrolment.version_id), now
    )
    for seq, (start, end) in enumerate(spans, 1):
        now += timedelta(seconds=end - start)
        beat = BeatIn(seq=seq, played=claims or [(start, end)], position=end)
        watching.record(
            session, playback_id=playback.id, person_id=enrolment.person_id, beat=beat, now=now
        )
    return now


def answer(session, enrolment, now, option="b") -> None:
    unit = progress.document(enrolment.version.document).unit("u2")
    attempt = quizzes.open(session, enrolment, unit, now)
    quizzes.submit(session, enrolment, unit, attempt.id, {"q1": [option]}, now)


@pytest.fixture
def study(session, create_offer, learner, now):
    """Publish and enrol: ``offer, enrolment = study(("video",))``."""

    def begin(*args, **kwargs):
        offer = create_offer(*args, **kwargs)
        enrolments.enrol(session, learner.id, offer.course.id, now)
        session.commit()
        found = enrolments.find(session, learner.id, offer.course.id)
        return offer, enrolments.get(session, found.id, learner.id)

    return begin


def test_everything_done_brings_the_hours_once(session, study, now):
    """Video, quiz and page: then one award, and asking again brings no second."""
    offer, enrolment = study()
    end = watch(session, enrolment, offer.asset, now, (0, 55))
    assert check(session, enrolment.id, end) is None
    answer(session, enrolment, end)
    assert check(session, enrolment.id, end) is None
    enrolments.note_read(session, enrolment, "u3")
    award = check(session, enrolment.id, end)
    assert award is not None
    assert (award.hours, award.flags, award.year) == (Decimal(1), [], 2026)
    assert (enrolment.state, enrolment.award_id) == (EnrolmentState.COMPLETED, award.id)
    assert check(session, enrolment.id, end) is None
    assert session.scalar(sa.select(sa.func.count()).select_from(Award)) == 1


def test_a_failed_quiz_completes_nothing(session, study, now):
    """Handed in is not passed."""
    offer, enrolment = study(("video", "quiz"))
    end = watch(session, enrolment, offer.asset, now, (0, 60))
    answer(session, enrolment, end, option="a")
    assert check(session, enrolment.id, end) is None
    assert progress.of(session, enrolment).missing[0].unit.key == "u2"


def test_clean_evidence_is_verified_by_rule(session, study, now):
    """Where the policy says so."""
    offer, enrolment = study(("video",))
    award = check(session, enrolment.id, watch(session, enrolment, offer.asset, now, (0, 60)))
    assert award.state == State.VERIFIED


def test_a_person_looks_where_the_policy_says_so(session, study, now):
    """Without verification by rule the award waits."""
    offer, enrolment = study(
        ("video",), verification=Verification(auto=False, sample_percent=Decimal(0))
    )
    award = check(session, enrolment.id, watch(session, enrolment, offer.asset, now, (0, 60)))
    assert award.state == State.EARNED


def test_hours_never_exceed_what_the_length_justifies(session, study, now):
    """Ten declared hours of a one-minute course are the one that it justifies."""
    offer, enrolment = study(("video",), hours="10")
    award = check(session, enrolment.id, watch(session, enrolment, offer.asset, now, (0, 60)))
    assert award.hours == Decimal(1)


def test_hours_never_exceed_what_was_declared(session, study, now):
    """The length justifies one; the author declared a half."""
    offer, enrolment = study(("video",), hours="0.5")
    award = check(session, enrolment.id, watch(session, enrolment, offer.asset, now, (0, 60)))
    assert award.hours == Decimal("0.5")


def test_a_course_without_hours_is_completed_without_an_award(session, study, now):
    """A page alone justifies no hours; it is completed all the same."""
    _offer, enrolment = study(("page",))
    enrolments.note_read(session, enrolment, "u1")
    assert check(session, enrolment.id, now) is None
    assert (enrolment.state, enrolment.award_id) == (EnrolmentState.COMPLETED, None)


def test_the_evidence_lets_anyone_compute_it_again(session, study, now):
    """Version, policy, what was watched when, the attempts, the arithmetic."""
    offer, enrolment = study()
    end = watch(session, enrolment, offer.asset, now, (0, 55))
    answer(session, enrolment, end)
    enrolments.note_read(session, enrolment, "u3")
    award = check(session, enrolment.id, end)
    found = evidence.load(session, award.evidence_sha256)
    assert found["course"]["sha256"] == offer.version.sha256
    assert found["policy"]["sha256"] == offer.policy.sha256
    assert watching_evidence.rebuild(found["watching"]) == {str(offer.asset.id): ((0, 55_000),)}
    assert [each["passed"] for each in found["attempts"]] == [True]
    assert found["pages_read"] == ["u3"]
    assert found["credit"]["hours"] == str(award.hours)


def test_hurried_claims_are_flagged_for_a_person(session, study, now, monkeypatch):
    """More media time claimed at once than could have passed: a person looks."""
    monkeypatch.setattr(risk, "REFUSED_BOUND_MS", 30_000)
    offer, enrolment = study(("video",))
    now = watch(session, enrolment, offer.asset, now, (0, 1), claims=[(0, 60)])
    end = watch(session, enrolment, offer.asset, now, (0, 60))
    award = check(session, enrolment.id, end)
    assert (award.flags, award.state) == ([risk.REFUSED_TIME], State.EARNED)


def test_late_beats_of_another_device_are_not_held_against_a_learner(
    session, study, now, monkeypatch
):
    """What came after a playback had ended is refused by nature."""
    monkeypatch.setattr(risk, "REFUSED_BOUND_MS", 30_000)
    offer, enrolment = study(("video",))
    scope, person = scopes.of_version(enrolment.version_id), enrolment.person_id
    first = opened(session, person, offer.asset, scope, now)
    end = watch(session, enrolment, offer.asset, now, (0, 10))
    beat = BeatIn(seq=1, played=[(0, 60)], position=60)
    watching.record(session, playback_id=first.id, person_id=person, beat=beat, now=end)
    end = watch(session, enrolment, offer.asset, end, (10, 60))
    assert check(session, enrolment.id, end).flags == []


# ---- many at once, on databases of their own, each thread its own connection -------------


@pytest.fixture
def racing_app(own_engine: sa.Engine, settings: Settings) -> Flask:
    """Jobs are noted by an application; the races commit for themselves."""
    return create_app(settings, bind=own_engine, testing=True)


def at_once(
    own_engine: sa.Engine, app: Flask, act: Callable[[Session, int], object]
) -> list[object]:
    barrier = Barrier(THREADS)

    def run(n: int) -> object:
        barrier.wait()
        with app.app_context(), Session(own_engine) as session:
            found = act(session, n)
            session.commit()
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def prepare(own_engine: sa.Engine, publish: Callable[..., object], now: datetime, kinds: tuple):
    """A committed learner, course and enrolment."""
    with Session(own_engine) as session:
        person = Person(sign_in_name="x", password_hash="x", name="x", created_at=now)
        session.add(person)
        session.flush()
        offer = publish(session, person.id, now, kinds)
        enrolment = enrolments.enrol(session, person.id, offer.course.id, now)
        session.commit()
        session.refresh(enrolment)
        session.expunge_all()
        return offer, enrolment


def awards_and_state(own_engine: sa.Engine) -> tuple[int, str]:
    with Session(own_engine) as session:
        count = session.scalar(sa.select(sa.func.count()).select_from(Award)) or 0
        return count, session.scalars(sa.select(Enrolment.state)).one()


def test_twenty_last_beats_bring_one_award(own_engine, racing_app, publish, now):
    """Whatever arrives at once: one completes the course, the others find it completed."""
    offer, enrolment = prepare(own_engine, publish, now, ("video",))
    with Session(own_engine) as session:
        playback = opened(
            session,
            enrolment.person_id,
            session.merge(offer.asset, load=False),
            scopes.of_version(enrolment.version_id),
            now,
        ).id
        session.commit()

    def last_beat(session: Session, n: int) -> object:
        beat = BeatIn(seq=n + 1, played=[(0, 60)], position=60)
        watching.record(
            session,
            playback_id=playback,
            person_id=enrolment.person_id,
            beat=beat,
            now=now + MINUTE,
        )
        award = check(session, enrolment.id, now + MINUTE)
        return award.id if award else None

    given = at_once(own_engine, racing_app, last_beat)
    assert len([each for each in given if each is not None]) == 1
    assert awards_and_state(own_engine) == (1, EnrolmentState.COMPLETED)


def test_twenty_submissions_bring_one_award(own_engine, racing_app, publish, now):
    """A quiz handed in by twenty impatient clicks."""
    offer, enrolment = prepare(own_engine, publish, now, ("video", "quiz"))
    with Session(own_engine) as session:
        loaded = enrolments.get(session, enrolment.id, enrolment.person_id)
        watch(session, loaded, session.merge(offer.asset, load=False), now, (0, 60))
        unit = progress.document(loaded.version.document).unit("u2")
        attempt = quizzes.open(session, loaded, unit, now).id
        session.commit()

    def hand_in(session: Session, _n: int) -> object:
        handing_in.submit(session, attempt, enrolment.person_id, {"q1": ["b"]}, now + MINUTE)
        award = check(session, enrolment.id, now + MINUTE)
        return award.id if award else None

    given = at_once(own_engine, racing_app, hand_in)
    assert len([each for each in given if each is not None]) == 1
    assert awards_and_state(own_engine) == (1, EnrolmentState.COMPLETED)
    with Session(own_engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Attempt)) == 1


def test_two_different_last_steps_at_once_still_complete_the_course(
    own_engine, racing_app, publish, now
):
    """Pages read and the last beat, each blind to the other until the lock: none is missed."""
    offer, enrolment = prepare(own_engine, publish, now, ("video", *["page"] * (THREADS - 1)))
    with Session(own_engine) as session:
        playback = opened(
            session,
            enrolment.person_id,
            session.merge(offer.asset, load=False),
            scopes.of_version(enrolment.version_id),
            now,
        ).id
        session.commit()

    def step(session: Session, n: int) -> object:
        if n == 0:
            beat = BeatIn(seq=1, played=[(0, 60)], position=60)
            person = enrolment.person_id
            watching.record(
                session, playback_id=playback, person_id=person, beat=beat, now=now + MINUTE
            )
        else:
            enrolments.note_read(session, session.get_one(Enrolment, enrolment.id), f"u{n + 1}")
        return check(session, enrolment.id, now + MINUTE) is not None

    assert at_once(own_engine, racing_app, step).count(True) == 1
    assert awards_and_state(own_engine) == (1, EnrolmentState.COMPLETED)


def test_twenty_enrolments_at_once_are_one(own_engine, racing_app, publish, now):
    """The partial unique index decides, and everybody gets the same enrolment."""
    with Session(own_engine) as session:
        person = Person(sign_in_name="x", password_hash="x", name="x", created_at=now)
        session.add(person)
        session.flush()
        course_id, person_id = publish(session, person.id, now).course.id, person.id
        session.commit()
    found = at_once(
        own_engine,
        racing_app,
        lambda session, _n: enrolments.enrol(session, person_id, course_id, now).id,
    )
    assert len(set(found)) == 1
