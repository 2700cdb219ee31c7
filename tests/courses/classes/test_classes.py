"""Classes: who was there is written down, and hours follow from it by rule, once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courses.classes import closing, meanwhile, running, seminars, tasks
from courses.classes.models import (
    Attendance,
    ClassMember,
    ClassState,
    TrainingClass,
)
from media.models import Asset, AssetState, Beat, Playback
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.hours import evidence, policies
from zhixin.hours.models import Award
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role


class Hall:
    """A class of four hours in two sittings yesterday, with learners on its roster."""

    def __init__(self, session, create_person, now):
        self.session, self.now = session, now
        policies.ensure_shipped(session, now)
        self.bureau = accounts.organisation(session, OrganisationKind.BUREAU, "市建委")
        self.clerk = create_person("clerk", Role.BUREAU, within=self.bureau)
        self.learners = [
            create_person(f"learner{n}", employer=self.bureau, name=f"学员{n}") for n in range(3)
        ]
        self.within = running.reach(session, self.clerk)
        self.id = running.create(
            session, organiser_id=self.bureau.id, within=self.within, title="装配式建筑高级研修班",
            field_code=None, subject_kind="professional", place="市委党校", attendance_percent=80,
            actor_id=self.clerk.id, now=now,
        ).id  # fmt: skip
        begin = now - timedelta(days=1)
        for half in (0, 4):
            running.add_session(
                session, self.training, begins_at=begin + timedelta(hours=half),
                ends_at=begin + timedelta(hours=half + 2), topic=f"第 {half} 讲", teacher="专家",
            )  # fmt: skip
        running.add_members(
            session, self.training, [each.sign_in_name for each in self.learners], self.within, now
        )
        session.commit()

    @property
    def training(self):
        return running.get(self.session, self.within, self.id)

    def note(self, *minutes, at=None):
        """What each learner's attendance is, at each sitting."""
        for sitting in self.training.sessions:
            running.record(
                self.session, self.training, sitting.id,
                {p.id: m for p, m in zip(self.learners, minutes, strict=False)},
                actor_id=self.clerk.id, now=at or self.now,
            )  # fmt: skip

    def close(self):
        closing.close(self.session, self.training, actor_id=self.clerk.id, now=self.now)
        return closing.award_all(self.session, self.id, "seed")

    def awards(self):
        return self.session.scalars(sa.select(Award).order_by(Award.person_id)).all()


@pytest.fixture
def hall(session, create_person, now):
    return Hall(session, create_person, now)


def test_hours_follow_attended_time(hall) -> None:
    """Whoever was there long enough gets hours for the time they were there, by the policy."""
    hall.note(120, 100, 90)
    assert hall.close() == 2
    # 45 minutes an hour in steps of a half: 240 minutes are 5, 200 are 4; 180 of 240 are too few.
    assert [award.hours for award in hall.awards()] == [Decimal(5), Decimal(4)]
    assert {award.source_kind for award in hall.awards()} == {"class"}
    assert hall.training.state == ClassState.CLOSED


def test_the_last_note_counts_and_none_is_lost(hall) -> None:
    """A correction before the end stands beside what it corrects, also in the evidence."""
    hall.note(0, 120, 120)
    hall.note(120, 120, 120)
    hall.close()
    award = hall.awards()[0]
    document = evidence.load(hall.session, award.evidence_sha256)
    notes = document["sessions"][0]["attendance"]
    assert [note["minutes"] for note in notes] == [0, 120]
    assert Decimal(document["credit"]["hours"]) == award.hours


def test_closing_twice_gives_hours_once(hall) -> None:
    """A job that runs again, or was killed half way, adds nothing."""
    hall.note(120, 120, 120)
    hall.close()
    assert closing.award_all(hall.session, hall.id, "seed") == 0
    hall.session.execute(sa.text("UPDATE training_class SET state = 'closing'"))
    hall.session.expire_all()
    assert closing.award_all(hall.session, hall.id, "seed") == 0
    assert len(hall.awards()) == 3


