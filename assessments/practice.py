"""Practice: answers that never count, with the key right after each question, as often as liked.

A run asks the questions of a paper, or some from the mistakes book. It is no attempt: no score,
no pass, no evidence. Its keys stay hidden while the person answers a paper that holds the same
question.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import frozen, papers
from assessments.banks import pools
from assessments.errors import UnderExamination
from assessments.frozen_many import Questions
from assessments.mistakes import Mistake
from assessments.models import Practice, PracticeAnswer
from assessments.prints import fingerprint
from assessments.questions import Question
from zhixin.errors import Conflict, Invalid, NotFound


def start(
    session: Session, *, person_id: int, scope: str, paper_version_id: int, now: datetime
) -> Practice:
    """Begin a run of a paper's questions; there may be any number of runs, each with its draw.

    Raises:
        NotFound: there is no such paper version.
    """
    seed = secrets.token_hex(16)
    base = frozen.paper(session, paper_version_id)
    drawn = pools.draw(session, base.blueprint, seed, ()) if base.blueprint else None
    paper = papers.shuffled(frozen.whole(session, base, drawn), seed)
    questions = [[scope, paper_version_id, question.id] for question in paper.questions]
    return _begin(session, person_id, scope, paper_version_id, questions, seed, now)


def again(
    session: Session, *, person_id: int, mistakes: Sequence[Mistake], now: datetime
) -> Practice:
    """Begin a run of questions from the mistakes book, of those whose keys may be read.

    Raises:
        Conflict: there are none.
    """
    if not mistakes:
        raise Conflict("现在没有可以练习的错题", code="no-mistakes")
    seed = secrets.token_hex(16)
    questions = [[each.scope, each.paper_version_id, each.question_id] for each in mistakes]
    questions.sort(key=lambda each: _place(seed, *map(str, each)))
    return _begin(session, person_id, None, None, questions, seed, now)


def get(session: Session, practice_id: int, person_id: int) -> Practice:
    """The person's own run.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    query = sa.select(Practice).where(Practice.id == practice_id, Practice.person_id == person_id)
    practice = session.scalar(query)
    if practice is None:
        raise NotFound
    return practice


def answer(
    session: Session, practice: Practice, place: int, given: object, now: datetime
) -> PracticeAnswer:
    """Answer one question of a run; answered again, the first answer stands.

    Raises:
        NotFound: the run has no such place.
        UnderExamination: the person is answering this question in an open attempt.
        Invalid: no answer, or one that the question cannot have.
    """
    if not 0 <= place < len(practice.questions):
        raise NotFound
    scope, paper_version_id, question_id = practice.questions[place]
    paper = frozen.paper(session, paper_version_id)
    asked, _passage = frozen.question(session, paper_version_id, question_id)
    if fingerprint(asked) in frozen.under_examination(session, practice.person_id):
        raise UnderExamination
    kept = asked.answer(given)
    if not kept:
        raise Invalid("请先作答", code="answer-needed")
    share = asked.share(kept, paper.marking)
    row = PracticeAnswer(
        practice_id=practice.id,
        place=place,
        scope=scope,
        paper_version_id=paper_version_id,
        question_id=question_id,
        answer=list(kept),
        right=None if share is None else share == 1,
        answered_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return session.get_one(PracticeAnswer, (practice.id, place))
    return row


def view(session: Session, practice: Practice) -> list[dict[str, Any]]:
    """The questions of a run in its order: ``{place, question, passage, answer, right, key}``.

    ``answer``, ``right`` and ``key`` are None until a question is answered; ``question`` is
    None as well while it is under examination.
    """
    query = sa.select(PracticeAnswer).where(PracticeAnswer.practice_id == practice.id)
    given = {each.place: each for each in session.scalars(query)}
    hidden = frozen.under_examination(session, practice.person_id)
    places = [(version, question) for _scope, version, question in practice.questions]
    asked = Questions(session, {*places}).corrected({*places})
    return [
        _shown(practice, place, asked[named], given.get(place), hidden)
        for place, named in enumerate(places)
    ]


def finished(session: Session, person_id: int, scope: str) -> set[int]:
    """Paper versions of which the person has answered every question in one run of ``scope``."""
    count = sa.func.count(PracticeAnswer.place)
    query = (
        sa.select(Practice.paper_version_id, Practice.questions, count)
        .join(PracticeAnswer, PracticeAnswer.practice_id == Practice.id)
        .where(Practice.person_id == person_id, Practice.scope == scope)
        .group_by(Practice.id)
    )
    return {
        version
        for version, questions, answered in session.execute(query)
        if version is not None and answered == len(questions)
    }


def _shown(
    practice: Practice,
    place: int,
    named: tuple[Question, str | None],
    given: PracticeAnswer | None,
    hidden: frozenset[str],
) -> dict[str, Any]:
    asked, passage = named
    shown: dict[str, Any] = {
        "place": place, "question": None, "passage": None, "answer": None, "right": None, "key": None
    }  # fmt: skip
    if fingerprint(asked) in hidden:
        return shown
    asked = asked.shuffled(lambda *ids: _place(practice.seed, *ids))
    shown |= {"question": asked.public(), "passage": passage}
    if given is not None:
        shown |= {"answer": given.answer, "right": given.right, "key": asked.key()}
    return shown


def _begin(
    session: Session,
    person_id: int,
    scope: str | None,
    paper_version_id: int | None,
    questions: list[Any],
    seed: str,
    now: datetime,
) -> Practice:
    practice = Practice(
        person_id=person_id, scope=scope, paper_version_id=paper_version_id, questions=questions,
        seed=seed, opened_at=now,
    )  # fmt: skip
    session.add(practice)
    session.flush()
    return practice


def _place(seed: str, *ids: str) -> bytes:
    return hmac.digest(seed.encode(), "\n".join(ids).encode(), hashlib.sha256)
