"""The auditor's desk: evidence first, reasons on record, one's own area and never oneself."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests import scenes
from zhixin.audit import desk, queue, timeline, trail
from zhixin.audit.models import Trace
from zhixin.audit.queue import Filters, Tab
from zhixin.errors import Invalid, NotAllowed
from zhixin.hours.states import State, Transition
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role


def decide(session, award, step, actor, now, reason=None):
    act = desk.Act(auditor=actor, address="::1", now=now)
    desk.decide(session, award, step, act, reason=reason, hold_for=timedelta(days=10))


def page(session, auditor, tab=Tab.WAITING, after=None, **filters):
    return queue.page(session, auditor, tab, Filters(**filters), after)


@pytest.fixture
def auditor(create_person):
    return create_person("auditor", Role.AUDITOR)


@pytest.fixture
def award(create_person, session):
    return scenes._award(session, create_person("learner"))


def test_a_rejection_needs_a_reason(session, auditor, award, now) -> None:
    """The learner will read it."""
    with pytest.raises(Invalid):
        decide(session, award, Transition.REJECT, auditor, now, " ")
    decide(session, award, Transition.REJECT, auditor, now, "非本人学习")
    assert (award.state, award.reason) == (State.REJECTED, "非本人学习")


def test_nobody_decides_on_their_own_hours(session, create_person, now) -> None:
    """Four eyes: an auditor who also studies asks a colleague."""
    both = create_person("both", Role.AUDITOR, Role.LEARNER)
    own = scenes._award(session, both)
    with pytest.raises(NotAllowed):
        decide(session, own, Transition.VERIFY, both, now)


def test_a_district_sees_its_own_people(session, create_person, now) -> None:
    """An auditor of a district finds the people of its employers and nobody else's."""
    city = accounts.organisation(session, OrganisationKind.CITY, "市")
    east, west = (
        accounts.organisation(session, OrganisationKind.DISTRICT, name, city)
        for name in ("东", "西")
    )
    employer = accounts.organisation(session, OrganisationKind.EMPLOYER, "单位", east)
    scenes._award(session, create_person("learner", employer=employer))
    near = create_person("near", Role.AUDITOR, within=east)
    far = create_person("far", Role.AUDITOR, within=west)
    assert len(page(session, near).awards) == 1
    assert page(session, far).awards == []
    assert queue.counts(session, near, now).waiting == 1
    assert queue.counts(session, far, now) == queue.Counts(0, 0, 0, 0)


def test_every_decision_leaves_a_trace_that_stays(session, auditor, award, now) -> None:
    """The trail names who did what and why, and the database refuses to forget."""
    decide(session, award, Transition.VERIFY, auditor, now)
    [(trace, name)] = trail.of(session, "award", award.id)
    assert (trace.act, name) == ("verify", auditor.name)
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.delete(Trace))


@pytest.mark.parametrize("column", [column.name for column in Trace.__table__.columns])
def test_nothing_of_a_trace_is_rewritten(session, auditor, award, now, column) -> None:
    """Neither who, nor what, nor when, nor why: the database refuses every UPDATE."""
    decide(session, award, Transition.REJECT, auditor, now, reason="重复申报")
    [(trace, _name)] = trail.of(session, "award", award.id)
    columns = Trace.__table__.columns
    before = session.execute(sa.select(*columns).where(Trace.id == trace.id)).one()
    new = {
        "id": trace.id + 1000,
        "at": now + timedelta(days=1),
        "actor_id": award.person_id,
    }.get(column, "9")
    rewrite = sa.update(Trace).where(Trace.id == trace.id).values({column: new})
    refused = pytest.raises(sa.exc.IntegrityError, match="audit_trace is append-only")
    with refused, session.begin_nested():
        session.execute(rewrite.execution_options(synchronize_session=False))
    assert session.execute(sa.select(*columns).where(Trace.id == trace.id)).one() == before


def test_a_trace_is_not_replaced_or_swept_away(session, auditor, award, now) -> None:
    """By the ways round UPDATE and DELETE that each database has."""
    decide(session, award, Transition.VERIFY, auditor, now)
    [(trace, _name)] = trail.of(session, "award", award.id)
    if session.get_bind().dialect.name == "postgresql":
        ways = [
            "TRUNCATE audit_trace CASCADE",
            "INSERT INTO audit_trace SELECT * FROM audit_trace"
            " ON CONFLICT (id) DO UPDATE SET act = 'hold'",
        ]
    else:
        ways = [
            "INSERT OR REPLACE INTO audit_trace SELECT * FROM audit_trace",
            "INSERT INTO audit_trace SELECT * FROM audit_trace WHERE true"
            " ON CONFLICT (id) DO UPDATE SET act = 'hold'",
        ]
    for way in ways:
        refused = pytest.raises(sa.exc.IntegrityError, match="audit_trace is append-only")
        with refused, session.begin_nested():
            session.execute(sa.text(way))
    session.expire_all()
    assert session.get_one(Trace, trace.id).act == "verify"


