"""Attempts: limits, saving, grading once, and what may be read when."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import rfc8785
import sqlalchemy as sa

from assessments import attempts, handing_in, sheets
from assessments import evidence as evidences
from assessments.errors import AlreadyPassed, AttemptClosed, NoAttemptsLeft
from assessments.grading import AnswerRefused
from assessments.models import Attempt
from tests.assessments.conftest import changed
from zhixin.errors import Conflict, NotFound

SCOPE = "version:1"


@pytest.fixture
def learner(create_person):
    return create_person("xueyuan")


@pytest.fixture
def version(create_version):
    return create_version()


@pytest.fixture
def start(session, learner, version, now):
    """Open an attempt of the learner."""

    def start(**changes):
        facts = {
            "person_id": learner.id,
            "scope": SCOPE,
            "paper_version_id": version.id,
            "pass_mark": Decimal("0.6"),
            "attempts_allowed": 2,
            "now": now,
        }
        return attempts.open(session, **facts | changes)

    return start


@pytest.fixture
def hand_in(session, learner, start, now):
    """Open an attempt and hand in these answers."""

    def hand_in(answers, **changes):
        return handing_in.submit(session, start(**changes).id, learner.id, answers, now)

    return hand_in


def test_an_open_attempt_is_taken_up_again(start, now):
    """Coming back finds the same attempt in the same order, as often as one likes."""
    first = start()
    again = start(now=now + timedelta(hours=1))
    assert (again.id, again.seed, again.number) == (first.id, first.seed, 1)
    assert again.opened_at == now


def test_attempts_are_limited(start, hand_in, wrong):
    """After the last permitted attempt the refusal says so."""
    hand_in(wrong)
    assert hand_in(wrong).number == 2
    with pytest.raises(NoAttemptsLeft, match="用完"):
        start()
    assert start(attempts_allowed=None).number == 3


def test_the_limit_counts_one_scope_and_paper(start, hand_in, wrong, create_version):
    """Another course, another paper: another count."""
    hand_in(wrong, attempts_allowed=1)
    start(attempts_allowed=1, scope="version:2")
    start(attempts_allowed=1, paper_version_id=create_version(title="另一卷").id)


def test_a_passed_paper_is_not_attempted_again(start, hand_in, right):
    """The keys are known by then."""
    hand_in(right)
    with pytest.raises(AlreadyPassed):
        start(attempts_allowed=None)


def test_an_unknown_paper_is_not_found(start):
    """A wrong id opens nothing."""
    with pytest.raises(NotFound):
        start(paper_version_id=10**6)


def test_an_attempt_is_its_persons(session, start, create_person, right, now):
    """Somebody else's attempt is not there: not to read, save or hand in."""
    attempt, other = start(), create_person("bieren").id
    for act in (
        lambda: attempts.get(session, attempt.id, other),
        lambda: attempts.save(session, attempt.id, other, changed(right), now),
        lambda: handing_in.submit(session, attempt.id, other, right, now),
    ):
        with pytest.raises(NotFound):
            act()
    assert attempts.get(session, attempt.id, attempt.person_id).answers == {}


def test_answers_are_saved_while_answering(session, learner, start, right, now):
    """The last answer of each question is kept; nothing is graded yet."""
    attempt, later = start(), now + timedelta(minutes=1)
    attempts.save(session, attempt.id, learner.id, changed(right), now)
    changes = changed({"s": ["a"], "m": []}, seq=2)
    saved = attempts.save(session, attempt.id, learner.id, changes, later)
    assert (saved.saved_at, saved.deadline_at, saved.overtaken) == (later, None, [])
    view = attempts.view(session, attempts.get(session, attempt.id, learner.id))
    assert view["answers"] == {"s": ["a"], "t": ["true"]}
    assert (view["answered"], view["seq"]) == (2, 2)
    assert attempts.get(session, attempt.id, learner.id).result is None


@pytest.mark.parametrize(
    "answers", [{"x": ["a"]}, {"s": ["z"]}, {"t": ["true", "false"]}, {"s": [None]}]
)
def test_impossible_answers_change_nothing(session, learner, start, right, now, answers):
    """Refused, whether saved or handed in; what was saved before stays and the attempt is open."""
    attempt = start()
    attempts.save(session, attempt.id, learner.id, changed(right), now)
    for act in (
        lambda: attempts.save(session, attempt.id, learner.id, changed(answers, 2), now),
        lambda: handing_in.submit(session, attempt.id, learner.id, answers, now),
        lambda: handing_in.submit(
            session, attempt.id, learner.id, None, now, changes=changed(answers, 2)
        ),
    ):
        with pytest.raises(AnswerRefused):
            act()
    kept = attempts.get(session, attempt.id, learner.id)
    assert (sheets.so_far(session, kept), kept.state) == (right, "open")


@pytest.mark.parametrize("answers", [{"s": "b"}, []])
def test_what_is_no_sheet_is_refused(session, learner, start, now, answers):
    """The attempt stays open."""
    attempt = start()
    with pytest.raises(AnswerRefused):
        handing_in.submit(session, attempt.id, learner.id, answers, now)
    assert attempts.get(session, attempt.id, learner.id).state == "open"


