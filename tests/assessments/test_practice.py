"""Practice that never counts, and the mistakes book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from assessments import attempts, handing_in, mistakes, practice
from assessments.errors import UnderExamination
from assessments.mistakes import Answered, fold
from tests.assessments.conftest import single
from zhixin.errors import Conflict, Invalid, NotFound

START = datetime(2026, 11, 1, tzinfo=UTC)
answers = st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=12)


def told(given_):
    return [
        Answered(START + timedelta(minutes=n), "version:1", 1, key, key, (str(n),), right, exam)
        for n, (key, right, exam) in enumerate(given_)
    ]


@given(answers, st.integers(1, 4), st.randoms())
def test_a_question_is_in_the_book_until_it_was_right_often_enough(given_, needed, random):
    """In with a wrong answer, out after so many right ones in a row; counts are of all answers,
    and the order in which they are read does not matter."""
    events = told(given_)
    book = {each.key: each for each in fold(events, needed)}
    for key in "ab":
        mine = [event for event in events if event.key == key]
        wrong = [event for event in mine if not event.right]
        since = len(mine) - 1 - mine.index(wrong[-1]) if wrong else 0
        assert (key in book) == (bool(wrong) and since < needed)
        if key in book:
            assert (book[key].wrong, book[key].right) == (len(wrong), len(mine) - len(wrong))
            assert (book[key].latest, book[key].in_a_row) == (wrong[-1].answer, since)
    random.shuffle(events)
    assert {each.key: each for each in fold(events, needed)} == book


@pytest.fixture
def learner(create_person):
    return create_person("xueyuan").id


@pytest.fixture
def read(session, learner):
    return lambda allowed=2: mistakes.of_person(
        session, learner, needed=2, allowed=lambda _scope: allowed
    )


@pytest.fixture
def test(session, learner, create_version, now):
    """Hand in answers at a paper; one that is not made anew is the same version."""
    version = create_version()

    def test(answers, paper_version_id=None, scope="version:1"):
        attempt = attempts.open(
            session, person_id=learner, scope=scope, pass_mark=Decimal("0.6"), now=now,
            paper_version_id=paper_version_id or version.id, attempts_allowed=2,
        )  # fmt: skip
        if answers is None:
            return attempt
        return handing_in.submit(session, attempt.id, learner, answers, now)

    return test


def run_of(session, learner, version, now):
    return practice.start(
        session, person_id=learner, scope="version:1", paper_version_id=version.id, now=now
    )


def test_a_key_comes_right_after_its_question(session, learner, create_version, now):
    """And not before it, for any question; the first answer of a run stands, another run may be
    begun; nothing of it is an attempt."""
    version = create_version()
    run = run_of(session, learner, version, now)
    assert all(each["key"] is None for each in practice.view(session, run))
    place = [question for _scope, _version, question in run.questions].index("s")
    assert practice.answer(session, run, place, ["a"], now).right is False
    assert practice.answer(session, run, place, ["b"], now).right is False
    shown = practice.view(session, run)
    assert [each["key"] is not None for each in shown] == [n == place for n in range(3)]
    assert shown[place]["key"]["correct"] == ["b"]
    assert attempts.history(session, learner, "version:1", version.id) == []
    assert attempts.passed(session, learner, "version:1") == set()
    assert practice.view(session, run_of(session, learner, version, now))[0]["answer"] is None


def test_impossible_answers_are_refused(session, learner, create_version, create_person, now):
    """No answer, another question's, a place that is not there, somebody else's run."""
    run = run_of(session, learner, create_version(single()), now)
    for given_ in ([], ["z"], ["a", "b"]):
        with pytest.raises(Invalid):
            practice.answer(session, run, 0, given_, now)
    for place in (-1, 1):
        with pytest.raises(NotFound):
            practice.answer(session, run, place, ["a"], now)
    with pytest.raises(NotFound):
        practice.get(session, run.id, create_person("bieren").id)


def test_a_run_is_finished_when_every_question_was_answered(session, learner, create_version, now):
    """Right or wrong; for what a practice unit asks."""
    version = create_version(single("x"), single("y", stem="另一题"))
    run = run_of(session, learner, version, now)
    practice.answer(session, run, 0, ["a"], now)
    assert practice.finished(session, learner, "version:1") == set()
    practice.answer(session, run, 1, ["b"], now)
    assert practice.finished(session, learner, "version:1") == {version.id}


def test_the_book_shows_keys_when_the_test_does(session, learner, test, read, wrong, right, now):
    """A failed test that may be taken again: its mistakes without keys, and not to be practised;
    while it is being taken: not at all; after the last attempt: with keys."""
    test(wrong | {"t": []})
    assert {each.question_id for each in read().closed} == {"s", "m"}
    assert read().open == ()
    with pytest.raises(Conflict):
        practice.again(session, person_id=learner, mistakes=read().open, now=now)
    test(None)
    assert (read().open, read().closed, read().hidden) == ((), (), 2)
    test(wrong)
    assert (len(read().open), len(read().closed), read().hidden) == (3, 0, 0)
    assert {each.wrong for each in read().open} == {1, 2}


def test_mistakes_leave_the_book_by_practice(session, learner, test, read, right, wrong, now):
    """Two right answers in a row, in runs drawn from it."""
    test(wrong)
    test(wrong)
    for times in range(2):
        assert len(read().open) == 3
        at = now + timedelta(hours=1 + times)
        run = practice.again(
            session, person_id=learner, mistakes=mistakes.drawn(read().open), now=at
        )
        for place, (_scope, _version, question) in enumerate(run.questions):
            assert practice.answer(session, run, place, right[question], at).right
    assert read().open == ()


def test_nothing_is_practised_that_is_under_examination(
    session, learner, test, read, right, wrong, create_version, now
):
    """The same question in another paper, under another id, in another course: it is hidden in
    the book and in runs, also those answered before, and takes no answer."""
    test(wrong)
    test(wrong)
    run = practice.again(session, person_id=learner, mistakes=read().open, now=now)
    place = [question for _scope, _version, question in run.questions].index("s")
    practice.answer(session, run, place, ["b"], now)
    other = create_version(single("other"), title="另一份")
    under_way = test(None, other.id, "version:2")
    assert practice.view(session, run)[place]["question"] is None
    assert practice.view(session, run)[place]["key"] is None
    assert read().hidden == 1
    with pytest.raises(UnderExamination):
        practice.answer(session, run_of(session, learner, other, now), 0, ["b"], now)
    handing_in.submit(session, under_way.id, learner, {}, now)
    assert practice.view(session, run)[place]["key"] is not None


def test_drawing_takes_the_worst_first(now):
    """Furthest from leaving, then the most often wrong; no more than asked for."""
    found = fold(told([("a", False, False), ("b", False, False), ("b", False, False)]), 3)
    assert [each.key for each in mistakes.drawn(found)] == ["b", "a"]
    assert [each.key for each in mistakes.drawn(found, 1)] == ["b"]


def test_the_book_asks_the_database_as_often_for_many_as_for_one(
    session, learner, test, read, wrong, create_version, now
):
    """Queries of the book and of a run do not grow with questions or answers."""

    def asked(act):
        session.commit()
        session.expire_all()
        seen = []
        note = lambda *told: seen.append(told[2])  # noqa: E731
        connection = session.connection()
        sa.event.listen(connection, "before_cursor_execute", note)
        act()
        sa.event.remove(connection, "before_cursor_execute", note)
        return len(seen)

    def practised(count):
        version = create_version(*(single(f"p{n}", stem=f"问 {count} {n}") for n in range(count)))
        run = run_of(session, learner, version, now)
        for place in range(count):
            practice.answer(session, run, place, ["a"], now)
        return run

    test(wrong)
    test(wrong)
    few = practised(1)
    read()
    counts = asked(read), asked(lambda: practice.view(session, few))
    many = practised(12)
    assert (asked(read), asked(lambda: practice.view(session, many))) == counts
