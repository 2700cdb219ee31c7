"""Presence prompts: unforeseeable, fair, and nothing counts around them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from media import delivery, evidence, presence, watching
from media.api_models import BeatIn
from media.models import Asset, AssetState, Coverage, Playback, Prompt
from media.presence import Cadence, Question
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people.models import Person

SCOPE = "version:1"
HOUR_MS = 3_600_000
CADENCE = Cadence(every_ms=10 * 60_000, answer_within_ms=60_000)
QUESTION = Question("u1:0", 50_000, "刚才讲的是哪一年？", ("一", "二", "三"), 1)


@pytest.fixture
def learner(create_person: Any) -> Person:
    person: Person = create_person("xueyuan")
    return person


class Viewer:
    """Watches one video at normal speed, a beat every ten seconds."""

    def __init__(self, session: Session, person: Person, asset: Asset, now: datetime) -> None:
        self.session, self.person, self.asset, self.now = session, person, asset, now
        self.position = 0
        self.open()

    def open(self) -> None:
        self.playback: Playback = watching.open(
            self.session, person_id=self.person.id, asset=self.asset, scope=SCOPE, cadence=CADENCE,
            address="::1", user_agent="t", now=self.now,
        )  # fmt: skip
        delivery.merge(self.session, {self.playback.id: delivery.everything(self.asset)})
        self.seq, self.played = 0, []

    def watch(self, seconds: int, questions: tuple[Question, ...] = ()) -> watching.BeatReply:
        """Claims all that it played, as players do."""
        self.now += timedelta(seconds=seconds)
        self.played.append((self.position, self.position + seconds))
        self.position += seconds
        self.seq += 1
        beat = BeatIn(seq=self.seq, played=self.played, position=self.position)
        return watching.record(
            self.session, playback_id=self.playback.id, person_id=self.person.id, beat=beat,
            cadence=CADENCE, questions=lambda: questions, now=self.now,
        )  # fmt: skip

    def until_asked(self, questions: tuple[Question, ...] = ()) -> presence.Shown:
        for _beat in range(400):
            if prompt := self.watch(10, questions).prompt:
                return prompt
        raise AssertionError("never asked")

    def choose(self, prompt: presence.Shown, *, right: bool = True) -> presence.Answer:
        row = self.session.get_one(Prompt, prompt.id)
        choice = row.question["right"] if right else (row.question["right"] + 1) % 3
        return presence.answer(
            self.session, playback_id=self.playback.id, person_id=self.person.id,
            prompt_id=prompt.id, choice=choice, cadence=CADENCE, needed_ms=HOUR_MS, now=self.now,
        )  # fmt: skip

    @property
    def coverage(self) -> Coverage:
        return self.session.scalars(
            sa.select(Coverage).execution_options(populate_existing=True)
        ).one()


@pytest.fixture
def viewer(session: Session, learner: Person, now: datetime) -> Viewer:
    asset = Asset(
        owner_id=learner.id, file_name="v.mp4", source="v", source_bytes=1, state=AssetState.READY,
        progress=100, tries=1, duration_ms=HOUR_MS, segments_ms=[4000] * 900, folder="assets/1/x",
        created_at=now,
    )  # fmt: skip
    session.add(asset)
    session.flush()
    return Viewer(session, learner, asset, now)


@given(
    every=st.integers(60_000, 240 * 60_000),
    needed=st.integers(0, 4 * HOUR_MS),
    covered=st.integers(0, 4 * HOUR_MS),
)
def test_moments_are_fair(every: int, needed: int, covered: int) -> None:
    """Never in the first minute, never in the last half, never sooner than half the interval."""
    cadence = Cadence(every, 60_000)
    first = presence.first_moment(cadence, needed)
    assert first is None or presence.GRACE_MS <= first <= needed - presence.LAST_MS
    following = presence.next_moment(cadence, needed, covered)
    assert following is None or covered + every // 2 <= following <= needed - presence.LAST_MS


def test_never_asked_in_the_last_seconds(viewer: Viewer) -> None:
    """The end was kept for later and is watched now, and the moment falls into it: it is watched
    to the end in peace, and the prompt comes up with the next thing that is played."""
    viewer.watch(60)
    viewer.position = 3570
    viewer.coverage.prompt_at_ms = 80_000
    for _beat in range(3):
        assert viewer.watch(10).prompt is None
    assert viewer.coverage.covered_ms == 90_000
    viewer.position = 100
    asked = viewer.watch(10)
    assert asked.prompt is not None
    assert asked.reason == "presence"
    assert viewer.coverage.covered_ms == 90_001
    assert viewer.session.get_one(Prompt, asked.prompt.id).at_ms == 90_001
    viewer.choose(asked.prompt)
    viewer.watch(10)
    assert viewer.coverage.covered_ms == 110_000
    known = evidence.records(viewer.session, viewer.person.id, SCOPE, viewer.now)
    assert evidence.replay(known).differences == []  # the records alone say the same


def test_a_prompt_that_fell_due_is_not_avoided_at_the_end(viewer: Viewer) -> None:
    """What nothing was credited of brings no prompt, nor lets one go: the next credit does."""
    viewer.watch(60)
    viewer.position = 3570
    viewer.coverage.prompt_at_ms = 80_000
    for _beat in range(3):
        viewer.watch(10)
    viewer.position = 3570  # again and again the end, all of it covered
    assert viewer.watch(10).prompt is None
    viewer.position = 200
    assert viewer.watch(1).prompt is not None


def test_without_a_policy_nobody_is_asked() -> None:
    assert presence.first_moment(None, HOUR_MS) is None
    assert presence.next_moment(None, HOUR_MS, 0) is None


def test_nothing_counts_while_a_prompt_waits(viewer: Viewer) -> None:
    """What is confirmed stays; the beats' reply says why no more is."""
    prompt = viewer.until_asked()
    confirmed = viewer.coverage.covered_ms
    reply = viewer.watch(10)
    assert (reply.credited_ms, reply.reason) == (0, "presence")
    assert reply.prompt is not None
    assert reply.prompt.id == prompt.id
    assert viewer.coverage.covered_ms == confirmed


