"""Leases and beats on real databases: each second once, honest time never lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from media import booking, delivery, evidence, intervals, tasks, watching
from media.api_models import BeatIn
from media.models import Asset, AssetState, Beat, Playback
from zhixin import clock, db, schema
from zhixin.config import Settings
from zhixin.errors import NotFound
from zhixin.people.models import Person

HOUR_MS = 3_600_000
SCOPE = "version:1"


def make_asset(session: Session, owner: Person, now: datetime) -> Asset:
    asset = Asset(
        owner_id=owner.id,
        file_name="v.mp4",
        source="v",
        source_bytes=1,
        state=AssetState.READY,
        progress=100,
        tries=1,
        duration_ms=HOUR_MS,
        segments_ms=[4000] * 900,
        folder="assets/1/x",
        created_at=now,
    )
    session.add(asset)
    session.flush()
    return asset


def open_(session: Session, person: Person, asset: Asset, now: datetime) -> Playback:
    """Open it, and have all of its segments sent."""
    playback = watching.open(
        session,
        person_id=person.id,
        asset=asset,
        scope=SCOPE,
        address="::1",
        user_agent="t",
        now=now,
    )
    delivery.merge(session, {playback.id: delivery.everything(asset)})
    return playback


def beat(
    session: Session, playback: Playback, seq: int, start: float, end: float, at: datetime
) -> watching.BeatReply:
    return watching.record(
        session,
        playback_id=playback.id,
        person_id=playback.person_id,
        beat=BeatIn(seq=seq, played=[(start, end)], position=end),
        now=at,
    )


@pytest.fixture
def learner(create_person: Callable[..., Person]) -> Person:
    return create_person("learner")


def test_credit_never_exceeds_the_servers_time(
    session: Session, learner: Person, now: datetime
) -> None:
    """An hour claimed ten seconds after opening is ten seconds; the rest may be claimed later."""
    asset = make_asset(session, learner, now)
    playback = open_(session, learner, asset, now)
    reply = beat(session, playback, 1, 0, 3600, now + timedelta(seconds=10))
    assert reply.credited_ms == 10_000
    assert reply.reason == "faster-than-time"
    later = beat(session, playback, 2, 0, 3600, now + timedelta(seconds=60))
    assert later.covered_ms == 60_000


def test_taking_over_ends_the_other_device(
    session: Session, learner: Person, now: datetime
) -> None:
    """The phone is told; what it played before still counts, what it plays on does not."""
    asset = make_asset(session, learner, now)
    phone = open_(session, learner, asset, now)
    desktop = open_(session, learner, asset, now + timedelta(seconds=20))
    late = beat(session, phone, 1, 0, 30, now + timedelta(seconds=60))
    assert late.credited_ms == 20_000
    assert late.ended == watching.TAKEN_OVER
    assert beat(session, desktop, 1, 20, 60, now + timedelta(seconds=60)).covered_ms == 60_000


def test_leases_follow_each_other_whoever_comes_first(
    session: Session, learner: Person, now: datetime
) -> None:
    """A request that waited for its turn opens no lease within one that has ended: three
    devices that race for twenty seconds are credited twenty seconds, whatever they play."""
    first, second, third = (make_asset(session, learner, now) for _ in range(3))
    phone = open_(session, learner, first, now)
    desktop = open_(session, learner, second, now + timedelta(seconds=10))
    tablet = open_(session, learner, third, now + timedelta(seconds=4))  # asked first, came last
    end = now + timedelta(seconds=20)
    credited = [beat(session, each, 1, 0, 60, end).credited_ms for each in (phone, desktop, tablet)]
    assert credited == [10_000, 0, 10_000]


def test_position_is_that_of_the_open_playback(
    session: Session, learner: Person, now: datetime
) -> None:
    """A late beat of the phone does not move where the desktop is now."""
    asset = make_asset(session, learner, now)
    phone = open_(session, learner, asset, now)
    desktop = open_(session, learner, asset, now + timedelta(seconds=30))
    beat(session, desktop, 1, 30, 50, now + timedelta(seconds=50))
    beat(session, phone, 1, 0, 30, now + timedelta(seconds=55))
    covered = watching.coverage(session, learner.id, SCOPE)[asset.id]
    assert (covered.position_ms, covered.spans) == (50_000, ((0, 50_000),))


def test_a_doubled_beat_changes_nothing(session: Session, learner: Person, now: datetime) -> None:
    """The same report twice is one report; another one under its number is refused."""
    playback = open_(session, learner, make_asset(session, learner, now), now)
    at = now + timedelta(seconds=15)
    first = beat(session, playback, 1, 0, 15, at)
    assert beat(session, playback, 1, 0, 15, at).covered_ms == first.covered_ms == 15_000
    with pytest.raises(watching.SequenceReused):
        beat(session, playback, 1, 0, 14, at)


def test_late_beats_are_taken_for_a_stated_time(
    session: Session, learner: Person, now: datetime
) -> None:
    """After a day a closed playback takes nothing more."""
    playback = open_(session, learner, make_asset(session, learner, now), now)
    watching.close(
        session, playback_id=playback.id, person_id=learner.id, now=now + timedelta(minutes=1)
    )
    session.expire_all()
    assert beat(session, playback, 1, 0, 60, now + timedelta(hours=23)).credited_ms == 60_000
    with pytest.raises(watching.PlaybackClosed):
        beat(session, playback, 2, 0, 60, now + timedelta(hours=25))


def test_ended_leases_of_many_videos_keep_one_bank(
    session: Session, learner: Person, now: datetime
) -> None:
    """A quarter of an hour each of eight videos, unheard: a quarter of an hour in all is taken
    late. What was refused may be credited when as much time has passed again."""
    leases = []
    for number in range(8):
        at = now + timedelta(minutes=15 * number)
        leases.append(open_(session, learner, make_asset(session, learner, now), at))
    end = now + timedelta(minutes=120)
    watching.close(session, playback_id=leases[-1].id, person_id=learner.id, now=end)
    replies = [beat(session, each, 1, 0, 600, end) for each in leases]
    assert sum(reply.credited_ms for reply in replies) == booking.OFFLINE_MS
    assert [reply.reason for reply in replies[2:]] == ["faster-than-time"] * 6
    open_(session, learner, make_asset(session, learner, now), end)
    watching.leave(session, learner.id, SCOPE, end + timedelta(minutes=5))
    later = beat(session, leases[2], 2, 0, 600, end + timedelta(minutes=5))
    assert later.credited_ms == 5 * 60_000
    found = evidence.records(session, learner.id, SCOPE, end + timedelta(hours=1))
    assert evidence.replay(found).differences == []


def test_pages_that_stood_open_take_nothing_from_what_was_played_unheard(
    session: Session, learner: Person, now: datetime
) -> None:
    """Ten minutes on a phone without network, then hours at the desk, with a reload: the phone
    brings its ten minutes in the evening."""
    asset = make_asset(session, learner, now)
    phone = open_(session, learner, asset, now)
    desk = open_(session, learner, asset, now + timedelta(minutes=10))
    again = open_(session, learner, asset, now + timedelta(hours=3))
    evening = now + timedelta(hours=6)
    assert beat(session, again, 1, 900, 1200, evening).credited_ms == 5 * 60_000
    assert beat(session, phone, 1, 0, 600, evening).credited_ms == 10 * 60_000
    assert beat(session, desk, 1, 600, 900, evening).credited_ms == 5 * 60_000


def test_what_a_credit_stands_on_is_in_the_database_with_it(
    session: Session, learner: Person, now: datetime
) -> None:
    """Segments that only this process knew to be sent, a moment before it is gone."""
    asset = make_asset(session, learner, now)
    playback = watching.open(
        session, person_id=learner.id, asset=asset, scope=SCOPE, address="::1", user_agent="t",
        now=now,
    )  # fmt: skip
    for seq, sent, credited_ms in ((1, 0, 0), (2, 0b11, 8000), (3, 0b11, 0)):
        reply = watching.record(
            session, playback_id=playback.id, person_id=learner.id, sent=sent,
            beat=BeatIn(seq=seq, played=[(0, 10)], position=10), now=now + timedelta(seconds=10),
        )  # fmt: skip
        assert reply.credited_ms == credited_ms
        assert reply.reason == "not-delivered"
    assert delivery.of(session, [playback.id]) == {playback.id: 0b11}


def test_devices_are_kept_only_as_long_as_policy_says(
    session: Session, learner: Person, now: datetime
) -> None:
    """Counted from the last beat; what was watched stays, and so do the beats."""
    asset = make_asset(session, learner, now)
    old = open_(session, learner, asset, now)
    beat(session, old, 1, 0, 10, now + timedelta(seconds=10))
    recent = open_(session, learner, asset, now + timedelta(days=2))
    assert watching.forget_devices(session, now + timedelta(days=1)) == 1
    session.expire_all()
    assert [(each.address, each.user_agent) for each in (old, recent)] == [("", ""), ("::1", "t")]
    assert old.booked_ms == 10_000
    assert session.scalars(sa.select(Beat.playback_id)).all() == [old.id]
    assert watching.forget_devices(session, now + timedelta(days=1)) == 0


def test_the_job_counts_days_by_the_setting(
    session: Session, learner: Person, now: datetime, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day too young stays; a day older goes."""
    days = app.extensions["settings"].device_days
    open_(session, learner, make_asset(session, learner, now), now)
    for after, kept in ((days - 1, "t"), (days + 1, "")):
        later = now + timedelta(days=after)
        monkeypatch.setattr(clock, "now", lambda later=later: later)
        tasks.forget_devices()
        session.expire_all()
        assert session.scalars(sa.select(Playback.user_agent)).all() == [kept]


