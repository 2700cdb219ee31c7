"""Whose video is next, how long it takes, and what one author may ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from media import assets, holding, queueing
from media.errors import MESSAGES
from media.models import Asset, AssetState, Upload
from media.work_states import TRANSITIONS, Step
from zhixin.errors import Conflict
from zhixin.people.models import Person, Role

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
GIB = 1 << 30


@pytest.fixture
def add(session: Session, create_person: Callable[..., Person]) -> Callable[..., Asset]:
    owners: dict[str, Person] = {}

    def make(size: int = 1000, owner: str = "author", **facts: Any) -> Asset:
        if owner not in owners:
            owners[owner] = create_person(owner, Role.AUTHOR)
        asset = Asset(
            owner_id=owners[owner].id, file_name="v.mp4", source="x", source_bytes=size,
            state=AssetState.UPLOADED, progress=0, tries=0, **{"created_at": NOW, **facts},
        )  # fmt: skip
        session.add(asset)
        session.flush()
        return asset

    return make


def test_short_ones_come_first_but_nobody_waits_for_ever(
    session: Session, add: Callable[..., Asset]
) -> None:
    """By size; after an hour of waiting it is one's turn."""
    long = add(9000)
    short = add(10)
    patient = add(50_000, created_at=NOW - queueing.PATIENCE - timedelta(seconds=1))
    assert list(queueing.waiting(session, NOW)) == [patient.id, short.id, long.id]
    assert [queueing.standing(session, a, NOW).ahead for a in (patient, short, long)] == [0, 1, 2]


def test_one_author_does_not_take_all_workers(session: Session, add: Callable[..., Asset]) -> None:
    """Two at once by default; another author's longer video goes before one's third."""
    first, second, third = add(1), add(2), add(3)
    other = add(9000, "other")
    for asset in (first, second):
        assert assets.claim(session, asset.id, NOW, at_once=2)
    assert list(queueing.waiting(session, NOW, 2)) == [other.id]
    assert assets.claim(session, third.id, NOW, at_once=2) is None
    assert assets.claim(session, other.id, NOW, at_once=2)
    # One is done: the third may begin.
    session.refresh(first)
    assert first.claim
    assert assets.failed(session, first.id, first.claim, "truncated")
    assert assets.claim(session, third.id, NOW, at_once=2)


def test_a_dead_workers_video_takes_nobodys_place(
    session: Session, add: Callable[..., Asset]
) -> None:
    """A claim that ran out is no work going on."""
    dead, next_one = add(1), add(2)
    assets.claim(session, dead.id, NOW, at_once=1)
    later = NOW + holding.CLAIM + timedelta(seconds=1)
    assert list(queueing.waiting(session, later, 1)) == [dead.id, next_one.id]


def test_a_days_minutes_are_shared_out(session: Session, add: Callable[..., Asset]) -> None:
    """What began within 24 hours counts; the first of a day is let in however long."""
    hour = 3600_000
    first, second = add(), add()
    assert queueing.admit(session, first, 11 * hour, 600, NOW)
    session.refresh(first)
    first.started_at = NOW
    session.flush()
    assert not queueing.admit(session, second, hour, 600, NOW)
    assert not queueing.admit(session, second, hour, 600, NOW + timedelta(hours=23))
    assert queueing.admit(session, second, hour, 600, NOW + timedelta(hours=25))
    assert queueing.admit(session, add(owner="other"), hour, 600, NOW)


def test_a_days_bytes_are_shared_out(session: Session, add: Callable[..., Asset]) -> None:
    """The refusal says when there is room again."""
    owner = add().owner_id
    queueing.require_share(session, owner, 9 * GIB, 8 * GIB, NOW)
    session.add(
        Upload(
            id="0" * 32, owner_id=owner, file_name="v", size=6 * GIB, received=0, created_at=NOW,
            expires_at=NOW + timedelta(days=7),
        )
    )  # fmt: skip
    session.flush()
    queueing.require_share(session, owner, 2 * GIB, 8 * GIB, NOW)
    at = NOW + timedelta(hours=20)
    with pytest.raises(queueing.UploadedEnough) as refused:
        queueing.require_share(session, owner, 2 * GIB + 1, 8 * GIB, at)
    assert refused.value.facts["retry_after_s"] == 4 * 3600
    queueing.require_share(session, owner, 3 * GIB, 8 * GIB, NOW + timedelta(hours=25))


