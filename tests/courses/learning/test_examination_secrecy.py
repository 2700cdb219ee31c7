"""Nothing that helps to answer leaves the server while somebody is under examination."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import attempts, drafting, frozen, handing_in, papers, practice
from assessments.models import Attempt
from assessments.questions.base import Question
from courses import enrolments, scopes
from courses.models import Enrolment
from tests.assessments import banked
from tests.assessments.conftest import changed
from tests.assessments.kinds import of_kind
from zhixin import clock
from zhixin.pages import resource_dir
from zhixin.people.models import Person, Role

#: Planted where only keys, explanations and rubrics are.
MARKS = [f"秘钥{name}7f3a9c" for name in ("单", "多", "空", "简", "论", "点", "例", "判")]


def asked() -> list[dict[str, Any]]:
    """Questions of several kinds, each with marks in all that must stay."""
    gap = {"kind": "text", "accepted": [MARKS[2]]}
    rubric = [{"id": "1", "text": MARKS[5], "points": "4"}]
    return [
        of_kind("single", explanation=MARKS[0]),
        of_kind("multiple", explanation=MARKS[1]),
        of_kind("true_false", explanation=MARKS[7]),
        of_kind("blanks", stem="填 {{1}}", gaps=[gap], explanation=MARKS[2]),
        of_kind("short", sample=MARKS[3], explanation=MARKS[3]),
        of_kind("essay", sample=MARKS[6], rubric=rubric, explanation=MARKS[4]),
    ]


WRONG = {"single": ["a"], "multiple": ["b"], "true_false": ["false"], "blanks": ["错"]}
RIGHT = {"single": ["b"], "multiple": ["a", "c"], "true_false": ["true"], "blanks": [MARKS[2]]}


def by_kind(session: Any, attempt: Attempt, answers: dict[str, list[str]]) -> dict[str, list[str]]:
    """Answers under the names that the attempt's questions have."""
    questions = frozen.of_attempt(session, attempt).questions
    return {each.id: answers[each.kind] for each in questions if each.kind in answers}


def writes(
    questions: list[dict[str, Any]], how: str, create_person: Callable[..., Person]
) -> Callable[..., None]:
    """Instead of ``drafting.add_question``: an author writes all ``questions`` into the paper, or
    (``how`` is "drawn") into a bank from which it is drawn."""

    def write(session: Session, paper_id: int, owner_id: int, _one: Any, now: datetime) -> None:
        document: dict[str, Any] = {
            "title": "测验",
            "questions": questions,
            "time_limit_minutes": 60,
        }
        if how == "drawn":
            owner = session.get_one(Person, owner_id)
            held = banked.bank(session, owner, create_person("tongshi", Role.AUTHOR), now)
            banked.add(session, held, questions, now)
            plan = {"bank": held[0].bank.id, "lines": [{"count": len(questions)}]}
            document |= {"questions": [], "blueprint": plan}
        drafting.save(session, paper_id, owner_id, document, 0, now)

    return write


@dataclass
class Sitting:
    """A learner's two attempts at a paper, the second of which goes on, and what is known of it:
    the facts of further attempts, and ids by the names that addresses have for them."""

    first: Attempt
    second: Attempt
    facts: dict[str, Any]
    known: dict[str, Any]


def sit_twice(
    session: Session,
    enrolment: Enrolment,
    learner: Person,
    at: datetime,
    wrong: dict[str, list[str]],
    written: dict[str, list[str]] | None = None,
) -> Sitting:
    """The learner practised the paper's questions, failed once, and is at the second of three
    attempts.

    Args:
        wrong: what is answered in all of it, by the questions' kinds.
        written: what is answered besides while practising.
    """
    loaded = enrolments.get(session, enrolment.id, learner.id)
    units = json.loads(loaded.version.document)["chapters"][0]["units"]
    facts = {
        "person_id": learner.id, "scope": scopes.of_version(enrolment.version_id),
        "paper_version_id": units[1]["paper_version_id"],
        "pass_mark": Decimal("0.5"), "attempts_allowed": 3,
    }  # fmt: skip
    run = practice.start(
        session, person_id=learner.id, scope="version:999",
        paper_version_id=facts["paper_version_id"], now=at - timedelta(hours=2),
    )  # fmt: skip
    practised = wrong | (written or {})
    for place, (_scope, version, name) in enumerate(run.questions):
        kind = frozen.question(session, version, name)[0].kind
        if kind in practised:
            practice.answer(session, run, place, practised[kind], at - timedelta(hours=2))
    first = attempts.open(session, now=at - timedelta(hours=1), **facts)
    given = by_kind(session, first, wrong)
    handing_in.submit(session, first.id, learner.id, given, at - timedelta(hours=1))
    second = attempts.open(session, now=at, **facts)
    asked = frozen.of_attempt(session, second).questions
    known = {
        "enrolment_id": [enrolment.id], "unit_key": ["u1", "u2"], "practice_id": [run.id],
        "attempt_id": [first.id, second.id], "course_id": [enrolment.course_id],
        "version_id": [enrolment.version_id], "paper_id": [1, 2], "bank_id": [1],
        "question_id": ["single", "essay", *(each.id for each in asked), 1, 2, 3],
    }  # fmt: skip
    return Sitting(first, second, facts, known)