def test_attendance_is_never_rewritten(hall, connection) -> None:
    """The database refuses to change or delete what was written down."""
    hall.note(120)
    for statement in ("UPDATE attendance SET minutes = 1", "DELETE FROM attendance"):
        with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
            connection.exec_driver_sql(statement)


def test_a_class_ends_when_all_is_written_down(hall) -> None:
    """Not before its last sitting is over and has its attendance."""
    with pytest.raises(Conflict, match="还没有登记考勤"):
        hall.close()
    running.add_session(
        hall.session, hall.training, begins_at=hall.now + timedelta(hours=1),
        ends_at=hall.now + timedelta(hours=2), topic="补课", teacher="专家",
    )  # fmt: skip
    with pytest.raises(Conflict, match="还有没上完的课"):
        hall.close()


def test_nothing_changes_after_the_end(hall) -> None:
    """A closed class's roster, sittings and attendance are final; so are a cancelled one's."""
    hall.note(120, 120, 120)
    hall.close()
    training = hall.training
    for late in (
        lambda: hall.note(60),
        lambda: running.add_members(hall.session, training, ["x"], None, hall.now),
        lambda: running.drop_session(hall.session, training, training.sessions[0].id),
        lambda: running.cancel(hall.session, training),
        lambda: closing.close(hall.session, training, actor_id=hall.clerk.id, now=hall.now),
    ):
        with pytest.raises(running.ClassOver):
            late()


@pytest.mark.parametrize("minutes", [-1, 121])
def test_nobody_was_there_longer_than_it_took(hall, minutes) -> None:
    """Hours follow from minutes, so minutes are checked."""
    with pytest.raises(Invalid):
        hall.note(minutes)
    assert hall.session.scalar(sa.select(sa.func.count(Attendance.id))) == 0


def test_attendance_begins_with_the_sitting(hall) -> None:
    """Nobody has attended what has not begun."""
    with pytest.raises(Invalid, match="还没有开始"):
        hall.note(120, at=hall.now - timedelta(days=2))


def test_nobody_writes_down_their_own(hall, create_person) -> None:
    """Who runs a class and sits in it is written down by somebody else."""
    both = create_person(
        "both", Role.BUREAU, Role.LEARNER, employer=hall.bureau, within=hall.bureau
    )
    running.add_members(hall.session, hall.training, ["both"], hall.within, hall.now)
    sitting = hall.training.sessions[0]
    with pytest.raises(Invalid, match="自己的考勤"):
        running.record(
            hall.session, hall.training, sitting.id, {both.id: 120}, actor_id=both.id, now=hall.now
        )


def test_strangers_cannot_be_found_out_by_name(hall, create_person) -> None:
    """Somebody outside the area is as unknown as nobody."""
    create_person("elsewhere")
    added = running.add_members(
        hall.session, hall.training, ["elsewhere", "nobody", "learner0"], hall.within, hall.now
    )
    assert (added.added, added.already, added.unknown) == (
        [],
        ["learner0"],
        ["elsewhere", "nobody"],
    )


def test_another_areas_class_is_not_there(hall, create_person) -> None:
    """Neither to see nor to open one for it."""
    other = accounts.organisation(hall.session, OrganisationKind.BUREAU, "市卫健委")
    clerk = create_person("other", Role.BUREAU, within=other)
    within = running.reach(hall.session, clerk)
    with pytest.raises(NotFound):
        running.get(hall.session, within, hall.id)
    assert running.listing(hall.session, within, 1) == ([], False)


def test_two_sittings_are_never_at_the_same_time(hall) -> None:
    """Minutes of one moment would count twice."""
    first = hall.training.sessions[0]
    with pytest.raises(Invalid, match="重叠"):
        running.add_session(
            hall.session, hall.training, begins_at=first.begins_at + timedelta(minutes=119),
            ends_at=first.ends_at + timedelta(minutes=1), topic="x", teacher="y",
        )  # fmt: skip


