"""Papers by a blueprint: frozen with their pool, drawn for each attempt, the same when drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from assessments import (
    analysing,
    attempts,
    blueprinting,
    drafting,
    frozen,
    handing_in,
    marking,
    mistakes,
    practice,
)
from assessments import evidence as evidences
from assessments.banks import pools, writing
from assessments.banks.drawing import NotEnough, draw, shortages
from assessments.banks.models import BankQuestion, BankVersion, QuestionPool
from assessments.banks.states import QuestionStep
from assessments.blueprints import Blueprint, in_paper
from assessments.models import Attempt, PaperVersion
from assessments.papers import InvalidPaper
from assessments.questions import Question
from tests.assessments import banked
from tests.assessments.conftest import changed, single
from tests.assessments.kinds import of_kind
from zhixin import db
from zhixin.errors import NotFound
from zhixin.people.models import Person, Role


@pytest.fixture
def drawn(
    session: Session, author: Person, create_person: Callable[..., Person], now: datetime
) -> SimpleNamespace:
    """A bank of ten questions on 甲 and five on 乙, and a paper: one of its own and four drawn."""
    other = create_person("tongshi", Role.AUTHOR)
    held = banked.bank(session, author, other, now)
    ids = banked.add(session, held, banked.stems(*range(10)), now, point="甲")
    ids += banked.add(session, held, banked.stems(*range(10, 15)), now, point="乙", difficulty=5)
    paper = drafting.create(session, owner_id=author.id, title="结业测验", now=now)
    lines = [{"count": 3, "point": "甲", "points": "2"}, {"count": 1, "low": 4, "points": "5"}]
    document = {
        "title": "结业测验", "questions": [single("own")],
        "blueprint": {"bank": held[0].bank.id, "lines": lines},
    }  # fmt: skip
    drafting.save(session, paper.id, author.id, document, 0, now)
    session.commit()
    return SimpleNamespace(
        held=held, ids=ids, paper=paper, author=author, other=other,
        freeze=lambda: drafting.freeze(session, paper.id, now),
    )  # fmt: skip


@pytest.fixture
def open_(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> Callable[..., Attempt]:
    known: dict[str, Person] = {}

    def open_(version: PaperVersion, who: str = "xueyuan", **facts: Any) -> Attempt:
        person = known.setdefault(who, known.get(who) or create_person(who))
        return attempts.open(
            session, person_id=person.id, scope="version:1", paper_version_id=version.id,
            pass_mark=Decimal("0.6"), attempts_allowed=None, now=now, **facts,
        )  # fmt: skip

    return open_


def _asked(session: Session, attempt: Attempt) -> set[str]:
    return {question.stem for question in frozen.of_attempt(session, attempt).questions}


def test_each_attempt_has_its_own_draw(
    session: Session, drawn: SimpleNamespace, open_: Callable[..., Attempt], now: datetime
) -> None:
    """Learners have different questions, each fits its line and its points; a second attempt has
    none of the first while the bank has others; what was drawn can be drawn again from what is
    recorded, and not from another seed."""
    version = drawn.freeze()
    seen: set[str] = set()
    for number in range(3):
        attempt = open_(version)
        assert attempt.number == number + 1
        view = attempts.view(session, attempt)
        assert len(view["questions"]) == 5
        assert sorted(each["points"] for each in view["questions"]) == ["1", "2", "2", "2", "5"]
        assert "correct" not in json.dumps(view)
        asked = _asked(session, attempt) - {"一年至少多少学时？"}
        assert len(asked) == 4
        assert not asked & seen
        seen |= asked
        assert attempts.redrawn(session, attempt) == attempt.drawn
        handing_in.submit(session, attempt.id, attempt.person_id, {}, now)
    last = open_(version)  # nine of the ten are known: one new one and two old ones
    assert len(_asked(session, last) - seen) == 3  # its own question, and two that are new
    others = {frozenset(_asked(session, open_(version, f"p{n}"))) for n in range(6)}
    assert len(others) > 1
    assert evidences.differing_draws(session, last.person_id, "version:1") == []
    last.seed = "0" * 32
    session.flush()
    (said,) = evidences.differing_draws(session, last.person_id, "version:1")
    assert said.startswith("第 4 次作答")


def test_what_is_published_stays(
    session: Session, drawn: SimpleNamespace, open_: Callable[..., Attempt], now: datetime
) -> None:
    """The bank changes after publication: new, changed and retired questions make no difference;
    the next version draws from what the bank is then. The pool itself cannot be changed."""
    version = drawn.freeze()
    assert drawn.freeze().id == version.id  # the same content is the same version
    mine, theirs = drawn.held
    writing.step(session, mine, drawn.ids[:9], QuestionStep.RETIRE, now=now)
    banked.add(session, drawn.held, banked.stems(*range(90, 99)), now, point="甲")
    question = writing.get(session, mine, drawn.ids[9])
    edited = writing.checked(banked.stems(77)[0], point="甲")
    writing.edit(session, mine, question.id, edited, 1, now)
    writing.step(session, mine, [question.id], QuestionStep.PROPOSE, now=now)
    writing.step(session, theirs, [question.id], QuestionStep.ACCEPT, now=now)
    before = {f"第 {n} 问？" for n in range(15)} | {"一年至少多少学时？"}
    asked = {stem for n in range(4) for stem in _asked(session, open_(version, f"p{n}"))}
    assert asked <= before
    later = drawn.freeze()
    assert later.id != version.id
    asked = _asked(session, open_(later, "new"))
    assert len(asked & {f"第 {n} 问？" for n in (77, *range(90, 99))}) == 3
    pool = drafting.load(version).blueprint
    assert pool is not None
    session.commit()
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.update(QuestionPool).values(document={}))


def test_only_what_was_accepted_and_is_not_there_already_is_drawn(
    session: Session, drawn: SimpleNamespace, author: Person, now: datetime
) -> None:
    """A question that stands in the paper itself is not drawn as well, and does not count."""
    mine = drawn.held[0].bank.id
    banked.add(session, drawn.held, banked.stems(50), now, accepted=False, point="甲")
    lines = [{"count": 10, "point": "甲"}]
    facts = {"blueprint": {"bank": mine, "lines": lines}, "questions": banked.stems(4, id="f")}
    drafting.describe(session, drawn.paper.id, author.id, facts, drawn.paper.revision, now)
    expected = "第 1 行（知识点“甲”、任意题型、难度 1–5）只有 9 题，需要 10 题"
    assert blueprinting.problems(session, drawn.paper) == [expected]
    with pytest.raises(NotEnough, match="第 1 行"):
        drawn.freeze()
    with pytest.raises(NotEnough, match="第 1 行"):
        blueprinting.example(session, drawn.paper, "x")
    lines[0]["count"] = 9
    drafting.describe(session, drawn.paper.id, author.id, facts, drawn.paper.revision, now)
    assert blueprinting.problems(session, drawn.paper) == []
    example = blueprinting.example(session, drawn.paper, "x")
    assert {each.stem for each in example.questions} == {f"第 {n} 问？" for n in range(10)}
    drawn.freeze()


def test_whose_bank_may_be_drawn_from(
    session: Session, drawn: SimpleNamespace, create_person: Callable[..., Person], now: datetime
) -> None:
    """An author draws from banks of their own; a paper of somebody without the bank is refused
    when it is written and, if the bank was taken from them since, when it is submitted."""
    stranger = create_person("stranger", Role.AUTHOR)
    paper = drafting.create(session, owner_id=stranger.id, title="卷", now=now)
    plan = Blueprint.model_validate({"bank": drawn.held[0].bank.id, "lines": [{"count": 1}]})
    with pytest.raises(NotFound):
        blueprinting.put(session, paper.id, stranger, plan, 0, now)
    told = {"title": "卷", "questions": [], "blueprint": plan.model_dump(mode="json")}
    drafting.save(session, paper.id, stranger.id, told, 0, now)  # as a copy of another's is
    assert blueprinting.problems(session, paper) == ["抽题的题库不存在，或作者不能使用它"]
    told["blueprint"] = plan.model_dump(mode="json") | {"pool": "0" * 64}
    with pytest.raises(InvalidPaper, match="固定"):
        drafting.save(session, paper.id, stranger.id, told, 1, now)


def test_grading_practice_and_mistakes_know_drawn_questions(
    session: Session, drawn: SimpleNamespace, open_: Callable[..., Attempt], now: datetime
) -> None:
    """A drawn paper is answered, saved, graded and reviewed as any other; nothing of a drawn
    question is shown elsewhere while it is being asked."""
    version = drawn.freeze()
    attempt = open_(version)
    learner, paper = attempt.person_id, frozen.of_attempt(session, attempt)
    answers = {question.id: ["b"] for question in paper.questions}
    wrong = next(question for question in paper.questions if question.points == 5)
    answers[wrong.id] = ["a"]
    saved = attempts.save(session, attempt.id, learner, changed(answers), now)
    assert saved.overtaken == []
    hidden = frozen.under_examination(session, learner)
    assert hidden >= frozen.fingerprints(paper)
    run = practice.start(
        session, person_id=learner, scope="practice:1", paper_version_id=version.id, now=now
    )
    shown = practice.view(session, run)
    assert len(shown) == 5
    own = next(each for each in shown if run.questions[each["place"]][2] == "own")
    assert own["question"] is None  # being asked at this moment
    closed = handing_in.submit(session, attempt.id, learner, None, now)
    assert (closed.result or {})["score"] == "7.00"
    assert (closed.result or {})["maximum"] == "12"
    assert closed.passed is False
    seen = attempts.review(session, closed, attempts_allowed=None)
    assert not seen["keys_shown"]
    (mistake,) = mistakes.of_person(session, learner, needed=2, allowed=lambda _: None).closed
    assert mistake.question_id == wrong.id
    for place, (_scope, _version, _question) in enumerate(run.questions):
        assert practice.answer(session, run, place, ["b"], now).right
    assert practice.finished(session, learner, "practice:1") == {version.id}
    (evidence,) = evidences.of_person(session, learner, "version:1", until=now)
    assert len(evidence["drawn_sha256"]) == 64
    assert attempts.characters(session, attempt.id) == paper.characters


def test_written_questions_keep_their_rubric(
    session: Session, drawn: SimpleNamespace, open_: Callable[..., Attempt], now: datetime
) -> None:
    """A question that people grade is worth the line's points, and so is its rubric."""
    rubric = [{"id": str(n), "text": f"要点 {n}", "points": "1"} for n in range(3)]
    essay = of_kind("essay", points="3", rubric=rubric)
    banked.add(session, drawn.held, [essay], now, point="丙")
    plan = {"bank": drawn.held[0].bank.id, "lines": [{"count": 1, "point": "丙", "points": "10"}]}
    facts = {"questions": [], "blueprint": plan}
    drafting.describe(session, drawn.paper.id, drawn.author.id, facts, drawn.paper.revision, now)
    attempt = open_(drawn.freeze())
    (question,) = frozen.of_attempt(session, attempt).questions
    assert [str(each.points) for each in question.rubric] == ["3.33", "3.34", "3.33"]  # type: ignore[attr-defined]
    handing_in.submit(session, attempt.id, attempt.person_id, {question.id: ["回答"]}, now)
    case = marking.case(session, attempt.id, ["version:1"], drawn.author.id)
    assert case.questions == (question,)
    given = {question.id: {"0": Decimal("3.33"), "1": Decimal("3.34"), "2": Decimal(0)}}
    final = marking.mark(session, attempt.id, ["version:1"], drawn.author.id, given, "", now)
    assert final is not None
    assert final.passed