def test_another_persons_playback_is_not_found(
    session: Session, learner: Person, create_person: Callable[..., Person], now: datetime
) -> None:
    """A playback's id alone opens nothing."""
    playback = open_(session, learner, make_asset(session, learner, now), now)
    stranger = create_person("stranger")
    with pytest.raises(NotFound):
        watching.record(
            session,
            playback_id=playback.id,
            person_id=stranger.id,
            beat=BeatIn(seq=1, played=[(0, 1)], position=1),
            now=now + timedelta(seconds=5),
        )


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=st.permutations(range(1, 9)), doubled=st.sets(st.integers(1, 8)))
def test_order_and_doubles_do_not_matter(
    session: Session, learner: Person, now: datetime, order: list[int], doubled: set[int]
) -> None:
    """Beats of two honest minutes, late, shuffled and doubled, come to two minutes."""
    asset = make_asset(session, learner, now)
    playback = open_(session, learner, asset, now)
    at = playback.opened_at + timedelta(seconds=120)
    for seq in [*order, *doubled]:
        beat(session, playback, seq, (seq - 1) * 15, seq * 15, at)
    covered = watching.coverage(session, learner.id, SCOPE)[asset.id]
    assert covered.spans == ((0, 120_000),)
    given = evidence.records(session, learner.id, SCOPE, now + timedelta(days=9999))
    document = evidence.document(given)
    assert evidence.replay(given).differences == []
    assert evidence.rebuild(document)[str(asset.id)] == covered.spans


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[int, int]]:
    """How a line brings eight beats, one each 15 s: (arrival in s, sequence number). Each is
    sent when its time has been played and again until it is answered: answers are lost too."""
    arrivals: list[tuple[int, int]] = []
    for seq in range(1, 9):
        delays = draw(st.lists(st.integers(0, 200), min_size=1, max_size=3))
        arrivals += [(seq * 15 + delay, seq) for delay in delays]
    return sorted(arrivals)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    arrivals=lines(),
    starts=st.lists(st.integers(0, 200), min_size=8, max_size=8),
    greedy=st.sets(st.integers(1, 8)),
)
def test_whatever_the_line_does(
    session: Session,
    learner: Person,
    now: datetime,
    arrivals: list[tuple[int, int]],
    starts: list[int],
    greedy: set[int],
) -> None:
    """Lost and sent again, doubled, late, out of order, from anywhere in the video: an honest
    learner gets exactly what was played, and nobody ever more than the time that passed."""
    asset = make_asset(session, learner, now)
    honest = open_(session, learner, asset, now)
    for after, seq in arrivals:
        start = starts[seq - 1]
        at = honest.opened_at + timedelta(seconds=after)  # after the example before
        reply = beat(session, honest, seq, start, start + 15, at)
        assert reply.refused_ms == 0
        assert reply.covered_ms <= after * 1000
    covered = watching.coverage(session, learner.id, SCOPE)[asset.id]
    assert covered.spans == intervals.normalise((s * 1000, (s + 15) * 1000) for s in starts)

    other = make_asset(session, learner, now)
    liar = open_(session, learner, other, honest.opened_at + timedelta(seconds=400))
    for after, seq in arrivals:
        claimed = 3000 if seq in greedy else 15
        start = starts[seq - 1]
        at = liar.opened_at + timedelta(seconds=after)
        reply = beat(session, liar, seq, start, start + claimed, at)
        assert reply.covered_ms <= after * 1000


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[db.Database]:
    """A database whose transactions really commit."""
    folder = tmp_path_factory.mktemp("own")
    url = f"sqlite:///{folder / 'own.sqlite3'}"
    if request.param == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgres_url"))
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS watching WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE watching"))
        admin.dispose()
        url = server.set(database="watching").render_as_string(hide_password=False)
    engine = db.make_engine(url)
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield db.Database(Settings(), bind=engine)
    engine.dispose()