def _watch(hall, at, ended=None):
    learner = hall.learners[0]
    asset = Asset(
        owner_id=learner.id, file_name="v", source="v", source_bytes=1, state=AssetState.READY,
        duration_ms=60_000, segments_ms=[4000] * 15, folder="x", created_at=hall.now,
    )  # fmt: skip
    hall.session.add(asset)
    hall.session.flush()
    hall.session.add(
        Playback(
            id="p1", person_id=learner.id, asset_id=asset.id, scope="version:1", address="", user_agent="",
            opened_at=at - timedelta(minutes=1), heard_at=at, ended_at=ended, booked_ms=10_000, rate_percent=100,
        )
    )  # fmt: skip
    hall.session.flush()
    hall.session.add(
        Beat(
            playback_id="p1",
            seq=1,
            received_at=at,
            claimed="0-10000",
            credited="0-10000",
            refused_ms=0,
        )
    )
    hall.session.flush()


def test_a_video_watched_in_class_is_looked_at(hall) -> None:
    """An award of somebody in two places waits for a person; it takes nothing away."""
    _watch(hall, hall.training.sessions[0].begins_at + timedelta(minutes=60))
    hall.note(120, 120, 120)
    hall.close()
    assert [award.flags for award in hall.awards()] == [[meanwhile.IN_CLASS], [], []]
    assert hall.awards()[0].hours == Decimal(5)


@pytest.mark.parametrize(("minutes", "late"), [(5, False), (60, True)])
def test_what_was_watched_before_the_class_is_not_held_against_anybody(hall, minutes, late) -> None:
    """Reports of what was played before come in for a while, or after their playback ended."""
    at = hall.training.sessions[0].begins_at + timedelta(minutes=minutes)
    _watch(hall, at, ended=at - timedelta(minutes=10) if late else None)
    hall.note(120, 120, 120)
    hall.close()
    assert hall.awards()[0].flags == []


def test_a_course_completed_later_is_looked_at_too(hall) -> None:
    """The same from the other side: the class's attendance was there first."""
    hall.note(120, 60, 120)
    at = hall.training.sessions[0].begins_at + timedelta(minutes=60)
    beat = {"at": at.isoformat(), "credited": "0-10000"}

    def document(person):
        return {
            "person_id": person.id,
            "watching": {"playbacks": [{"ended_at": None, "beats": [beat]}]},
        }

    whole, part = hall.learners[0], hall.learners[1]
    assert meanwhile.attended(hall.session, document(whole))
    assert not meanwhile.attended(hall.session, document(part)), "there for a part only"
    beat["at"] = (at + timedelta(days=3)).isoformat()
    assert not meanwhile.attended(hall.session, document(whole))


def test_a_class_of_a_day_without_a_rule_is_not_closed(hall) -> None:
    """It would wait for its hours for ever."""
    hall.note(120, 120, 120)
    for sitting in hall.training.sessions:
        sitting.begins_at -= timedelta(days=365 * 20)
        sitting.ends_at -= timedelta(days=365 * 20)
    hall.session.flush()
    with pytest.raises(Conflict):
        hall.close()
    assert hall.training.state == ClassState.OPEN


def test_what_was_closed_meanwhile_is_not_changed(hall) -> None:
    """Whoever loaded the class a moment before it was closed is refused like others."""
    training, sitting = hall.training, hall.training.sessions[0].id
    hall.session.execute(sa.update(TrainingClass).values(
        state=ClassState.CLOSING, closed_at=hall.now, closed_by_id=hall.clerk.id,
    ).execution_options(synchronize_session=False))  # fmt: skip
    with pytest.raises(running.ClassOver):
        running.record(
            hall.session, training, sitting, {hall.learners[0].id: 120}, actor_id=hall.clerk.id,
            now=hall.now,
        )  # fmt: skip
    assert not running.attendance(hall.session, hall.id)