def test_answered_in_time_loses_nothing(viewer: Viewer) -> None:
    """What played while the prompt was answered is confirmed by the next beat."""
    prompt = viewer.until_asked()
    viewer.watch(30)
    assert viewer.choose(prompt).right
    viewer.watch(5)
    assert viewer.coverage.covered_ms == viewer.position * 1000


def test_of_a_long_absence_only_the_time_to_answer_counts(viewer: Viewer) -> None:
    """Ten minutes away: one of them may still be confirmed, the rest has lapsed."""
    prompt = viewer.until_asked()
    played_ms = viewer.position * 1000
    for _minute in range(10):
        viewer.watch(60)
    viewer.choose(prompt)
    viewer.watch(1)
    gained = viewer.coverage.covered_ms - played_ms
    assert gained == CADENCE.answer_within_ms + 1000


def test_a_new_playback_neither_loses_the_prompt_nor_the_absence(
    viewer: Viewer, session: Session
) -> None:
    """Closing the lid at the prompt and opening again: it waits, and the time away is gone under
    the old lease as well."""
    prompt = viewer.until_asked()
    played_ms = viewer.position * 1000
    old, old_seq, played = viewer.playback, viewer.seq, viewer.played
    viewer.now += timedelta(minutes=10)
    viewer.open()
    waiting = presence.waiting(session, viewer.person.id, SCOPE, viewer.asset.id)
    assert waiting is not None
    assert waiting.id == prompt.id
    assert viewer.choose(prompt).right
    late = BeatIn(
        seq=old_seq + 1, played=[*played, (viewer.position, viewer.position + 600)], position=0
    )
    watching.record(
        session, playback_id=old.id, person_id=viewer.person.id, beat=late, cadence=CADENCE,
        now=viewer.now,
    )  # fmt: skip
    assert viewer.coverage.covered_ms - played_ms == CADENCE.answer_within_ms


def test_many_openings_share_one_time_to_answer(viewer: Viewer, session: Session) -> None:
    """Opening anew so often that no lease is asked for long: together they keep what one keeps."""
    prompt = viewer.until_asked()
    played_ms, at = viewer.position * 1000, viewer.position
    tabs = []
    for _minute in range(10):
        viewer.open()
        tabs.append(viewer.playback)
        viewer.now += timedelta(seconds=50)
    viewer.open()
    viewer.now += timedelta(seconds=1)
    assert viewer.choose(prompt).right
    for number, tab in enumerate(tabs):
        played = [(played_ms / 1000 + 50 * number, at + 50 * number + 50)]
        watching.record(
            session, playback_id=tab.id, person_id=viewer.person.id, cadence=CADENCE,
            beat=BeatIn(seq=1, played=played, position=0), now=viewer.now,
        )  # fmt: skip
    assert viewer.coverage.covered_ms - played_ms <= CADENCE.answer_within_ms