def seeded(database: db.Database, now: datetime) -> tuple[Person, Asset]:
    with database.transaction() as session:
        person = Person(
            sign_in_name="l", password_hash="-", name="学员", created_at=now, active=True
        )
        session.add(person)
        session.flush()
        return person, make_asset(session, person, now)


def test_two_devices_book_each_second_once(own_database: db.Database, now: datetime) -> None:
    """Two devices take over from each other as fast as they can: an hour is an hour."""
    person, asset = seeded(own_database, now)

    def device(number: int) -> None:
        for minute in range(number, 30, 2):
            at = now + timedelta(minutes=minute)
            with own_database.transaction() as session:
                playback = open_(session, person, asset, at)
            for seq in (1, 2):
                with own_database.transaction() as session:
                    beat(
                        session,
                        playback,
                        seq,
                        minute * 60,
                        minute * 60 + 120,
                        at + timedelta(minutes=1),
                    )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(device, (0, 1)))
    with own_database.transaction() as session:
        booked = session.scalar(sa.select(sa.func.sum(Playback.booked_ms)))
        covered = watching.coverage(session, person.id, SCOPE)[asset.id].covered_ms
        credited = intervals.normalise(
            span
            for text in session.scalars(sa.select(Beat.credited))
            for span in intervals.decode(text)
        )
    assert booked == covered == intervals.total(credited)
    assert covered <= 30 * 60_000