def test_looking_is_an_act_too(session, auditor, award, sign_in) -> None:
    """Whoever opens somebody's evidence is written down."""
    session.commit()
    assert sign_in(auditor).get(f"/audit/awards/{award.id}").status_code == 200
    acts = session.scalars(sa.select(Trace.act).where(Trace.object_id == str(award.id)))
    assert "view" in set(acts)


def test_the_pictures_slope_is_the_watching_speed() -> None:
    """Half a video in half of the time: the line goes up evenly from corner to corner; what was
    refused, asked and handed in stands beside it."""
    beats = [
        {
            "at": "2026-11-23T02:00:30+00:00",
            "claimed": "0-30000",
            "credited": "0-30000",
            "refusal": None,
        },
        {
            "at": "2026-11-23T02:01:00+00:00",
            "claimed": "30000-120000",
            "credited": "30000-60000",
            "refusal": "faster-than-time",
        },
    ]
    prompt = {
        "asset_id": 1,
        "issued_at": "2026-11-23T02:00:30+00:00",
        "answered_at": "2026-11-23T02:00:45+00:00",
    }
    document = {
        "watching": {"playbacks": [{"asset_id": 1, "beats": beats}], "prompts": [prompt]},
        "attempts": [{"closed_at": "2026-11-23T02:00:45+00:00"}],
    }
    picture = timeline.picture(document, 1, 60_000)
    assert picture is not None
    first, second = picture.credited
    assert (first.x1, first.y1, first.x2, first.y2) == (0, 240, 500, 120)
    assert (second.x1, second.y2) == (500, 0)
    assert [(line.x1, line.y1) for line in picture.refused] == [(1000, 120)]
    assert [(band.x, band.width, band.answered) for band in picture.prompts] == [(500, 250, True)]
    assert picture.attempts == [750]
    assert timeline.picture(document, 2, 60_000) is None


def test_a_playbacks_speed_is_what_was_confirmed_for_its_time() -> None:
    """A minute and a half in two minutes, where twice the speed was allowed."""
    beat = {"at": "2026-11-23T02:02:00+00:00", "refusal": None}
    playback = {
        "id": "p", "asset_id": 1, "opened_at": "2026-11-23T02:00:00+00:00", "ended_at": None,
        "end_reason": None, "booked_ms": 90_000, "rate_percent": 200, "beats": [beat],
    }  # fmt: skip
    (lane,) = timeline.lanes({"watching": {"playbacks": [playback]}}, {})
    assert (str(lane.rate), lane.most_rate) == ("0.75", 2)
    empty = {"watching": {"playbacks": [playback | {"booked_ms": 0, "beats": []}]}}
    assert timeline.lanes(empty, {})[0].rate == 0


def test_what_administrators_do_is_on_the_trail(session, create_person, sign_in, auditor) -> None:
    """Floors below tell their acts by ``zhixin.acts``; the trail keeps who, what, whom and why."""
    city = accounts.organisation(session, OrganisationKind.CITY, "市")
    boss, person = create_person("boss", Role.ADMINISTRATOR), create_person("person")
    client = sign_in(boss)
    at = f"/admin/people/{person.id}"
    client.post(f"{at}/roles", data={"role": "author", "organisation_id": str(city.id)})
    client.post(f"{at}/password")
    client.post(f"{at}/deactivate")
    found = trail.of(session, "person", person.id)
    assert [(trace.act, trace.reason, name) for trace, name in reversed(found)] == [
        ("grant-role", "author · 市", "boss"),
        ("reset-password", None, "boss"),
        ("deactivate", None, "boss"),
    ]
    page = sign_in(auditor).get("/audit/trail").text
    assert "重置密码" in page
    assert f"人员 {person.id} person" in page


def test_a_refused_act_leaves_no_trace(session, create_person, sign_in) -> None:
    """The trace is written with the act: an administrator cannot close their own account."""
    boss = create_person("boss", Role.ADMINISTRATOR)
    assert sign_in(boss).post(f"/admin/people/{boss.id}/deactivate").status_code == 409
    assert trail.of(session, "person", boss.id) == []


def test_the_whole_trail_is_for_auditors_of_the_whole_city(session, create_person, sign_in) -> None:
    """It tells what happened in other districts too."""
    district = accounts.organisation(session, OrganisationKind.CITY, "市")
    client = sign_in(create_person("near", Role.AUDITOR, within=district))
    assert client.get("/audit/trail").status_code == 403