def test_a_drawn_question_is_sound() -> None:
    """Whatever the points, the question in the paper is one that the paper's own check takes."""
    rubric = [
        {"id": "1", "text": "一", "points": "1.5"},
        {"id": "2", "text": "二", "points": "2.5"},
    ]
    question = Question.model_validate(of_kind("short", points="4", rubric=rubric))
    for points in ("1", "3.33", "4", "7.77", "100"):
        made = in_paper(question, 5, Decimal(points))
        assert Question.model_validate(made.model_dump(mode="json")) == made
        assert made.id == "bank-5"


def test_each_question_is_analysed_over_those_who_had_it(
    session: Session, drawn: SimpleNamespace, open_: Callable[..., Attempt], now: datetime
) -> None:
    """Of drawn papers there is no reliability; a question counts who was asked it, and one that
    too few had is left out and said to be."""
    version = drawn.freeze()
    had: dict[str, int] = {}
    for number in range(12):
        attempt = open_(version, f"p{number}")
        paper = frozen.of_attempt(session, attempt)
        for question in paper.questions:
            had[question.id] = had.get(question.id, 0) + 1
        answers = {question.id: ["b"] for question in paper.questions}
        handing_in.submit(session, attempt.id, attempt.person_id, answers, now)
    session.commit()
    analysing.make(db.database(), version.id, now)
    session.expire_all()
    found = analysing.of(session, version.id)
    assert found is not None
    document = found.document or {}
    assert document["alpha"] == "different"
    assert document["maximum"] == 12.0
    often = {id: count for id, count in had.items() if count >= 5}
    assert {item["id"]: item["asked"] for item in document["items"]} == often
    assert document.get("left_out", 0) == len(had) - len(often)
    assert all(item["facility"] == 1.0 for item in document["items"])
    assert document["mean"] == 12.0