def test_first_beats_of_two_devices_do_not_overwrite_each_other(
    own_database: db.Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is covered yet, so there is no row to hold: both devices' time is kept all the
    same. The decision is made slow, so that both are on it if they can be."""
    decide = booking.book

    def slowly(*arguments: Any, **facts: Any) -> booking.Booking:
        time.sleep(0.1)
        return decide(*arguments, **facts)

    monkeypatch.setattr(booking, "book", slowly)
    person, _ = seeded(own_database, now)
    end = now + timedelta(seconds=60)
    for _again in range(3):
        with own_database.transaction() as session:
            asset = make_asset(session, person, now)
            phone = open_(session, person, asset, now)
            desktop = open_(session, person, asset, now + timedelta(seconds=30))
            opened = ((phone, 0), (desktop, 30))
            # Leases of the rounds before do not push these two later.
            phone.opened_at, desktop.opened_at = now, now + timedelta(seconds=30)
        start = Barrier(2)

        def first(playback: Playback, from_s: int, start: Barrier = start) -> None:
            start.wait()
            with own_database.transaction() as session:
                beat(session, playback, 1, from_s, from_s + 30, end)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: first(*each), opened))
        with own_database.transaction() as session:
            covered = watching.coverage(session, person.id, SCOPE)[asset.id]
        assert covered.spans == ((0, 60_000),)


def test_thirty_copies_of_a_beat_are_one(own_database: db.Database, now: datetime) -> None:
    """Whatever races: one row, credited once, and every sender gets the same answer."""
    person, asset = seeded(own_database, now)
    with own_database.transaction() as session:
        playback = open_(session, person, asset, now)

    def send(_number: int) -> int:
        with own_database.transaction() as session:
            return beat(session, playback, 1, 0, 15, now + timedelta(seconds=15)).covered_ms

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(send, range(30))) == {15_000}
    with own_database.transaction() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Beat)) == 1
