"""A regrade after a wrong key: foreseen, decided by another person, and no pass ever taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from assessments import attempts, drafting, frozen, handing_in, marking, regrading, rekeyed
from assessments import evidence as evidences
from assessments.banks import writing
from assessments.banks.states import QuestionStep
from assessments.models import Attempt, Paper, PaperVersion
from assessments.regrade_models import (
    AttemptRegrade,
    IllegalRegradeStep,
    KeyCorrection,
    RegradeState,
    RegradeStep,
)
from tests.assessments import banked
from tests.assessments.conftest import multiple, single, true_false
from tests.assessments.kinds import of_kind
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people.models import Person, Role

LATER = timedelta(minutes=1)


@pytest.fixture
def reviewer(create_person: Callable[..., Person]) -> Person:
    return create_person("shenhe", Role.REVIEWER)


@pytest.fixture
def take(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> Callable[..., Attempt]:
    """Somebody's closed attempt at a paper that is passed with half of the points."""

    def take(version: PaperVersion, who: str, answers: dict[str, list[str]]) -> Attempt:
        attempt = attempts.open(
            session, person_id=create_person(who).id, scope="version:1",
            paper_version_id=version.id, pass_mark=Decimal("0.5"), attempts_allowed=None, now=now,
        )  # fmt: skip
        return handing_in.submit(session, attempt.id, attempt.person_id, answers, now)

    return take


@pytest.fixture
def published(
    session: Session,
    create_paper: Callable[..., Paper],
    take: Callable[..., Attempt],
    now: datetime,
) -> SimpleNamespace:
    """A paper whose first question has the wrong key (``b``; ``a`` is right), of two points in
    all, and three who took it: failed by the wrong key, passed by it, and one whom it leaves."""
    paper = create_paper(single(), true_false())
    version = drafting.freeze(session, paper.id, now)
    return SimpleNamespace(
        paper=paper,
        version=version,
        failed=take(version, "jia", {"s": ["a"], "t": ["false"]}),
        passed=take(version, "yi", {"s": ["b"], "t": ["false"]}),
        same=take(version, "bing", {"t": ["true"]}),
    )


def _mend(session: Session, paper: Paper, now: datetime, **changes: Any) -> None:
    question = single(**({"correct": ["a"]} | changes))
    drafting.update_question(session, paper.id, paper.owner_id, question, paper.revision, now)


def _propose(session: Session, paper: Paper, now: datetime) -> KeyCorrection:
    (found,) = rekeyed.candidates(session, paper)
    return regrading.propose(session, paper, paper.owner_id, found.name, "答案印错", now)


def _changes(session: Session, correction: KeyCorrection) -> list[regrading.Change]:
    reader = regrading.Reader(session, correction)
    ids = regrading.next_attempts(session, correction, 0, 100)
    return [found for each in regrading.attempts(session, ids) if (found := reader.change(each))]


def _run(session: Session, correction: KeyCorrection, now: datetime) -> list[AttemptRegrade]:
    ids = regrading.next_attempts(session, correction, 0, 100)
    return [made for id in ids if (made := regrading.regrade(session, correction, id, now))]


def test_only_a_mended_key_is_put_forward(
    session: Session, published: SimpleNamespace, now: datetime
) -> None:
    """A question that shows something else now is another question; a better explanation changes
    no grade; with a reason, once at a time."""
    paper = published.paper
    assert rekeyed.candidates(session, paper) == []
    for changes in (
        {"stem": "新的题干"},
        {"correct": ["b"], "explanation": "更清楚"},
        {"points": "2"},
    ):
        _mend(session, paper, now, **changes)
        assert rekeyed.candidates(session, paper) == []
    _mend(session, paper, now)
    (found,) = rekeyed.candidates(session, paper)
    with pytest.raises(Invalid):
        regrading.propose(session, paper, paper.owner_id, found.name, " ", now)
    with pytest.raises(NotFound):
        regrading.propose(session, paper, paper.owner_id, "t 0", "理由", now)
    _propose(session, paper, now)
    with pytest.raises(Conflict):
        _propose(session, paper, now)


def test_it_says_whom_it_changes_and_changes_nothing(
    session: Session, published: SimpleNamespace, now: datetime
) -> None:
    """Before anything is decided: one gains, one would lose, the third is not named."""
    _mend(session, published.paper, now)
    correction = _propose(session, published.paper, now)
    found = {each.attempt.id: each for each in _changes(session, correction)}
    assert found.keys() == {published.failed.id, published.passed.id}
    gains, loses = found[published.failed.id], found[published.passed.id]
    assert (gains.gains, gains.loses, gains.fraction) == (True, False, 500_000)
    assert (loses.gains, loses.loses, loses.fraction) == (False, True, 0)
    assert published.failed.passed is False
    assert frozen.of_attempt(session, published.failed).questions[0].correct == ("b",)