def test_a_class_that_fails_stops_no_other(hall, monkeypatch) -> None:
    """Whatever is wrong with one, the next class's learners have their hours."""
    other = running.create(
        hall.session, organiser_id=hall.bureau.id, within=hall.within, title="另一个班",
        field_code=None, subject_kind="professional", place="党校", attendance_percent=80,
        actor_id=hall.clerk.id, now=hall.now,
    )  # fmt: skip
    hall.session.execute(sa.update(TrainingClass).values(
        state=ClassState.CLOSING, closed_at=hall.now, closed_by_id=hall.clerk.id,
    ))  # fmt: skip
    hall.session.commit()
    tried = []

    def fail(_session, class_id, _seed):
        tried.append(class_id)
        raise NotFound

    monkeypatch.setattr(closing, "award_all", fail)
    tasks.award_classes.run()
    assert tried == [hall.id, other.id]


@pytest.mark.parametrize("seminar", [True, False])
def test_advanced_seminars_are_counted_for_the_plan(hall, seminar) -> None:
    """Once each with the people who got hours of it, in the year of the hours; others are not."""
    hall.training.seminar = seminar
    hall.session.commit()
    year = hall.now.year
    assert seminars.of_year(hall.session, year) == (0, 0)
    hall.note(120, 120, 0)
    hall.close()
    assert len(hall.awards()) == 2
    assert seminars.of_year(hall.session, year) == ((1, 2) if seminar else (0, 0))
    assert seminars.of_year(hall.session, year - 1) == (0, 0)


def test_a_class_from_its_opening_to_its_hours(hall, sign_in, create_person) -> None:
    """As a bureau's clerk does it in the browser; the learner sees each step."""
    client, learner = sign_in(hall.clerk), sign_in(hall.learners[0])
    assert "出勤要求（%）" in client.get("/classes/new").text
    answer = client.post(
        "/classes/new",
        data={"title": "绿色建筑班", "organiser": hall.bureau.id, "subject_kind": "professional",
              "place": "会堂", "attendance_percent": "80", "field": "", "seminar": "1"},
    )  # fmt: skip
    address = answer.headers["Location"]
    client.post(
        f"{address}/sessions",
        data={
            "begins_at": "2026-11-20T09:00",
            "ends_at": "2026-11-20T12:00",
            "topic": "讲座",
            "teacher": "专家",
        },
    )
    client.post(f"{address}/members", data={"names": "learner0\nlearner1, nobody"})
    page = client.get(address).text
    assert "高级研修班</dd>" in page
    assert "学员0" in page
    session_id = page.split('data-session="')[1].split('"')[0]
    assert "未登记" in learner.get("/my/classes").text
    ids = [member.person_id for member in hall.session.scalars(sa.select(ClassMember))][-2:]
    client.post(
        f"{address}/sessions/{session_id}/attendance",
        data={"present": [ids[0]], f"minutes-{ids[0]}": ""},
    )
    assert "到场 180 分钟" in learner.get("/my/classes").text
    assert client.post(f"{address}/closing").status_code == 303
    assert "已结班" in client.get(address).text
    assert "未达到出勤要求" in client.get(address).text
    award = hall.session.scalars(sa.select(Award).where(Award.title == "绿色建筑班")).one()
    assert (award.person_id, award.hours, str(award.day)) == (ids[0], Decimal(4), "2026-11-20")


@given(st.lists(st.integers(0, 120), min_size=3, max_size=3))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_hours_never_exceed_attended_time(hall, minutes) -> None:
    """Whatever was written down: at most the attended minutes by the rule, or nothing."""
    point = hall.session.begin_nested()
    hall.note(*minutes)
    hall.close()
    rule = policies.rule(policies.in_force(hall.session, hall.now.date()))
    given_to = {award.person_id: award.hours for award in hall.awards()}
    for person, each in zip(hall.learners, minutes, strict=True):
        hours = given_to.get(person.id, Decimal(0))
        assert hours * rule.minutes_per_hour <= 2 * each
        assert (hours > 0) == (each >= 96)
    point.rollback()
    hall.session.expire_all()