@pytest.fixture(params=["fixed", "drawn"])
def examined(
    request, session, create_enrolment, create_person, learner, now, monkeypatch
) -> dict[str, Any]:
    """A learner who failed once, practised the same questions from another paper, and is at the
    second of three attempts with some answers saved; the questions are the paper's or a bank's."""
    monkeypatch.setattr(drafting, "add_question", writes(asked(), request.param, create_person))
    enrolment = create_enrolment(("page", "quiz"), pass_mark=Decimal("0.5"))
    at = clock.now()
    words = {kind: ["我的回答"] for kind in ("short", "essay")}
    sitting = sit_twice(session, enrolment, learner, at, WRONG, words)
    given = by_kind(session, sitting.second, {"single": ["b"]})
    attempts.save(session, sitting.second.id, learner.id, changed(given), at)
    session.commit()
    return sitting.known | {"facts": sitting.facts, "second": sitting.second.id}


def addresses(app: Flask, known: dict[str, Any]) -> Iterator[str]:
    """Every address that answers GET, with each of the ids that the learner has seen."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        values: list[dict[str, Any]] = [{}]
        for name in rule.arguments:
            choices = known.get(name, [1])
            values = [{**each, name: choice} for each in values for choice in choices]
        for each in values:
            with suppress(ValueError):  # a paper's question has a word, a bank's a number
                yield adapter.build(rule.endpoint, each)
    yield from (f"/static/dist/{file.name}" for file in resource_dir("static").glob("dist/*.js"))
    for words in ("秘钥", "测验", "single"):
        yield f"/courses?q={words}"


def told(client: FlaskClient, address: str) -> str:
    """All of an answer in one text, whichever way it is written."""
    with client.get(address) as answer:
        body = answer.get_data().decode("utf-8", "replace")
    unescaped = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), body)
    return "\n".join([str(answer.headers), body, html.unescape(body), unescaped])


def leaks(app: Flask, client: FlaskClient, known: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for address in addresses(app, known):
        text = told(client, address)
        if seen := [mark for mark in MARKS if mark in text or mark.encode().hex() in text]:
            found[address] = seen
    return found


def test_no_answer_of_the_server_holds_a_key(app, session, client, learner, examined):
    """Of all that a learner under examination can ask for: pages, JSON, scripts, the mistakes
    book, practice, the result before. Afterwards, when all attempts are made, the same search
    finds the keys, so it would have found them before."""
    assert leaks(app, client, examined) == {}
    page = client.get(f"/learn/{examined['enrolment_id'][0]}/u2").text
    book = client.get("/my/mistakes").text
    run = client.get(f"/my/practice/{examined['practice_id'][0]}").text
    assert "data-attempt" in page
    for text in (page, book, run):
        assert "is-right" not in text
        assert "is-wrong" not in text
    assert "正在您的测验中" in book
    at = clock.now()
    handing_in.submit(session, examined["second"], learner.id, None, at)
    third = attempts.open(session, now=at, **examined["facts"])
    handing_in.submit(session, third.id, learner.id, by_kind(session, third, WRONG), at)
    session.commit()
    found = leaks(app, client, examined)
    assert {mark for marks in found.values() for mark in marks} >= set(MARKS[:3])
    assert any("/learn/" in address for address in found)
    assert "/my/mistakes" in found


def test_saving_does_not_grade(app, session, client, examined, monkeypatch):
    """Not one question's answer is held against its key while answers are saved or looked at;
    the answer to a save is the same for right and wrong ones."""
    asked_share = []
    for kind in {*Question.families.values()}:
        ordinary = kind.share

        def counted(self: Any, *given: Any, ordinary: Any = ordinary) -> Any:
            asked_share.append(self.id)
            return ordinary(self, *given)

        monkeypatch.setattr(kind, "share", counted)
    fixed = clock.now()
    monkeypatch.setattr(clock, "now", lambda: fixed)
    address = f"/api/v1/attempts/{examined['second']}/answers"
    replies = set()
    second = session.get_one(Attempt, examined["second"])
    for seq, answers in enumerate((RIGHT, WRONG), 10):
        for question, answer in by_kind(session, second, answers).items():
            body = {"changes": [{"question": question, "answer": answer, "seq": seq}]}
            reply = client.put(address, json=body)
            assert reply.status_code == 200
            replies.add((reply.data, str(sorted(reply.headers.keys()))))
    client.get(address)
    client.get(f"/learn/{examined['enrolment_id'][0]}/u2")
    assert len(replies) == 1
    assert asked_share == []
    client.post(f"/api/v1/attempts/{examined['second']}/submission", json={"changes": []})
    assert asked_share


def test_the_order_says_nothing_of_the_key():
    """The key's place among the options, over many seeds: as often at each place, wherever the
    author put it (χ² with three degrees of freedom; 16.3 is passed by chance once in 1,000)."""
    for key in "abcd":
        paper = papers.Paper.from_document(
            {"title": "卷", "questions": [of_kind("single", correct=[key])]}
        )
        places = Counter(
            [
                option.id for option in papers.shuffled(paper, f"seed {n}").questions[0].options
            ].index(key)
            for n in range(2000)
        )
        assert sum((places[place] - 500) ** 2 / 500 for place in range(4)) < 16.3
        other = papers.Paper.from_document(
            {"title": "卷", "questions": [of_kind("single", correct=["a"], explanation="")]}
        )
        assert papers.public(papers.shuffled(paper, "s")) == papers.public(
            papers.shuffled(other, "s")
        )