def test_a_second_person_decides(
    session: Session,
    published: SimpleNamespace,
    reviewer: Person,
    create_person: Callable[..., Person],
    now: datetime,
) -> None:
    """Neither an author of the paper nor who took it; declined only with a reason, and then the
    old key stays; the database keeps proposer and decider apart."""
    _mend(session, published.paper, now)
    correction = _propose(session, published.paper, now)
    author, learner = published.paper.owner_id, published.same.person_id
    helper = create_person("helper", Role.AUTHOR).id
    drafting.let_edit(session, [published.paper.id], [helper])
    for person in (author, learner, helper):
        with pytest.raises(NotAllowed):
            regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=person, now=now)
    with pytest.raises(NotAllowed):
        regrading.decide(session, correction, RegradeStep.WITHDRAW, person_id=reviewer.id, now=now)
    with pytest.raises(Invalid):
        regrading.decide(session, correction, RegradeStep.DECLINE, person_id=reviewer.id, now=now)
    regrading.decide(
        session, correction, RegradeStep.DECLINE, person_id=reviewer.id, reason="原答案对", now=now
    )
    with pytest.raises(IllegalRegradeStep):
        regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
    assert correction.state == RegradeState.DECLINED
    assert frozen.of_attempt(session, published.failed).questions[0].correct == ("b",)
    session.commit()
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.update(KeyCorrection).values(decided_by_id=author))


def test_passes_are_given_and_none_is_taken(
    session: Session,
    published: SimpleNamespace,
    reviewer: Person,
    take: Callable[..., Attempt],
    now: datetime,
) -> None:
    """Whom the wrong key failed passes; of whom it let pass both results are kept and the old one
    stands. Later attempts and all keys that are shown follow the right key. Done twice, it is done
    once; evidence of before is as it was, evidence of after names the correction."""
    paper, version = published.paper, published.version
    _mend(session, paper, now)
    correction = _propose(session, paper, now)
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
    assert correction.total == 3
    at = now + LATER
    made = {each.attempt_id: each for each in _run(session, correction, at)}
    assert _run(session, correction, at) == []
    gained, kept = made[published.failed.id], made[published.passed.id]
    assert (gained.applied, gained.passed_before, gained.passed_after) == (True, False, True)
    assert (kept.applied, kept.passed_before, kept.passed_after) == (False, True, False)
    assert len(made) == 2
    assert (published.failed.passed, published.failed.fraction) == (True, Decimal("0.5"))
    assert (published.passed.passed, published.passed.fraction) == (True, Decimal("0.5"))
    assert gained.result_before["questions"]["s"] == {"score": "0.00", "right": False}
    assert (published.failed.result or {})["questions"]["s"] == {"score": "1.00", "right": True}
    seen = attempts.review(session, published.failed, attempts_allowed=None)
    assert seen["regraded"]
    assert not attempts.review(session, published.passed, attempts_allowed=None)["regraded"]
    assert next(q for q in seen["questions"] if q["id"] == "s")["correct"] == ["a"]
    later = take(version, "ding", {"s": ["a"]})
    assert later.passed
    stands = attempts.review(session, published.passed, attempts_allowed=None)
    assert stands["pass_kept"]
    assert [q["id"] for q in stands["questions"] if "by_old_key" in q] == ["s"]
    assert not seen["pass_kept"]
    learner = published.failed.person_id
    (before,) = evidences.of_person(session, learner, "version:1", until=now)
    (after,) = evidences.of_person(session, learner, "version:1", until=at)
    assert (before["passed"], before["fraction_millionths"]) == (False, 0)
    assert "corrections" not in before
    assert (after["passed"], after["corrections"]) == (True, [correction.id])
    assert rekeyed.candidates(session, paper) == []
    # A new version that has the right key itself is none of the correction's business.
    newest = drafting.freeze(session, paper.id, now)
    assert frozen.paper(session, newest.id).questions[0].correct == ("a",)  # type: ignore[attr-defined]
    session.commit()
    for change in (sa.update(AttemptRegrade).values(applied=True), sa.delete(AttemptRegrade)):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(change)


def test_a_key_is_corrected_twice(
    session: Session, published: SimpleNamespace, reviewer: Person, now: datetime
) -> None:
    """The second correction stands over the first; a pass that the first gave stays."""
    for number, right in enumerate((["a"], ["b"]), 1):
        _mend(session, published.paper, now, correct=right)
        correction = _propose(session, published.paper, now)
        regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
        made = _run(session, correction, now + number * LATER)
        correction.state, correction.finished_at = RegradeState.DONE, now + number * LATER
        session.flush()
        assert [(each.attempt_id, each.applied) for each in made][:1] == [
            (published.failed.id, number == 1)
        ]
    assert published.failed.passed
    assert published.passed.passed
    # As each was marked in the end, so the keys say.
    assert not attempts.review(session, published.passed, attempts_allowed=None)["pass_kept"]
    assert attempts.review(session, published.failed, attempts_allowed=None)["pass_kept"]
    assert frozen.of_attempt(session, published.failed).questions[0].correct == ("b",)