def test_bank_versions_are_what_the_pool_says(session: Session, drawn: SimpleNamespace) -> None:
    """Whoever freezes the same bank gets the same pool, under the same hash."""
    version = drawn.freeze()
    plan = drafting.load(version).blueprint
    assert plan is not None
    pool = session.get_one(QuestionPool, plan.pool)
    assert sum(cell[3] for cell in pool.document["cells"]) == 15
    assert session.scalar(sa.select(sa.func.count(BankVersion.id))) == 15


SORTS = st.tuples(st.sampled_from("甲乙"), st.integers(1, 3), st.integers(1, 4))


@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(SORTS, min_size=1, max_size=4), st.lists(SORTS, min_size=1, max_size=3), st.data())
def test_whatever_the_bank_and_the_lines(
    session: Session,
    author: Person,
    create_person: Callable[..., Person],
    now: datetime,
    stock: list[tuple[str, int, int]],
    wanted: list[tuple[str, int, int]],
    data: st.DataObject,
) -> None:
    """Of a frozen pool every draw fits its lines, holds no question twice, and has as few of the
    seen ones as a draw from the bank's own cells."""
    other = session.scalar(sa.select(Person).where(Person.sign_in_name == "tongshi"))
    held = banked.bank(session, author, other or create_person("tongshi", Role.AUTHOR), now)
    ids: list[int] = []
    for at, (point, difficulty, count) in enumerate(stock):
        numbers = range(100 * at, 100 * at + count)
        ids += banked.add(
            session, held, banked.stems(*numbers), now, point=point, difficulty=difficulty
        )
    lines = [
        {"count": count, "low": low} | ({"point": point} if data.draw(st.booleans()) else {})
        for point, low, count in wanted
    ]
    plan = Blueprint.model_validate({"bank": held[0].bank.id, "lines": lines})
    cells = pools.held(session, plan.bank)
    if shortages(pools.lines(plan), cells):
        with pytest.raises(NotEnough):
            pools.freeze(session, plan, (), now)
        return
    plan = plan.model_copy(update={"pool": pools.freeze(session, plan, (), now)})
    seen = data.draw(st.sets(st.sampled_from(ids)))
    drawn = pools.draw(session, plan, "签", seen)
    assert drawn == pools.draw(session, plan, "签", seen)
    flat = [id for line in drawn["versions"] for id in line]
    assert len(set(flat)) == len(flat) == plan.count
    kept = {id: session.get_one(BankVersion, id) for id in flat}
    for line, versions in zip(plan.lines, drawn["versions"], strict=True):
        assert len(versions) == line.count
        for id in versions:
            assert line.point in (None, kept[id].point)
            assert kept[id].difficulty >= line.low
    places = session.execute(
        sa.select(BankQuestion.cell_id, BankQuestion.place).where(BankQuestion.id.in_(seen))
    )
    known = {(cell or 0, place or 0) for cell, place in places}
    best = draw(pools.lines(plan), cells, "anders", known)
    fewest = len(known & {spot for line in best for spot in line})
    assert len(seen & {kept[id].question_id for id in flat}) == fewest
