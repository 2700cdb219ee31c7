"""Presence prompts: a small human act at moments that the server chooses.

How often is the caller's policy. The moment is a place in what is *covered* of the video,
drawn at random and kept on the server, so that opening again draws nothing anew. When it is
reached nothing new is credited until the prompt is answered; what was credited stays.
Answered in time nothing is lost. Later, of the time that passed only the time to answer counts
(``booking.lapsed_after_answer``).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from media import booking
from media.beats import LAST_MS, MOMENT
from media.intervals import Spans
from media.models import Coverage, Playback, Prompt, PromptKind
from zhixin.clock import epoch_ms
from zhixin.errors import Conflict, Invalid, NotFound, TooManyRequests

#: No prompt before this much of a video is covered, nor within the last of what is needed (ms).
GRACE_MS = 60_000
#: An author's question is asked while what it is about was just shown (ms of media time).
JUST_SHOWN_MS = 10 * 60_000
#: After each wrong choice the next one must wait this much longer (s), up to the last.
WAIT_S, LONGEST_WAIT_S = 3, 30
#: For a prompt that comes up although nobody says how long it may wait.
ANSWER_WITHIN_MS = 60_000
#: How many words a confirmation offers.
CHOICES = 4


class TooSoon(TooManyRequests):
    """A wrong choice was just made; the next one must wait."""

    code = "answer-too-soon"
    title = "请稍等几秒再选择"


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often, and how long to answer: a policy's numbers for one person, in ms."""

    every_ms: int
    answer_within_ms: int


@dataclass(frozen=True, slots=True)
class Question:
    """An author's question on what is shown at ``at_ms``; ``ref`` names it within its video."""

    ref: str
    at_ms: int
    text: str
    options: tuple[str, ...]
    right: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt as the learner sees it: nothing here tells the right choice."""

    id: str
    kind: str
    text: str
    options: list[str]
    seconds_left: float
    tries: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a choice."""

    right: bool
    wait_s: float
    prompt: Shown | None


def words() -> list[str]:
    """What confirmations are made of: everyday words that nobody confuses."""
    return [
        _("长城"), _("桥梁"), _("火车"), _("月亮"), _("钥匙"), _("雨伞"), _("苹果"), _("书本"),
        _("大海"), _("森林"), _("钟表"), _("灯塔"), _("飞机"), _("帽子"), _("茶杯"), _("山峰"),
        _("铅笔"), _("河流"), _("窗户"), _("小麦"), _("石头"), _("风筝"), _("木船"), _("雪花"),
    ]  # fmt: skip


def first_moment(cadence: Cadence | None, needed_ms: int, covered_ms: int = 0) -> int | None:
    """Where (covered_ms) the first prompt of a video is due; None: nowhere.

    Uniform over one interval: a course cut into short videos is asked as often as a long one.
    """
    if cadence is None:
        return None
    return _within(max(covered_ms, GRACE_MS) + secrets.randbelow(cadence.every_ms), needed_ms)


