"""Written answers: handed in, read by people who see nobody's name, final once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from assessments import attempts, drafting, handing_in, marking
from assessments import evidence as evidences
from assessments.errors import AlreadyGraded, BeingGraded
from assessments.models import Attempt, Grading
from tests.assessments import kinds
from zhixin.errors import Invalid, NotFound
from zhixin.people.models import Person, Role

SCOPE = "version:1"
MOST = {"essay": Decimal(4)}


@pytest.mark.parametrize(
    ("marks", "bound", "settled"),
    [
        ([], None, None),
        (["3"], None, "3"),
        (["3"], "0.1", None),
        (["3", "3.4"], "0.1", "3.2"),
        (["3", "3.41"], "0.1", None),
        (["1", "3", "2.9"], "0.1", "2.95"),
        (["1", "3", "2"], "0.1", "2.5"),
        (["3", "3.4", "0"], "0.1", "3.2"),
    ],
)
def test_what_marks_come_to(marks, bound, settled):
    """One; the mean of two who agree; of three the two closest, the higher ones in doubt."""
    totals = [{"essay": Decimal(each)} for each in marks]
    found = marking.settle(totals, MOST, bound and Decimal(bound))
    assert found == (settled and {"essay": Decimal(settled)})


@settings(deadline=None, max_examples=60)
@given(st.lists(st.decimals(0, 4, places=2), min_size=3, max_size=3), st.decimals(0, 1, places=2))
def test_three_marks_always_settle_between_them(marks, bound):
    """Never beyond what graders gave, and the first two may change places."""
    totals = [{"essay": each} for each in marks]
    found = marking.settle(totals, MOST, bound)["essay"]
    assert min(marks) <= found <= max(marks)
    assert marking.settle([totals[1], totals[0], totals[2]], MOST, bound)["essay"] == found


@pytest.fixture
def hand_in(session, create_person, create_version, now):
    """Hand in an essay; returns (attempt, three graders' ids)."""

    def hand_in(**facts):
        learner = create_person("xueyuan")
        version = create_version(kinds.of_kind("single"), kinds.of_kind("essay"), **facts)
        attempt = attempts.open(
            session, person_id=learner.id, scope=SCOPE, paper_version_id=version.id,
            pass_mark=Decimal("0.6"), attempts_allowed=2, now=now,
        )  # fmt: skip
        answers = {"single": ["b"], "essay": ["一段话"]}
        closed = handing_in.submit(session, attempt.id, learner.id, answers, now)
        graders = [create_person(f"pingyue{n}", Role.REVIEWER).id for n in range(3)]
        session.commit()
        return closed, graders

    return hand_in


def give(one, two):
    return {"essay": {"1": Decimal(one), "2": Decimal(two)}}


def test_a_written_answer_waits(session, hand_in, now):
    """No verdict, no points, no evidence and no next attempt before people have said."""
    attempt, (grader, *_others) = hand_in()
    assert (attempt.state, attempt.passed, attempt.fraction) == ("closed", None, None)
    assert evidences.of_person(session, attempt.person_id, SCOPE, until=now) == []
    review = attempts.review(session, attempt, attempts_allowed=1)
    assert review["waiting"]
    assert not review["keys_shown"]
    with pytest.raises(BeingGraded):
        attempts.open(
            session, person_id=attempt.person_id, scope=SCOPE, attempts_allowed=2,
            paper_version_id=attempt.paper_version_id, pass_mark=Decimal(0), now=now,
        )  # fmt: skip
    later = now + timedelta(days=1)
    final = marking.mark(session, attempt.id, [SCOPE], grader, give("1", "2"), "不错", later)
    assert final is not None
    assert (final.passed, final.fraction) == (True, Decimal("0.875"))
    assert attempts.passed(session, attempt.person_id, SCOPE) == {attempt.paper_version_id}
    assert evidences.of_person(session, attempt.person_id, SCOPE, until=now) == []
    assert len(evidences.of_person(session, attempt.person_id, SCOPE, until=later)) == 1
    assert attempts.review(session, final, attempts_allowed=2)["comments"] == ["不错"]


def test_two_graders_and_a_third(session, hand_in, now):
    """Each once, blind; too far apart needs a third; then it is over."""
    attempt, (first, second, third) = hand_in(double_marking="0.1")
    assert marking.mark(session, attempt.id, [SCOPE], first, give("0", "1"), "", now) is None
    with pytest.raises(AlreadyGraded):
        marking.mark(session, attempt.id, [SCOPE], first, give("1", "1"), "", now)
    assert not marking.queue(session, [SCOPE], first)
    assert marking.mark(session, attempt.id, [SCOPE], second, give("1", "2"), "", now) is None
    assert session.get(Grading, attempt.id).state == "third"
    final = marking.mark(session, attempt.id, [SCOPE], third, give("1", "2.5"), "", now)
    assert final.result["questions"]["essay"]["score"] == "3.25"
    with pytest.raises((AlreadyGraded, NotFound)):
        marking.mark(session, attempt.id, [SCOPE], second, give("1", "2"), "", now)


@pytest.mark.parametrize(
    "points",
    [{}, {"essay": {"1": Decimal(1)}}, give("1.6", "1"), give("-1", "1"), give("NaN", "1"),
     give("0.001", "1"), give("1", "1") | {"single": {"": Decimal(1)}}],
)  # fmt: skip
def test_impossible_points_are_refused(session, hand_in, now, points):
    """Nothing is kept of them."""
    attempt, (grader, *_others) = hand_in()
    with pytest.raises(Invalid):
        marking.mark(session, attempt.id, [SCOPE], grader, points, "", now)
    assert marking.queue(session, [SCOPE], grader)


def test_who_may_not_grade_finds_nothing(session, hand_in, now):
    """Not without the scope, and nobody their own."""
    attempt, (grader, *_others) = hand_in()
    for scopes, person in (([], grader), (["version:2"], grader), ([SCOPE], attempt.person_id)):
        assert not marking.queue(session, scopes, person)
        for act in (
            lambda: marking.case(session, attempt.id, scopes, person),  # noqa: B023
            lambda: marking.mark(session, attempt.id, scopes, person, give(1, 1), "", now),  # noqa: B023
        ):
            with pytest.raises(NotFound):
                act()


@pytest.mark.parametrize("double", [None, "0.1"])
def test_of_many_graders_at_once_as_many_are_heard_as_are_needed(own_engine, now, double):
    """One, or with double marking two: the others are told, and the result is final once."""
    with Session(own_engine) as session:
        people = [
            Person(sign_in_name=f"x{n}", password_hash="x", name="x", created_at=now)
            for n in range(9)
        ]
        session.add_all(people)
        session.flush()
        learner, *graders = [person.id for person in people]
        paper = drafting.create(session, owner_id=learner, title="测验", now=now)
        document = {
            "title": "测验",
            "questions": [kinds.of_kind("essay")],
            "double_marking": double,
        }
        drafting.save(session, paper.id, learner, document, 0, now)
        attempt = attempts.open(
            session, person_id=learner, scope=SCOPE, pass_mark=Decimal("0.5"),
            paper_version_id=drafting.freeze(session, paper.id, now).id,
            attempts_allowed=None, now=now,
        )  # fmt: skip
        handing_in.submit(session, attempt.id, learner, {"essay": ["一段话"]}, now)
        id = attempt.id
        session.commit()

    barrier = Barrier(len(graders))

    def grade(grader: int) -> str:
        barrier.wait()
        with Session(own_engine) as session:
            try:
                final = marking.mark(session, id, [SCOPE], grader, give("1", "1"), "", now)
                session.commit()
            except AlreadyGraded:
                return "told"
        return "final" if final else "heard"

    with ThreadPoolExecutor(len(graders)) as pool:
        heard = list(pool.map(grade, graders))
    assert (heard.count("final"), heard.count("heard")) == (1, 1 if double else 0)
    with Session(own_engine) as session:
        assert session.get(Attempt, id).passed is True
