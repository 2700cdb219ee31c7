"""The end of an attempt's time, by the server's clock."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from assessments import attempts, handing_in, timing
from assessments import evidence as evidences
from assessments.errors import AttemptClosed, NotYet, TimeOver
from assessments.models import Ending
from tests.assessments.conftest import changed

MINUTES = 30
LIMIT = timedelta(minutes=MINUTES)
LATE = timing.GRACE + timedelta(microseconds=1)


@pytest.fixture
def learner(create_person):
    return create_person("xueyuan").id


@pytest.fixture
def start(session, learner, create_version, now):
    """Open an attempt at a paper of thirty minutes."""
    version = create_version(time_limit_minutes=MINUTES, cooldown_minutes=60, attempts=2)

    def start(at=now, **changes):
        facts = {
            "person_id": learner,
            "scope": "version:1",
            "paper_version_id": version.id,
            "pass_mark": Decimal("0.6"),
            "attempts_allowed": 3,
            "now": at,
        }
        return attempts.open(session, **facts | changes)

    return start


def test_the_end_is_fixed_at_the_beginning(start, now):
    """Going on with an attempt gives no more time; who has more time has it from the start."""
    assert start().deadline_at == now + LIMIT
    assert start(now + LIMIT / 2, time_percent=400).deadline_at == now + LIMIT


def test_extended_time_is_the_persons(start, now):
    """One and a half times the paper's."""
    assert start(time_percent=150).deadline_at == now + LIMIT * 1.5


def test_answers_count_until_the_end_and_its_grace(session, learner, start, right, wrong, now):
    """What was on its way is taken and written down with its instant; later it is refused, and
    what was saved stays."""
    attempt = start()
    end = now + LIMIT
    attempts.save(session, attempt.id, learner, changed(right), end + timing.GRACE)
    with pytest.raises(TimeOver):
        attempts.save(session, attempt.id, learner, changed(wrong, 2), end + LATE)
    closed = handing_in.submit(session, attempt.id, learner, wrong, end + LATE)
    assert (closed.passed, closed.answers) == (True, right)
    assert (closed.ended_by, closed.closed_at) == (Ending.DEADLINE, end + LATE)
    assert evidences.of_person(session, learner, "version:1", until=end + LATE)[0]["ended_by"] == (
        "deadline"
    )
    with pytest.raises(AttemptClosed):
        attempts.save(session, attempt.id, learner, changed(wrong, 3), end + LATE)


def test_only_what_ran_out_is_due(session, learner, start, now):
    """Not before the grace is over, and never twice."""
    attempt = start()
    end = now + LIMIT
    assert handing_in.due(session, end + timing.GRACE) == []
    assert handing_in.due(session, end + LATE) == [(attempt.id, learner)]
    handing_in.submit(session, attempt.id, learner, None, end + LATE)
    assert handing_in.due(session, end + LATE) == []


def test_a_pause_counts_from_the_end_that_the_learner_had(session, learner, start, now):
    """However late the server found it: an hour after the deadline the next may begin, and who
    comes then finds the old one closed."""
    first = start()
    end = now + LIMIT
    with pytest.raises(NotYet) as refusal:
        start(end + timedelta(minutes=59))
    assert refusal.value.facts["next_at"] == (end + timedelta(hours=1)).isoformat()
    assert "11:30 之后可以再次作答" in refusal.value.message
    assert attempts.get(session, first.id, learner).ended_by == Ending.DEADLINE
    assert start(end + timedelta(hours=1)).number == 2


def test_papers_may_allow_fewer_attempts(session, learner, start, wrong, now):
    """The smaller of the policy's number and the paper's; then the keys may be read."""
    for day in range(2):
        at = now + timedelta(days=day)
        attempt = start(at)
        closed = handing_in.submit(session, attempt.id, learner, wrong, at)
        seen = attempts.review(session, closed, attempts_allowed=3)
        assert (seen["attempts_left"], seen["keys_shown"]) == (1 - day, day == 1)
    with pytest.raises(attempts.NoAttemptsLeft):
        start(now + timedelta(days=2))


def test_a_key_stays_hidden_while_another_paper_asks_the_same(
    session, learner, start, create_version, right, now
):
    """In whatever scope, order or version: the open attempt's questions are known by their text."""
    closed = handing_in.submit(session, start().id, learner, right, now)
    assert attempts.review(session, closed, attempts_allowed=3)["keys_shown"]
    question = {
        "id": "other", "kind": "single", "stem": "一年至少多少学时？", "correct": ["2"],
        "options": [{"id": "1", "text": "九十"}, {"id": "2", "text": "六十"}],
    }  # fmt: skip
    other = create_version(question, title="另一份试卷")
    again = start(scope="version:2", paper_version_id=other.id)
    assert not attempts.review(session, closed, attempts_allowed=3)["keys_shown"]
    handing_in.submit(session, again.id, learner, {}, now)
    assert attempts.review(session, closed, attempts_allowed=3)["keys_shown"]
