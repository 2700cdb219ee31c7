"""An award is rebuilt from its raw records: whoever changes one of them is found out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from courses import completion, evidence, evidence_checks, scopes
from media import booking, delivery, presence, tasks, watching
from media.api_models import BeatIn
from media.models import Beat, Coverage, Playback, Prompt
from media.presence import Cadence
from zhixin import clock, db
from zhixin.hours import evidence as evidences
from zhixin.hours.models import Award, EvidenceCheck

CADENCE = Cadence(every_ms=60_000, answer_within_ms=20_000)


class Study:
    """A learner who watches in two sittings, is asked once, and comes too fast once."""

    def __init__(self, session: Session, offer: Any, enrolment: Any, now: datetime) -> None:
        self.session, self.offer, self.enrolment, self.now = session, offer, enrolment, now
        self.scope = scopes.of_version(enrolment.version_id)

    def open(self) -> Playback:
        playback = watching.open(
            self.session, person_id=self.enrolment.person_id, asset=self.offer.asset,
            scope=self.scope, cadence=CADENCE, address="10.0.0.1", user_agent="t", now=self.now,
        )  # fmt: skip
        delivery.merge(self.session, {playback.id: delivery.everything(self.offer.asset)})
        return playback

    def beat(self, playback: Playback, seq: int, start: float, end: float) -> watching.BeatReply:
        return watching.record(
            self.session, playback_id=playback.id, person_id=self.enrolment.person_id,
            beat=BeatIn(seq=seq, played=[(start, end)], position=end), cadence=CADENCE, now=self.now,
        )  # fmt: skip

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def through(self) -> Award:
        first = self.open()
        self.session.execute(sa.update(Coverage).values(prompt_at_ms=15_000))
        self.forward(10)
        self.beat(first, 1, 0, 10)
        self.forward(10)
        asked = self.beat(first, 2, 10, 20).prompt
        assert asked is not None
        self.forward(100)  # at the door
        self.beat(first, 3, 15, 60)
        second = self.open()
        self.forward(3)
        row = self.session.get_one(Prompt, asked.id)
        presence.answer(
            self.session, playback_id=second.id, person_id=self.enrolment.person_id,
            prompt_id=asked.id, choice=row.question["right"], cadence=None, needed_ms=54_000,
            now=self.now,
        )  # fmt: skip
        self.beat(first, 4, 15, 60)  # of the hundred seconds twenty count
        self.forward(30)
        self.beat(second, 1, 30, 60)
        award = completion.check(self.session, self.enrolment.id, sampling_seed="s", now=self.now)
        assert award is not None
        return award


@pytest.fixture
def study(session: Session, create_offer: Any, learner: Any, now: datetime) -> Study:
    from courses import enrolments

    offer = create_offer(("video",))
    return Study(session, offer, enrolments.enrol(session, learner.id, offer.course.id, now), now)


@pytest.fixture
def award(study: Study) -> Award:
    return study.through()


def unguarded(session: Session, *tables: str) -> None:
    """Lift the triggers, as somebody does who owns the database."""
    for table in tables or ("beat", "award", "evidence", "course_version"):
        if session.get_bind().dialect.name == "sqlite":
            for kind in ("update", "delete"):
                session.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_no_{kind}"))
        else:
            session.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def verified(session: Session, award: Award) -> evidence.Finding:
    session.flush()
    session.expire_all()
    return evidence.verify(session, award.id)


def test_the_same_records_give_the_same_hash_and_hours(session: Session, award: Award) -> None:
    found = verified(session, award)
    assert found.differences == []
    assert found.sha256 == award.evidence_sha256
    assert found.hours == award.hours == Decimal(1)


def test_what_comes_later_does_not_matter(session: Session, award: Award, study: Study) -> None:
    """Late beats, a new look at the video, forgotten addresses: the award's moment is past."""
    (first, _second) = session.scalars(sa.select(Playback).order_by(Playback.opened_at)).all()
    study.forward(3600)
    study.beat(first, 5, 0, 60)
    study.open()
    watching.forget_devices(session, study.now + timedelta(days=999))
    assert verified(session, award).holds
    assert session.scalars(sa.select(Playback.address).distinct()).all() == [""]


