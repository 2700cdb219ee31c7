"""Questions of a bank: every change is a new version, and a second person accepts it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting, prints
from assessments.banks import copies, places
from assessments.banks.keeping import Held
from assessments.banks.likeness import Sketch
from assessments.banks.models import MOST_POINT, BankQuestion, BankReview, BankVersion
from assessments.banks.states import STEPS, QuestionState, QuestionStep
from assessments.errors import PaperChanged
from assessments.papers import InvalidPaper, Paper, Question
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound

#: Steps of those who review; the others are the writer's.
REVIEWERS = frozenset({QuestionStep.ACCEPT, QuestionStep.RETURN})
MOST_AT_ONCE = 20_000


@dataclass(frozen=True)
class Written:
    """A question as somebody wrote it, checked.

    What takes long is found once, where it is first asked for: by who brings many before the
    transaction (``prepare``).

    Attributes:
        question: its document with the key.
        passage: the text that it asks about, if any.
        read: the same as a question, if it was read already.
    """

    question: Mapping[str, Any]
    passage: str | None
    point: str
    difficulty: int
    read: Question | None = field(default=None, compare=False, repr=False)

    @property
    def document(self) -> dict[str, Any]:
        return {"question": dict(self.question)} | (
            {"passage": self.passage} if self.passage else {}
        )

    @cached_property
    def canonical(self) -> bytes:
        """As it is kept."""
        return rfc8785.dumps(self.document)

    @cached_property
    def print(self) -> str:
        """Of what it shows."""
        asked = self.read or Question.model_validate(self.question)
        return prints.with_passage(asked, self.passage)

    @cached_property
    def sketch(self) -> Sketch:
        return Sketch.of(self.question)

    def prepare(self) -> None:
        _ = self.canonical, self.print, self.sketch


def checked(
    question: Mapping[str, Any], *, point: str = "", difficulty: int = 3, passage: str | None = None
) -> Written:
    """What a bank can hold.

    Raises:
        InvalidPaper: the question is unsound; ``facts['problems']`` lists everything.
        Invalid: no such difficulty, or the knowledge point is too long.
    """
    point = " ".join(point.split())
    if len(point) > MOST_POINT or not point.isprintable():
        raise Invalid(f"知识点不能超过 {MOST_POINT} 字")
    if not 1 <= difficulty <= 5:
        raise Invalid("难度应是 1 到 5")
    id = drafting.question_id() if not question.get("id") else str(question["id"])
    # A passage's name is that of its text: whoever asks about the same text stands together.
    name = hashlib.sha256(passage.encode()).hexdigest()[:12] if passage else None
    document = {**question, "id": id, "passage": name}
    passages = [{"id": name, "text": passage}] if passage else []
    paper = Paper.from_document({"title": "-", "questions": [document], "passages": passages})
    (read,) = paper.questions
    kept = read.model_dump(mode="json")
    return Written(kept, paper.passages[0].text if passage else None, point, difficulty, read)


def add(
    session: Session,
    held: Held,
    written: Sequence[Written],
    now: datetime,
    *,
    propose: bool = False,
) -> list[int]:
    """Put new questions into the bank as drafts, or waiting for their review; their ids, in order.

    Raises:
        NotAllowed: this person brings no questions here.
    """
    if not held.brings:
        raise NotAllowed("您不能向这个题库添加题目")
    if not written:
        return []
    state = QuestionState.DRAFT
    if propose:
        state = STEPS.after(state, QuestionStep.PROPOSE)
    rows = [
        {
            "bank_id": held.bank.id,
            "state": state,
            "newest_number": 1,
            "writer_id": held.person_id,
            "changed_at": now,
        }
        | _shown(each)
        for each in written
    ]
    made = sa.insert(BankQuestion).returning(BankQuestion.id, sort_by_parameter_order=True)
    ids = list(session.scalars(made, rows))
    tables = BankVersion.metadata.tables  # past the mapper: there may be many
    session.execute(
        sa.insert(tables[BankVersion.__tablename__]),
        [_version(id, 1, each, held.person_id, now) for id, each in zip(ids, written, strict=True)],
    )
    if propose:
        step = {"number": 1, "state": state, "actor_id": held.person_id, "reason": None, "at": now}
        session.execute(
            sa.insert(tables[BankReview.__tablename__]),
            [{"question_id": id, **step} for id in ids],
        )
    copies.note(session, held.bank.id, zip(ids, [each.sketch for each in written], strict=True))
    return ids


def get(session: Session, held: Held, question_id: int) -> BankQuestion:
    """A question of the bank.

    Raises:
        NotFound: it has no such question.
    """
    found = session.get(BankQuestion, question_id)
    if found is None or found.bank_id != held.bank.id:
        raise NotFound
    return found


def edit(
    session: Session, held: Held, question_id: int, written: Written, number: int, now: datetime
) -> BankQuestion:
    """Write the next version of a question that was read at version ``number``.

    The same once more changes nothing. What was accepted is drawn until this is.

    Raises:
        NotFound: no such question. NotAllowed: not this person's.
        PaperChanged: there is a newer version. IllegalQuestionStep: it is retired.
    """
    places.hold(session, held.bank.id)  # before the question, as whoever takes a step does
    question = _lock(session, held, question_id)
    if not held.may_edit(question):
        raise NotAllowed("只有题目的编写人和题库的维护人可以修改")
    if question.kind != written.question["kind"]:
        raise Invalid("题型不能改变，请新建一道题")
    newest = version(session, question)
    values = _version(question.id, question.newest_number + 1, written, held.person_id, now)
    same = ("sha256", "point", "difficulty")
    if all(values[name] == getattr(newest, name) for name in same):
        return question
    if number != question.newest_number:
        raise PaperChanged
    question.state = STEPS.after(question.state, QuestionStep.EDIT)
    question.newest_number, question.reason = values["number"], None
    question.writer_id, question.changed_at = held.person_id, now
    for name, value in _shown(written).items():
        setattr(question, name, value)
    session.execute(sa.insert(BankVersion), [values])
    copies.forget(session, question.id)
    copies.note(session, held.bank.id, [(question.id, written.sketch)])
    session.flush()
    return question


def step(
    session: Session,
    held: Held,
    question_ids: Sequence[int],
    taken: QuestionStep,
    *,
    reason: str = "",
    number: int | None = None,
    now: datetime,
) -> int:
    """Take a step with some questions, all or none; how many.

    Args:
        number: the version that was read, where one question was; None: the newest.

    Raises:
        Conflict: there is a newer version than the one that was read.
        NotFound: not in this bank. NotAllowed: not this person's step.
        Invalid: a return without a reason. IllegalQuestionStep: a question does not allow it.
        SameQuestion: an accepted one shows the very same.
    """
    reason = reason.strip()[:500]
    if taken is QuestionStep.EDIT:
        raise NotFound
    if taken is QuestionStep.RETURN and not reason:
        raise Invalid("请写明退回的原因")
    places.hold(session, held.bank.id)
    found = _found(session, held, question_ids)
    for question in found:
        if not (held.may_review(question) if taken in REVIEWERS else held.may_edit(question)):
            raise NotAllowed(
                "不能审核自己编写的题目"
                if taken in REVIEWERS and held.reviews
                else "您不能对这些题目进行此操作"
            )
    if number is not None and any(question.newest_number != number for question in found):
        raise Conflict("题目已有新的版本，请看过之后再处理", code="paper-changed")
    after = [STEPS.after(question.state, taken) for question in found]
    if taken is QuestionStep.ACCEPT:
        newest = _newest(session, found)
        places.enter(session, [(question, newest[question.id]) for question in found])
    if taken is QuestionStep.RETIRE:
        for question in found:
            places.leave(session, question)
    for question, state in zip(found, after, strict=True):
        question.state, question.changed_at = state, now
        question.reason = reason if taken is QuestionStep.RETURN else None
    session.add_all(
        BankReview(
            question_id=question.id,
            number=question.newest_number,
            state=question.state,
            actor_id=held.person_id,
            reason=reason or None,
            at=now,
        )
        for question in found
    )
    session.flush()
    return len(found)


def accept(session: Session, held: Held, seen: Mapping[int, int], now: datetime) -> list[int]:
    """Accept questions at the versions that were read, by their ids.

    Returns:
        Those that have a newer version by now: they stay as they are.

    Raises:
        As for :func:`step`; then nothing is accepted.
    """
    places.hold(session, held.bank.id)
    newer = [
        each.id for each in _found(session, held, list(seen)) if each.newest_number != seen[each.id]
    ]
    if fresh := [id for id in seen if id not in set(newer)]:
        step(session, held, fresh, QuestionStep.ACCEPT, now=now)
    return newer


def version(session: Session, question: BankQuestion, number: int | None = None) -> BankVersion:
    """The newest version, or the one with this number.

    Raises:
        NotFound: there is no such version.
    """
    query = sa.select(BankVersion).where(
        BankVersion.question_id == question.id,
        BankVersion.number == (number or question.newest_number),
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound
    return found


def versions(session: Session, question: BankQuestion) -> Sequence[BankVersion]:
    """All versions, the newest first."""
    query = sa.select(BankVersion).where(BankVersion.question_id == question.id)
    return session.scalars(query.order_by(BankVersion.number.desc())).all()


def reviews(session: Session, question: BankQuestion) -> Sequence[BankReview]:
    """Everything that was decided, the newest first."""
    query = sa.select(BankReview).where(BankReview.question_id == question.id)
    return session.scalars(query.order_by(BankReview.id.desc())).all()


def document(version: BankVersion) -> dict[str, Any]:
    """``{question, passage}`` of a version, with the key; ``passage`` is a text or missing."""
    kept: dict[str, Any] = json.loads(version.document)
    return kept


def copy_to_paper(
    session: Session, held: Held, question_ids: Sequence[int], *, paper_id: int, now: datetime
) -> int:
    """Append the newest versions of some questions to a paper of this person's; how many.

    They are the paper's own from then on: what the bank does later changes nothing there.

    Raises:
        NotFound: not in this bank, or not this person's paper. InvalidPaper: it takes no more.
    """
    if not question_ids:
        raise Invalid("请先选择题目")
    paper = drafting.get(session, paper_id, held.person_id)
    found = _found(session, held, question_ids)
    newest = _newest(session, found)
    taken = {each["id"] for each in drafting.questions_of(paper)}
    questions, passages = [], {}
    for each in found:
        kept = document(newest[each.id])
        asked = kept["question"]
        if asked["id"] in taken:  # copied before: once more under a name of its own
            asked["id"] = drafting.question_id()
        questions.append(asked)
        if kept.get("passage"):
            passages[asked["passage"]] = {"id": asked["passage"], "text": kept["passage"]}
    drafting.append(session, paper_id, held.person_id, questions, list(passages.values()), now)
    return len(questions)


def _found(session: Session, held: Held, question_ids: Sequence[int]) -> list[BankQuestion]:
    """Locked, in the order of their ids."""
    wanted = sorted(set(question_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid(f"一次最多处理 {MOST_AT_ONCE} 道题")
    found: list[BankQuestion] = []
    for at in range(0, len(wanted), 500):
        query = (
            sa.select(BankQuestion)
            .where(BankQuestion.bank_id == held.bank.id, BankQuestion.id.in_(wanted[at : at + 500]))
            .order_by(BankQuestion.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found += session.scalars(query)
    if len(found) < len(wanted):
        raise NotFound
    return found


def _newest(session: Session, found: Sequence[BankQuestion]) -> dict[int, BankVersion]:
    newest: dict[int, BankVersion] = {}
    for at in range(0, len(found), 500):
        ids = [each.id for each in found[at : at + 500]]
        query = (
            sa.select(BankVersion)
            .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
            .where(
                BankVersion.question_id.in_(ids), BankVersion.number == BankQuestion.newest_number
            )
        )
        newest |= {each.question_id: each for each in session.scalars(query)}
    return newest


def _lock(session: Session, held: Held, question_id: int) -> BankQuestion:
    (found,) = _found(session, held, [question_id])
    return found


def _shown(written: Written) -> dict[str, Any]:
    return {
        "point": written.point,
        "difficulty": written.difficulty,
        "kind": written.question["kind"],
        "stem": " ".join(str(written.question["stem"]).split())[:160],
    }


def _version(
    question_id: int, number: int, written: Written, writer_id: int, now: datetime
) -> dict[str, Any]:
    canonical = written.canonical
    return {
        "question_id": question_id,
        "number": number,
        "document": canonical.decode(),
        "sha256": hashlib.sha256(canonical).hexdigest(),
        "print": written.print,
        "point": written.point,
        "difficulty": written.difficulty,
        "writer_id": writer_id,
        "written_at": now,
    }


__all__ = ["InvalidPaper", "Written", "add", "checked", "edit", "get", "step", "version"]