def test_graded_by_people_too(
    session: Session,
    create_paper: Callable[..., Paper],
    take: Callable[..., Attempt],
    author: Person,
    reviewer: Person,
    now: datetime,
) -> None:
    """What graders gave is counted again as they gave it; who still waits for them is graded
    under the right key in the end."""
    paper = create_paper(
        single(), multiple(marking="partial"), of_kind("short", id="w", points="4")
    )
    version = drafting.freeze(session, paper.id, now)
    answers = {"s": ["a"], "m": ["x"], "w": ["一段话"]}
    final, waiting = take(version, "jia", answers), take(version, "yi", answers)

    def mark(attempt: Attempt) -> None:
        given = {"w": {"": Decimal("2.00")}}
        marking.mark(session, attempt.id, ["version:1"], author.id, given, "", now)

    mark(final)
    assert (final.result or {})["score"] == "2.50"
    _mend(session, paper, now)
    correction = _propose(session, paper, now)
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
    (made,) = _run(session, correction, now)
    assert made.attempt_id == final.id
    mark(waiting)
    assert (final.result or {})["score"] == (waiting.result or {})["score"] == "3.50"
    assert final.passed
    assert waiting.passed


def test_a_drawn_question_is_corrected_in_the_bank(
    session: Session,
    author: Person,
    create_person: Callable[..., Person],
    create_paper: Callable[..., Paper],
    take: Callable[..., Attempt],
    reviewer: Person,
    now: datetime,
) -> None:
    """The bank's accepted next version, with another key alone, is put forward for the paper's
    attempts that drew the question, worth what its line says."""
    held = banked.bank(session, author, create_person("tongshi", Role.AUTHOR), now)
    (id,) = banked.add(session, held, banked.stems(1), now)
    plan = {"bank": held[0].bank.id, "lines": [{"count": 1, "points": "3"}]}
    paper = create_paper(blueprint=plan)
    version = drafting.freeze(session, paper.id, now)
    opened = take(version, "jia", {})
    name = frozen.of_attempt(session, opened).questions[0].id
    attempt = take(version, "yi", {name: ["a"]})
    question = writing.get(session, held[0], id)
    kept = writing.document(writing.version(session, question))["question"]
    mended = writing.checked(kept | {"correct": ["a"]})
    writing.edit(session, held[0], id, mended, 1, now)
    assert rekeyed.candidates(session, paper) == []
    writing.step(session, held[0], [id], QuestionStep.PROPOSE, now=now)
    writing.step(session, held[1], [id], QuestionStep.ACCEPT, now=now)
    correction = _propose(session, paper, now)
    (change,) = _changes(session, correction)
    assert (change.attempt.id, change.result["score"]) == (attempt.id, "3.00")
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
    _run(session, correction, now)
    assert attempt.passed
    assert rekeyed.candidates(session, paper) == []


def test_a_question_that_nobody_drew_yet_is_corrected_too(
    session: Session,
    author: Person,
    create_person: Callable[..., Person],
    create_paper: Callable[..., Paper],
    take: Callable[..., Attempt],
    reviewer: Person,
    now: datetime,
) -> None:
    """Its wrong key waits in the pool for who draws it next; the right one grades them."""
    held = banked.bank(session, author, create_person("tongshi", Role.AUTHOR), now)
    (id,) = banked.add(session, held, banked.stems(1), now)
    paper = create_paper(
        blueprint={"bank": held[0].bank.id, "lines": [{"count": 1, "points": "3"}]}
    )
    version = drafting.freeze(session, paper.id, now)
    kept = writing.document(writing.version(session, writing.get(session, held[0], id)))
    mended = writing.checked(kept["question"] | {"correct": ["a"]})
    writing.edit(session, held[0], id, mended, 1, now)
    writing.step(session, held[0], [id], QuestionStep.PROPOSE, now=now)
    writing.step(session, held[1], [id], QuestionStep.ACCEPT, now=now)
    correction = _propose(session, paper, now)
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer.id, now=now)
    assert correction.total == 0
    assert take(version, "yi", {correction.question_id: ["a"]}).passed


def test_a_question_about_another_text_is_another_question(
    session: Session, create_paper: Callable[..., Paper], now: datetime
) -> None:
    """The passage was written anew under its id: the mended key answers what nobody was asked."""
    paper = create_paper(single())
    drafting.put_passage(session, paper.id, paper.owner_id, "p", "每次 5 mg", paper.revision, now)
    asked = single(passage="p")
    drafting.update_question(session, paper.id, paper.owner_id, asked, paper.revision, now)
    drafting.freeze(session, paper.id, now)
    _mend(session, paper, now, passage="p")
    assert len(rekeyed.candidates(session, paper)) == 1
    drafting.put_passage(session, paper.id, paper.owner_id, "p", "每次 7 mg", paper.revision, now)
    assert rekeyed.candidates(session, paper) == []