def test_the_job_that_forgets_devices_leaves_hash_and_hours(
    session: Session, award: Award, study: Study, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year later nobody can say from where, and still everybody can verify how much."""
    long_after = study.now + timedelta(days=app.extensions["settings"].device_days + 1)
    monkeypatch.setattr(clock, "now", lambda: long_after)
    tasks.forget_devices()
    found = verified(session, award)
    assert session.scalars(sa.select(Playback.user_agent).distinct()).all() == [""]
    assert found.holds
    assert (found.sha256, found.hours) == (award.evidence_sha256, award.hours)


def test_addresses_are_not_in_the_document(session: Session, award: Award) -> None:
    """A hash that vouched for them would keep them for ever."""
    assert "10.0.0.1" not in str(evidences.load(session, award.evidence_sha256))


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE beat SET credited = '0-20000' WHERE seq = 1", "credited"),
        ("UPDATE beat SET claimed = '0-10', credited = '0-10' WHERE seq = 1", "claimed"),
        ("DELETE FROM beat WHERE seq = 2", "beats"),
        ("UPDATE beat SET refused_ms = 0 WHERE refused_ms > 0", "refused"),
        ("UPDATE playback SET rate_percent = 200", "rate_percent"),
        ("UPDATE playback SET person_id = {author}", "playbacks"),
        ("UPDATE prompt SET answered_at = issued_at", "answered_at"),
        ("DELETE FROM prompt", "prompts"),
        ("UPDATE delivery SET segments = '0'", "the rules give nothing"),
        ("UPDATE delivery SET segments = '0'", "segments"),
        ("UPDATE playback SET kept_ms = 1 WHERE kept_ms > 1", "the rules keep"),
        ("UPDATE playback SET kept_ms = NULL", "kept_ms"),
        ("UPDATE beat SET bank_ms = 20000 WHERE bank_ms > 0", "late bank"),
        ("UPDATE beat SET bank_ms = NULL", "bank_ms"),
        ("UPDATE award SET hours = 900", "学时"),
        ("UPDATE evidence SET document = replace(document, '60000', '90000')", "证据"),
        ("UPDATE course_version SET declared_hours = 900", "credit"),
        ("UPDATE enrolment SET enrolled_at = completed_at", "enrolled_at"),
        ("UPDATE beat SET credited = 'x' WHERE seq = 1", "无法读取"),
        ("UPDATE delivery SET segments = 'x'", "无法读取"),
        ("UPDATE course_version SET document = '{{'", "无法读取"),
    ],
)
def test_a_changed_record_is_named(
    session: Session, award: Award, author: Any, tampering: str, told: str
) -> None:
    """Whoever gets past the triggers is found by rebuilding."""
    before = session.scalars(sa.select(Beat)).all()
    assert [beat.refusal for beat in before].count("presence") >= 1
    unguarded(session)
    session.execute(sa.text(tampering.format(author=author.id)))
    found = verified(session, award)
    assert not found.holds
    assert told in "\n".join(found.differences)


def test_evidence_of_the_second_form_is_verified_as_it_was(session: Session, award: Award) -> None:
    """Drawn up before there was a late bank, without the segments that were sent."""
    document = evidences.load(session, award.evidence_sha256)
    document["form"] = 2
    for playback in document["watching"]["playbacks"]:
        del playback["kept_ms"], playback["segments"]
        for beat in playback["beats"]:
            del beat["bank_ms"]
    unguarded(session)
    award.evidence_sha256 = evidences.keep(session, document, award.earned_at)
    session.execute(sa.text("UPDATE playback SET kept_ms = NULL"))
    session.execute(sa.text("UPDATE beat SET bank_ms = NULL"))
    assert verified(session, award).differences == []
    session.execute(sa.text("UPDATE beat SET refused_ms = 0 WHERE refused_ms > 0"))
    assert not verified(session, award).holds


def test_the_late_bank_is_rebuilt_from_all_courses(
    session: Session, study: Study, create_offer: Any
) -> None:
    """What leases of another course brought and took decides with what a late beat may still
    claim; the evidence of this course names it, and the replay finds it again."""
    from courses import enrolments

    elsewhere = create_offer(("video",))
    other = Study(
        session, elsewhere,
        enrolments.enrol(session, study.enrolment.person_id, elsewhere.course.id, study.now),
        study.now,
    )  # fmt: skip
    unheard = other.open()
    other.forward(3600)
    study.now = other.now
    first = study.open()  # the hour elsewhere brings fifteen minutes
    study.forward(10)
    other.now = study.now
    other.open()
    reply = other.beat(unheard, 1, 0, 30)
    assert reply.credited_ms == 30_000
    study.now = other.now
    study.beat(first, 1, 0, 10)
    second = study.open()
    study.forward(60)
    study.beat(second, 1, 10, 60)
    award = completion.check(session, study.enrolment.id, sampling_seed="s", now=study.now)
    assert award is not None
    late = session.scalars(sa.select(Beat).where(Beat.playback_id == first.id, Beat.seq == 1)).one()
    assert late.bank_ms == booking.OFFLINE_MS - 30_000
    assert verified(session, award).differences == []
    unguarded(session)
    session.execute(
        sa.text("UPDATE beat SET credited = '0-20000' WHERE playback_id = :id"), {"id": unheard.id}
    )
    assert "late bank" in "\n".join(verified(session, award).differences)


def test_each_night_checks_the_awards_of_the_day_once(
    session: Session, award: Award, study: Study
) -> None:
    """Written down, and the next night has nothing left to do."""
    assert evidence_checks.due(session, study.now) == []
    tomorrow = study.now + timedelta(days=1)
    assert evidence_checks.due(session, tomorrow) == [award.id]
    session.add(
        EvidenceCheck(
            award_id=award.id, checked_at=tomorrow, holds=False, differences=["x"], of_log=True
        )
    )
    session.flush()
    assert evidence_checks.due(session, tomorrow) == [award.id]  # of the log, not of the records
    found = evidence_checks.check(db.database(), [award.id], tomorrow)
    assert [each.holds for each in found] == [True]
    assert evidence_checks.due(session, tomorrow) == []
    rebuilt = sa.select(EvidenceCheck.holds).where(EvidenceCheck.of_log.is_(False))
    assert session.scalars(rebuilt).all() == [True]


def test_a_difference_is_written_down_and_takes_no_hours(
    session: Session, award: Award, study: Study
) -> None:
    session.execute(sa.text("UPDATE playback SET rate_percent = 200"))
    session.expire_all()
    [found] = evidence_checks.check(db.database(), [award.id], study.now)
    assert (found.award_id, found.holds) == (award.id, False)
    kept = session.scalars(sa.select(EvidenceCheck)).one()
    assert not kept.holds
    assert kept.differences
    again = session.get_one(Award, award.id)
    assert (again.state, again.hours) == ("verified", Decimal(1))