def test_the_time_left_is_a_guess_from_what_is_done() -> None:
    """A quarter in a minute: three more; nothing is said too early."""
    minute = timedelta(minutes=1)
    assert queueing.seconds_left(NOW, 25, NOW + minute) == 180
    assert queueing.seconds_left(NOW, 2, NOW + minute) is None
    assert queueing.seconds_left(NOW, 50, NOW + timedelta(seconds=1)) is None
    assert queueing.seconds_left(None, 50, NOW) is None


def test_cancelled_work_is_noticed_by_its_worker_and_may_be_wanted_again(
    session: Session, add: Callable[..., Asset]
) -> None:
    """The claim is gone: nothing the worker still says has an effect."""
    asset = add()
    mark = assets.claim(session, asset.id, NOW)
    assert mark
    session.refresh(asset)
    assets.cancel(session, asset)
    assert asset.state == AssetState.CANCELLED
    assert not assets.renew(session, asset.id, mark, 50, NOW)
    assert not assets.failed(session, asset.id, mark, "truncated")
    assert not assets.release(session, asset.id, mark, NOW)
    assert list(queueing.waiting(session, NOW + timedelta(days=1))) == []
    with pytest.raises(Conflict):
        assets.cancel(session, asset)
    with pytest.raises(Conflict):
        assets.retry(session, asset, NOW, has_source=False)
    assets.retry(session, asset, NOW, has_source=True)
    assert (asset.state, asset.tries, asset.failure) == (AssetState.UPLOADED, 0, None)
    assert list(queueing.waiting(session, NOW)) == [asset.id]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "renew", "release", "fail", "cancel", "retry", "wait"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
def test_whatever_is_pressed_and_whoever_works_the_table_is_kept(
    session: Session, add: Callable[..., Asset], acts: list[tuple[str, int]]
) -> None:
    """Workers with old and new claims, an author who cancels and retries, time that passes:
    only the holder of the running claim changes anything, and every move is one of the table."""
    asset = add()
    now, held, marks = NOW, None, []
    for act, which in acts:
        session.refresh(asset)
        state = AssetState(asset.state)
        old = marks[-1 - which % len(marks)] if marks else "none"
        if act == "wait":
            now += timedelta(seconds=45)
            continue
        if act == "claim":
            free = asset.claimed_until is None or asset.claimed_until < now
            mark = assets.claim(session, asset.id, now)
            assert bool(mark) == (free and (state, Step.CLAIM) in TRANSITIONS)
            if mark:
                held = mark
                marks.append(mark)
        elif act == "renew":
            assert assets.renew(session, asset.id, old, 5, now) == (old == held)
        elif act == "release":
            done = assets.release(session, asset.id, old, now + holding.CLAIM)
            assert done == (old == held)
            held = None if done else held
        elif act == "fail":
            done = assets.failed(session, asset.id, old, "truncated")
            assert done == (old == held)
            held = None if done else held
        else:
            step = Step(act)
            try:
                if step is Step.CANCEL:
                    assets.cancel(session, asset)
                else:
                    assets.retry(session, asset, now, has_source=True)
            except Conflict:
                assert (state, step) not in TRANSITIONS
            else:
                assert (state, step) in TRANSITIONS
                held = None
        session.refresh(asset)
        after = AssetState(asset.state)
        assert after == state or any(
            before == state and to == after for (before, _step), to in TRANSITIONS.items()
        )
        assert (asset.claim is not None) == (after == AssetState.TRANSCODING)
        assert asset.claim == held
        assert (asset.failure is not None) == (after == AssetState.FAILED)
        if asset.failure:
            assert asset.failure in MESSAGES.values()