@pytest.mark.parametrize("reports", [False, True])
def test_what_was_played_before_the_prompt_survives_an_absence(
    viewer: Viewer, reports: bool
) -> None:
    """Five minutes without network, then a prompt comes up among them and nobody is there for
    twenty: the five minutes are confirmed all the same, whether the player reports meanwhile or
    not."""
    viewer.coverage.prompt_at_ms = 61_000
    viewer.session.flush()
    assert viewer.watch(300).prompt is not None
    played_ms, waiting = viewer.position * 1000, viewer.coverage.covered_ms
    assert waiting < played_ms - 200_000
    prompt = presence.waiting(viewer.session, viewer.person.id, SCOPE, viewer.asset.id)
    assert prompt is not None
    viewer.now += timedelta(minutes=20)
    if reports:
        viewer.watch(1)
    viewer.choose(presence.shown(prompt, viewer.playback.opened_at, viewer.now))
    viewer.coverage.prompt_at_ms = None
    viewer.session.flush()
    viewer.watch(1)
    assert viewer.coverage.covered_ms >= played_ms


def test_opening_again_draws_nothing_anew(viewer: Viewer) -> None:
    """Whoever does not like the moment cannot have another."""
    before = viewer.coverage.prompt_at_ms
    for _again in range(5):
        viewer.now += timedelta(seconds=1)
        viewer.open()
    assert viewer.coverage.prompt_at_ms == before


def test_a_wrong_choice_costs_a_pause_and_another_order(viewer: Viewer, session: Session) -> None:
    """Pressing through the options in a hurry is refused, and each try is on record."""
    prompt = viewer.until_asked()
    answer = viewer.choose(prompt, right=False)
    assert not answer.right
    assert answer.prompt is not None
    assert answer.wait_s > 0
    with pytest.raises(presence.TooSoon):
        viewer.choose(prompt)
    viewer.now += timedelta(seconds=answer.wait_s)
    assert viewer.choose(prompt).right
    assert [each["right"] for each in session.get_one(Prompt, prompt.id).tries] == [False, True]


def test_answering_twice_is_once(viewer: Viewer, session: Session) -> None:
    """A reply was lost, the page sends its answer again."""
    prompt = viewer.until_asked()
    viewer.choose(prompt)
    due = viewer.coverage.prompt_at_ms
    assert viewer.choose(prompt).right
    assert viewer.coverage.prompt_at_ms == due
    assert len(session.get_one(Prompt, prompt.id).tries) == 1


def test_the_authors_question_is_asked_when_it_was_just_shown(viewer: Viewer) -> None:
    """Once; and what the learner sees does not tell the right one."""
    prompt = viewer.until_asked((QUESTION,))
    in_time = viewer.position * 1000 - presence.JUST_SHOWN_MS <= QUESTION.at_ms
    assert prompt.kind == ("question" if in_time else "confirm")
    if in_time:
        assert prompt.text == QUESTION.text
        assert sorted(prompt.options) == sorted(QUESTION.options)
    viewer.choose(prompt)
    assert viewer.until_asked((QUESTION,)).kind == "confirm"


def test_a_question_on_what_was_not_seen_is_not_asked() -> None:
    """It was skipped, is still to come, or was long ago."""
    fitting = presence._fitting
    covered = ((0, 100_000), (200_000, 900_000))
    for at_ms, position_ms in ((150_000, 300_000), (500_000, 400_000), (10_000, 800_000)):
        question = Question("q", at_ms, "?", ("a", "b"), 0)
        assert fitting([question], set(), covered, position_ms) is None
    question = Question("q", 250_000, "?", ("a", "b"), 0)
    assert fitting([question], set(), covered, 300_000) == question
    assert fitting([question], {"q"}, covered, 300_000) is None


def test_only_ones_own_waiting_prompt_can_be_answered(
    viewer: Viewer, session: Session, create_person: Any
) -> None:
    """Guessed ids, other people's, no such option, an ended playback: all refused in words."""
    prompt = viewer.until_asked()
    facts: dict[str, Any] = {
        "playback_id": viewer.playback.id, "person_id": viewer.person.id, "prompt_id": prompt.id,
        "choice": 0, "cadence": CADENCE, "needed_ms": HOUR_MS, "now": viewer.now,
    }  # fmt: skip
    other = create_person("luren").id
    for wrong in ({"prompt_id": "guess"}, {"person_id": other}, {"playback_id": "guess"}):
        with pytest.raises(NotFound):
            presence.answer(session, **(facts | wrong))
    with pytest.raises(Invalid):
        presence.answer(session, **(facts | {"choice": 20}))
    watching.close(
        session, playback_id=viewer.playback.id, person_id=viewer.person.id, now=viewer.now
    )
    session.expire_all()
    with pytest.raises(Conflict):
        presence.answer(session, **facts)
    assert session.get_one(Prompt, prompt.id).tries == []