def test_handing_in_grades(session, learner, hand_in, start, right, wrong):
    """Score, verdict and each question's mark are fixed at that moment."""
    failed = hand_in(wrong)
    assert (failed.passed, failed.fraction) == (False, 0)
    good = hand_in(right | {"t": []})
    assert (good.passed, good.state) == (True, "closed")
    assert good.fraction == Decimal("0.666666")
    assert good.result == {
        "score": "2.00",
        "maximum": "3",
        "version": 2,
        "questions": {
            "s": {"score": "1.00", "right": True},
            "m": {"score": "1.00", "right": True},
            "t": {"score": "0.00", "right": False},
        },
    }
    assert attempts.passed(session, learner.id, SCOPE) == {good.paper_version_id}
    assert attempts.passed(session, learner.id, "version:2") == set()


def test_handing_in_without_answers_takes_the_saved_ones(session, learner, start, right, now):
    """What was saved is what counts."""
    attempt = start()
    attempts.save(session, attempt.id, learner.id, changed(right), now)
    assert handing_in.submit(session, attempt.id, learner.id, None, now).passed


@pytest.mark.parametrize(("policy", "own", "passes"), [("0.6", "0.8", False), ("0.6", None, True)])
def test_a_paper_may_tighten_the_pass_mark(hand_in, create_version, right, policy, own, passes):
    """The stricter of the policy's mark and the paper's counts."""
    version = create_version(pass_mark=own)
    answers = right | {"t": ["false"]}
    attempt = hand_in(answers, paper_version_id=version.id, pass_mark=Decimal(policy))
    assert attempt.passed is passes


def test_a_closed_attempt_never_changes(session, learner, hand_in, right, wrong, now):
    """Handed in again, the first result stands; saving is refused."""
    attempt, later = hand_in(wrong), now + timedelta(hours=1)
    again = handing_in.submit(session, attempt.id, learner.id, right, later)
    assert (again.passed, again.answers, again.closed_at) == (False, wrong, now)
    with pytest.raises(AttemptClosed, match="已交卷"):
        attempts.save(session, attempt.id, learner.id, changed(right, 2), later)
    with pytest.raises(Conflict):
        handing_in._close(session, attempt, **dict.fromkeys(handing_in._CLOSING, None))
    session.expire_all()
    assert session.scalar(sa.select(Attempt.passed).where(Attempt.id == attempt.id)) is False


def test_history_is_in_order(session, learner, start, hand_in, version, wrong):
    """First to last, the open one at the end."""
    hand_in(wrong)
    start()
    made = attempts.history(session, learner.id, SCOPE, version.id)
    assert [(each.number, each.state) for each in made] == [(1, "closed"), (2, "open")]


def test_an_open_attempt_has_no_review(session, start):
    """Nothing about right and wrong before handing in."""
    with pytest.raises(Conflict):
        attempts.review(session, start(), attempts_allowed=2)


def test_a_failed_attempt_shows_no_keys_while_more_are_allowed(session, hand_in, wrong, right):
    """Only right or wrong for each question; then, after the last attempt, the keys."""
    first = hand_in(wrong | {"s": right["s"]})
    seen = attempts.review(session, first, attempts_allowed=2)
    assert not seen["keys_shown"]
    assert seen["attempts_left"] == 1
    assert {q["id"]: q["right"] for q in seen["questions"]} == {"s": True, "m": False, "t": False}
    assert all("correct" not in q and "explanation" not in q for q in seen["questions"])
    assert not attempts.review(session, first, attempts_allowed=None)["keys_shown"]
    hand_in(wrong)
    over = attempts.review(session, first, attempts_allowed=2)
    assert over["keys_shown"]
    assert {q["id"]: q["correct"] for q in over["questions"]} == right
    assert all(q["explanation"] == "见第八条" for q in over["questions"])


def test_passing_shows_the_keys(session, hand_in, right, wrong):
    """Also those of the attempts before; no attempt is left to make."""
    first = hand_in(wrong)
    good = attempts.review(session, hand_in(right), attempts_allowed=None)
    assert (good["passed"], good["keys_shown"], good["attempts_left"]) == (True, True, 0)
    assert good["score"] == "3.00"
    assert attempts.review(session, first, attempts_allowed=None)["keys_shown"]


def test_no_keys_while_the_paper_is_open_elsewhere(session, start, hand_in, right):
    """The same paper under way in another course hides the keys until that is handed in."""
    good = hand_in(right)
    start(scope="version:2")
    assert not attempts.review(session, good, attempts_allowed=1)["keys_shown"]


def test_evidence_is_canonical(session, learner, start, hand_in, right, wrong, version, now):
    """Closed attempts only, with the paper's hash, by the server's times; no floats, no answers."""
    hand_in(wrong)
    hand_in(right)
    start(scope="version:2")
    found = evidences.of_person(session, learner.id, SCOPE, until=now + timedelta(days=1))
    rfc8785.dumps(found)
    assert [(each["number"], each["passed"]) for each in found] == [(1, False), (2, True)]
    assert found[1]["paper_sha256"] == version.sha256
    assert found[1]["closed_at"] == "2026-11-23T02:00:00Z"
    assert found[1]["fraction_millionths"] == 1_000_000
    assert found == json.loads(json.dumps(found))
    assert (
        evidences.of_person(session, learner.id, "version:2", until=now + timedelta(days=1)) == []
    )