def next_moment(cadence: Cadence | None, needed_ms: int, covered_ms: int) -> int | None:
    """Where the next one is due after one at ``covered_ms``: half to one and a half intervals on."""
    if cadence is None:
        return None
    half = max(1, cadence.every_ms // 2)
    return _within(covered_ms + half + secrets.randbelow(2 * half), needed_ms)


def _within(at_ms: int, needed_ms: int) -> int | None:
    return at_ms if at_ms <= needed_ms - LAST_MS else None


def issue(
    session: Session,
    *,
    state: Any,
    covered: Spans,
    covered_ms: int,
    position_ms: int,
    answer_within_ms: int,
    questions: Sequence[Question],
    now: datetime,
) -> Prompt:
    """The moment has come: ask. ``state`` is the playback's row (``beats.STATE``), held."""
    asked = session.scalars(
        sa.select(Prompt.question).where(
            Prompt.person_id == state.person_id,
            Prompt.scope == state.scope,
            Prompt.asset_id == state.asset_id,
        )
    )
    question = _fitting(questions, {each.get("ref") for each in asked}, covered, position_ms)
    prompt = Prompt(
        id=secrets.token_urlsafe(24)[:32],
        person_id=state.person_id,
        scope=state.scope,
        asset_id=state.asset_id,
        playback_id=state.id,
        at_ms=covered_ms,
        issued_at=now,
        answer_within_ms=answer_within_ms,
        kind=PromptKind.QUESTION if question else PromptKind.CONFIRM,
        question=_shuffled(question) if question else _confirmation(),
        tries=[],
    )
    session.add(prompt)
    session.flush()
    return prompt


def _fitting(
    questions: Sequence[Question], asked: set[Any], covered: Spans, position_ms: int
) -> Question | None:
    """The latest question on what was just shown that was not asked before."""
    shown = [
        each
        for each in questions
        if each.ref not in asked
        and position_ms - JUST_SHOWN_MS <= each.at_ms <= position_ms
        and any(start <= each.at_ms < end for start, end in covered)
    ]
    return max(shown, key=lambda each: each.at_ms, default=None)


def _shuffled(question: Question) -> dict[str, Any]:
    order = list(range(len(question.options)))
    secrets.SystemRandom().shuffle(order)
    return {
        "ref": question.ref,
        "text": question.text,
        "options": [question.options[index] for index in order],
        "right": order.index(question.right),
    }


def _confirmation() -> dict[str, Any]:
    chosen = secrets.SystemRandom().sample(range(len(words())), CHOICES)
    return {"words": chosen, "right": secrets.randbelow(CHOICES)}


def waiting(session: Session, person_id: int, scope: str, asset_id: int) -> Prompt | None:
    """The prompt that waits for this person at this video."""
    return session.scalar(
        sa.select(Prompt).where(
            Prompt.person_id == person_id,
            Prompt.scope == scope,
            Prompt.asset_id == asset_id,
            Prompt.answered_at.is_(None),
        )
    )


def shown(prompt: Prompt, opened_at: datetime, now: datetime) -> Shown:
    """The prompt for its page, in the reader's language. ``opened_at``: of the playback."""
    question = prompt.question
    if prompt.kind == PromptKind.CONFIRM:
        all_words = words()
        options = [all_words[index] for index in question["words"]]
        text = _("请选出：%(word)s", word=options[question["right"]])
    else:
        text, options = question["text"], list(question["options"])
    until = max(prompt.issued_at, opened_at) + timedelta(milliseconds=prompt.answer_within_ms)
    left = max(0.0, (until - now).total_seconds())
    return Shown(prompt.id, str(prompt.kind), text, options, round(left, 1), len(prompt.tries))


def answer(
    session: Session,
    *,
    playback_id: str,
    person_id: int,
    prompt_id: str,
    choice: int,
    cadence: Cadence | None,
    needed_ms: int,
    now: datetime,
) -> Answer:
    """Take a person's choice. Answering again what was answered rightly changes nothing.

    Raises:
        NotFound: not this person's playback or prompt. Conflict: the playback has ended.
        TooSoon: a wrong choice was just made. Invalid: no such option.
    """
    playback = session.scalar(
        sa.select(Playback)
        .where(Playback.id == playback_id, Playback.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    held = sa.select(Prompt).where(Prompt.id == prompt_id, Prompt.person_id == person_id)
    prompt = session.scalar(held.with_for_update().execution_options(populate_existing=True))
    if playback is None or prompt is None or prompt.asset_id != playback.asset_id:
        raise NotFound("没有这次提问")
    if prompt.answered_at is not None:
        return Answer(True, 0, None)
    if playback.ended_at is not None:
        raise Conflict("这次播放已经结束，请在正在播放的页面回答", code="playback-over")
    options = prompt.question.get("options") or prompt.question["words"]
    if choice >= len(options):
        raise Invalid("没有这个选项", code="no-such-option")
    if (early := _wait_s(prompt, now)) > 0:
        raise TooSoon(retry_after_s=max(1, round(early)))
    right, asked = choice == prompt.question["right"], shown(prompt, playback.opened_at, now)
    prompt.tries = [
        *prompt.tries,
        {
            "at": now.isoformat(),
            "right": right,
            "asked": asked.text,
            "chosen": asked.options[choice],
        },
    ]
    if not right:
        prompt.question = _again(prompt)
        session.flush()
        return Answer(False, _wait_s(prompt, now), shown(prompt, playback.opened_at, now))
    leases = _leases(session, prompt)
    prompt.answered_in = playback.id
    prompt.answered_at = _go_on(session, prompt, cadence, needed_ms, now)
    playback.heard_at = max(playback.heard_at, prompt.answered_at)  # it ends after this
    _let_lapse(leases, prompt, prompt.answered_at)
    session.flush()
    return Answer(True, 0, None)


def _wait_s(prompt: Prompt, now: datetime) -> float:
    return wait_s(prompt.tries, now)


def wait_s(tries: Sequence[dict[str, Any]], now: datetime) -> float:
    """How long the next choice must wait after these, which were all wrong: ``{"at": …}``."""
    if not tries:
        return 0
    wait = min(LONGEST_WAIT_S, WAIT_S * len(tries))
    last = datetime.fromisoformat(tries[-1]["at"])
    return max(0.0, wait - (now - last).total_seconds())


def _again(prompt: Prompt) -> dict[str, Any]:
    """The same to be answered anew, in another order: pressing through the places is no answer."""
    if prompt.kind == PromptKind.CONFIRM:
        return _confirmation()
    asked = prompt.question
    return _shuffled(
        Question(asked["ref"], 0, asked["text"], tuple(asked["options"]), asked["right"])
    )


def _go_on(
    session: Session, prompt: Prompt, cadence: Cadence | None, needed_ms: int, now: datetime
) -> datetime:
    """Draw the next moment; returns the instant of the answer, later than any beat before it."""
    coverage = session.scalar(
        sa.select(Coverage)
        .where(
            Coverage.person_id == prompt.person_id,
            Coverage.scope == prompt.scope,
            Coverage.asset_id == prompt.asset_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert coverage is not None
    coverage.prompt_id = None
    coverage.prompt_at_ms = next_moment(cadence, needed_ms, coverage.covered_ms)
    coverage.revision += 1
    coverage.updated_at = max(now, coverage.updated_at + MOMENT)
    return coverage.updated_at


def _leases(session: Session, prompt: Prompt) -> Sequence[Playback]:
    """The person's leases of the prompt's video."""
    return session.scalars(
        sa.select(Playback)
        .where(
            Playback.person_id == prompt.person_id,
            Playback.scope == prompt.scope,
            Playback.asset_id == prompt.asset_id,
        )
        .order_by(Playback.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _let_lapse(leases: Sequence[Playback], prompt: Prompt, now: datetime) -> None:
    lapsed = booking.lapsed_after_answer(
        [
            booking.Lease(
                opened_at_ms=epoch_ms(lease.opened_at),
                until_ms=epoch_ms(min(now, lease.ended_at or now)),
                booked_ms=lease.booked_ms,
                lapsed_ms=lease.lapsed_ms,
                rate_percent=lease.rate_percent,
                answering=lease.id == prompt.answered_in,
                pooled=lease.ended_at is None or lease.kept_ms is not None,
            )
            for lease in leases
        ],
        issued_at_ms=epoch_ms(prompt.issued_at),
        answer_within_ms=prompt.answer_within_ms,
    )
    for lease, lapsed_ms in zip(leases, lapsed, strict=True):
        lease.lapsed_ms = lapsed_ms
