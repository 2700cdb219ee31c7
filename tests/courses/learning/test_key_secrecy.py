"""Two papers that differ only in their keys look the same to who is under examination.

The crawl of :mod:`tests.courses.learning.test_examination_secrecy` finds marks that were planted
in keys. This one needs no marks: a key that shows itself in an order, a length, a hash, a header
or a count makes an answer of the server differ between the two papers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import attempts, drafting, frozen, handing_in, practice
from assessments.models import Attempt
from assessments.questions import Choice, Question, QuestionKind
from assessments.questions.arranged import Matching, Ordering
from assessments.questions.base import Marking, listed
from assessments.questions.gaps import ChoiceGap, Gapped, NumberGap
from assessments.questions.hotspot import Circle, Hotspot
from courses.models import Enrolment
from tests.assessments.kinds import of_kind
from tests.courses.learning.conftest import Clock
from tests.courses.learning.test_examination_secrecy import (
    Sitting,
    addresses,
    by_kind,
    sit_twice,
    writes,
)
from zhixin.people.models import Person

#: What a page says does not depend on the database; ids are given again after a rollback here.
on_sqlite = pytest.mark.parametrize("connection", ["sqlite"], indirect=True)


def items(*texts: str) -> list[dict[str, str]]:
    """Things to choose or to arrange, numbered as they stand."""
    return [{"id": str(number), "text": text} for number, text in enumerate(texts)]


def cloze(written: Sequence[str], accepted: Sequence[str]) -> dict[str, Any]:
    """A cloze whose first word of ``written`` is right."""
    choice = {"kind": "choice", "options": items(*written), "correct": "0"}
    return of_kind("cloze", gaps=[choice, {"kind": "text", "accepted": [*accepted]}])


def one_paper() -> list[dict[str, Any]]:
    """A question of every kind. What is arranged was written down in the right order."""
    return [
        of_kind("single", correct=["b"], explanation="乙对"),
        of_kind("multiple", correct=["a", "c"], explanation="甲、丙对"),
        of_kind("true_false", correct=["true"]),
        of_kind("blanks"),
        cloze("知学问", ["为"]),
        of_kind("matching", right=items("京", "川", "沪"), correct=["0", "1"]),
        of_kind("ordering", items=items("立项", "审批", "实施", "考核"), correct=[*"0123"]),
        of_kind("hotspot"),
        of_kind("short", sample="第一种范文"),
        of_kind("essay", sample="第一种范文"),
    ]


def other_paper() -> list[dict[str, Any]]:
    """The same questions with other keys, explanations, samples and rubrics."""
    number = {
        "kind": "number", "value": "760", "tolerance": "0.02", "relative": True,
        "units": [{"name": "mmHg"}], "unit_needed": False,
    }  # fmt: skip
    area = {"shape": "rect", "x": 250, "y": 700, "width": 90, "height": 90}
    rubric = [{"id": "1", "text": "只有一个要点", "points": "4"}]
    return [
        of_kind("single", correct=["c"], explanation="丙对，理由更长一些"),
        of_kind("multiple", correct=["b", "c", "d"], explanation=""),
        of_kind("true_false", correct=["false"], explanation="不对"),
        of_kind("blanks", gaps=[{"kind": "text", "accepted": ["蓟"]}, number], explanation=""),
        cloze("学知问", ["作", "当", "成为"]),
        of_kind("matching", right=items("川", "沪", "京"), correct=["0", "1"]),
        of_kind("ordering", items=items("考核", "实施", "审批", "立项"), correct=[*"0123"]),
        of_kind("hotspot", areas=[area], explanation="在左下方"),
        of_kind("short", sample=""),
        of_kind("essay", sample="第二种更长的范文", rubric=rubric),
    ]


def right(question: Question) -> list[str]:
    """An answer that earns all of a question's points, or the sample of a written one."""
    if isinstance(question, Choice | Matching | Ordering):
        return list(question.correct)
    if isinstance(question, Gapped):
        return [filled(gap) for gap in question.gaps]
    if isinstance(question, Hotspot):
        area: Any = question.areas[0]
        middle = (0, 0) if isinstance(area, Circle) else (area.width // 2, area.height // 2)
        return [f"{area.x + middle[0]},{area.y + middle[1]}"]
    return ["我的回答"]


def filled(gap: Any) -> str:
    """What is right in one gap."""
    if isinstance(gap, ChoiceGap):
        return gap.correct
    return f"{gap.value}{gap.units[0].name}" if isinstance(gap, NumberGap) else gap.accepted[0]


def read(paper: list[dict[str, Any]]) -> dict[str, Question]:
    """The questions of a paper by their kinds."""
    return {each["kind"]: Question.model_validate(each) for each in paper}


def rights(paper: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The right answers of a paper by the questions' kinds."""
    return {kind: right(question) for kind, question in read(paper).items()}


def wrong_in_both() -> dict[str, list[str]]:
    """Answers that are wrong whichever paper it is; none where there is no such answer."""
    asked = read(one_paper())
    matching, gap = asked["matching"], asked["cloze"]
    assert isinstance(matching, Matching)
    assert isinstance(gap, Gapped)
    assert isinstance(gap.gaps[0], ChoiceGap)
    named = {item.text: item.id for item in (*matching.right, *gap.gaps[0].options)}
    order = [*rights(one_paper())["ordering"]]
    return {
        "single": ["a"],
        "multiple": ["a", "d"],
        "blanks": ["错", "错"],
        "cloze": [named["问"], "错"],
        "matching": [named["沪"], named["京"]],
        "ordering": [order[1], order[3], order[0], order[2]],
        "hotspot": ["999,999"],
    }


#: What is new in each answer of the server: nothing of it is made from a paper.
NEW = (
    re.compile(r"(?<=nonce-)[\w-]{22}(?=')"),
    re.compile(r'(?<=nonce=")[\w-]{22}(?=")'),
    re.compile(r'(?<=name="csrf_token" value=")[\w.-]+(?=")'),
    re.compile(r'(?<=name="csrf-token" content=")[\w.-]+(?=")'),
    re.compile(r"(?m)(?<=^Date: )[\w, :]+ GMT"),  # of files, by the machine's own clock
    re.compile(r"(?m)(?<=^Expires: )[\w, :]+ GMT"),
)
#: What the process counts of itself: requests, memory, garbage collected.
COUNTED = "/metrics"


def normal(text: str) -> str:
    """An answer of the server without what is new in each."""
    for pattern in NEW:
        text = pattern.sub("…", text)
    return text


def told(client: FlaskClient, address: str) -> str:
    """Status, headers and body of what is answered at an address."""
    with client.get(address) as answer:
        body = answer.get_data().decode("utf-8", "replace")
        return normal(f"{answer.status}\n{answer.headers}\n{body}")


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names under which two worlds were told different things."""
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


@dataclass
class Seen:
    """What a learner was told, by address or by what was asked."""

    unit: str
    ids: dict[str, str]
    before: dict[str, str] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    during: dict[str, str] = field(default_factory=dict)
    afterwards: dict[str, str] = field(default_factory=dict)


@dataclass
class Examination:
    """A learner under examination, and all that they can ask for."""

    app: Flask
    session: Session
    client: FlaskClient
    learner: Person
    clock: Clock
    sitting: Sitting

    @property
    def known(self) -> dict[str, Any]:
        return self.sitting.known

    @property
    def attempt(self) -> Attempt:
        return self.sitting.second

    def crawl(self) -> dict[str, str]:
        every = [each for each in addresses(self.app, self.known) if each != COUNTED]
        return {each: told(self.client, each) for each in every}

    def put(self, seq: int, answers: dict[str, list[str]]) -> dict[str, str]:
        """Save answers one by one; what the server says to each."""
        replies = {}
        for question, answer in by_kind(self.session, self.attempt, answers).items():
            change = {"question": question, "answer": answer, "seq": seq}
            address = f"/api/v1/attempts/{self.attempt.id}/answers"
            reply = self.client.put(address, json={"changes": [change]})
            assert reply.status_code == 200, reply.text
            replies[f"{seq} {question}"] = normal(f"{reply.status}\n{reply.headers}\n{reply.text}")
        return replies


def sit(at: Examination) -> Seen:
    """Look at everything, answer by either key, look at everything again, and hand in."""
    one, other = rights(one_paper()), rights(other_paper())
    unit = f"/learn/{at.known['enrolment_id'][0]}/u2"
    asked = frozen.of_attempt(at.session, at.attempt).questions
    seen = Seen(unit, {question.kind: question.id for question in asked})
    seen.before = at.crawl()
    seen.replies = at.put(20, other) | at.put(21, one)
    seen.during = at.crawl()
    # Without what people have to read, so that there is a result at once.
    at.put(22, {kind: [] if kind in ("short", "essay") else one[kind] for kind in one})
    handing_in.submit(at.session, at.attempt.id, at.learner.id, None, at.clock.now())
    at.session.commit()
    seen.afterwards = at.crawl()
    return seen


Examine = Callable[[list[dict[str, Any]], Callable[[Examination], Any]], Any]


@pytest.fixture(params=["fixed", "drawn"])
def examine(
    request: pytest.FixtureRequest,
    connection: sa.Connection,
    app: Flask,
    session: Session,
    server_clock: Clock,
    create_enrolment: Callable[..., Enrolment],
    create_person: Callable[..., Person],
    learner: Person,
    client: FlaskClient,
    now: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Examine:
    """Put a learner before a paper, let something be done, and undo it all.

    Each time the world is made alike: the same ids, hour, person and order of questions. What
    is asked stands in the paper, or is drawn from a bank.
    """
    paper: list[dict[str, Any]] = []

    seeds = SimpleNamespace(token_hex=lambda length: "5e" * length)
    monkeypatch.setattr(drafting, "add_question", writes(paper, request.param, create_person))
    monkeypatch.setattr(attempts, "secrets", seeds)
    monkeypatch.setattr(practice, "secrets", seeds)
    for address in addresses(app, {}):  # what is made once, as the ledger's key, is there for all
        client.get(address).close()
    session.commit()

    def examine(asked: list[dict[str, Any]], act: Callable[[Examination], Any]) -> Any:
        paper[:] = asked
        world = connection.begin_nested()
        try:
            enrolment = create_enrolment(("page", "quiz"), pass_mark=Decimal("0.5"))
            sitting = sit_twice(session, enrolment, learner, server_clock.now(), wrong_in_both())
            session.commit()
            assert sitting.first.passed is False
            assert sitting.first.result is not None
            assert Decimal(sitting.first.result["score"]) == 0
            return act(Examination(app, session, client, learner, server_clock, sitting))
        finally:
            session.rollback()
            session.expunge_all()
            session.info.clear()
            world.rollback()

    return examine


def test_the_two_papers_differ_in_their_keys_alone() -> None:
    """Every kind there is; the same is shown of both; no answer is right in both, and what is
    wrong in both earns nothing."""
    one, other = read(one_paper()), read(other_paper())
    assert set(one) == set(other) == set(QuestionKind)
    for kind, question in one.items():
        assert question.public() == other[kind].public()
        assert question.key() != other[kind].key()
        if question.by_people:
            continue
        for asked, another in ((question, other[kind]), (other[kind], question)):
            answer = partial(asked.share, marking=Marking.ALL_OR_NOTHING)
            assert answer(asked.answer(right(asked))) == 1
            assert answer(asked.answer(right(another))) == 0
            assert answer(asked.answer(wrong_in_both().get(kind, []))) == 0


@on_sqlite
def test_nothing_told_during_an_attempt_depends_on_the_key(examine: Examine) -> None:
    """All addresses and all replies to saved answers are the same to the letter, though what is
    saved is all right in one paper and all wrong in the other. Once it is handed in they differ,
    so the comparison looks where keys are told."""
    one: Seen = examine(one_paper(), sit)
    other: Seen = examine(other_paper(), sit)
    assert "data-attempt" in one.before[one.unit]
    assert len(one.replies) == 2 * len(QuestionKind)
    assert differing(one.before, other.before) == []
    assert differing(one.replies, other.replies) == []
    assert differing(one.during, other.during) == []
    assert len(set(one.replies.values())) == 1
    assert {one.unit, "/my/mistakes"} <= {*differing(one.afterwards, other.afterwards)}


@on_sqlite
def test_the_comparison_notices_a_key(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is planted in the page, and one that only moves the right option to the front;
    the same paper twice is told alike, and the ids of all options are left as they are."""

    def look(at: Examination) -> str:
        return told(at.client, f"/learn/{at.known['enrolment_id'][0]}/u2")

    plain: str = examine(one_paper(), look)
    assert plain == examine(one_paper(), look)
    for question in read(one_paper()).values():
        for shown in ("options", "right", "items"):
            for item in question.public().get(shown, []):
                assert f'value="{item["id"]}"' in plain
    keys = [
        normal(plain.replace("</main>", f"<i data-key='{json.dumps(rights(paper))}'></i></main>"))
        for paper in (one_paper(), other_paper())
    ]
    assert differing({"unit": keys[0]}, {"unit": keys[1]}) == ["unit"]

    def right_first(self: Choice) -> dict[str, Any]:
        return {"options": listed(sorted(self.options, key=lambda o: o.id not in self.correct))}

    monkeypatch.setattr(Choice, "_shown", right_first)
    assert examine(one_paper(), look) != examine(other_paper(), look)
