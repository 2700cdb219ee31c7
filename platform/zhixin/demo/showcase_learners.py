"""Learners of the showcase: most are through, one waits for a grader, one is in the middle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from flask import current_app
from sqlalchemy.orm import Session

from assessments import frozen, marking, practice
from assessments.models import Attempt
from assessments.papers import Paper
from courses import completion, enrolments, practising, quizzes
from courses.documents import CourseDocument, Unit
from courses.models import CourseVersion, Enrolment, UnitKind
from courses.stops import answering
from media.models import Asset
from zhixin.demo import showcase_paper
from zhixin.demo.people import Cast
from zhixin.demo.viewing import Sitting
from zhixin.people.models import Person

#: So many have handed in: enough for figures of its questions.
LEARNERS = 12
COMMENTS = ("条理清楚，恢复阶段可以再具体一些。", "联系实际，写得好。", "")


def study(session: Session, cast: Cast, version: CourseVersion, now: datetime) -> None:
    """The first learner has only begun and practised; the second waits for a grader."""
    chance = random.Random(12)  # noqa: S311
    document = CourseDocument.from_text(version.document)
    # Nobody watches two videos at once: all this comes after what else they have studied.
    begin = now - timedelta(minutes=110)
    for place, learner in enumerate(cast.learners[1 : LEARNERS + 1]):
        at = begin + timedelta(minutes=4 * place)
        attempt, enrolment = _through(session, learner, version, document, at, chance, place)
        if place:
            graded = now - timedelta(minutes=LEARNERS - place)
            _mark(session, cast.authors[0], attempt, chance, graded)
            seed = current_app.extensions["settings"].key("secret_key").hex()
            completion.check(session, enrolment.id, sampling_seed=seed, now=graded)
    _begun(session, cast.learners[0], version, document, now - timedelta(minutes=90), chance)


def _through(
    session: Session,
    learner: Person,
    version: CourseVersion,
    document: CourseDocument,
    at: datetime,
    chance: random.Random,
    place: int,
) -> tuple[Attempt, Enrolment]:
    """All of the course up to the quiz, which is handed in."""
    enrolment = enrolments.enrol(session, learner.id, version.course_id, at)
    enrolments.note_read(session, enrolment, _unit(document, UnitKind.PAGE).key)
    at = _watch(session, learner, version, document, at, chance, 1.0)
    unit = _unit(document, UnitKind.QUIZ)
    attempt = quizzes.open(session, enrolment, unit, at)
    sheet = _sheet(
        frozen.paper(session, unit.paper_version_id or 0), chance, 0.35 * (place % 3) / 2
    )
    attempt = quizzes.submit(
        session,
        enrolment,
        unit,
        attempt.id,
        sheet,
        at + timedelta(minutes=chance.randrange(14, 40)),
    )
    return attempt, enrolment


def _begun(
    session: Session,
    learner: Person,
    version: CourseVersion,
    document: CourseDocument,
    at: datetime,
    chance: random.Random,
) -> None:
    enrolment = enrolments.enrol(session, learner.id, version.course_id, at)
    enrolments.note_read(session, enrolment, _unit(document, UnitKind.PAGE).key)
    _watch(session, learner, version, document, at, chance, 0.4)
    run = practising.start(session, enrolment, _unit(document, UnitKind.PRACTICE), at)
    wrong = {"p1": ["a"], "p2": ["a", "c"], "p3": ["true"], "p4": ["99"]}
    for place, (_scope, _paper, question) in enumerate(run.questions):
        practice.answer(session, run, place, wrong[question], at + timedelta(minutes=place))


def _watch(
    session: Session,
    learner: Person,
    version: CourseVersion,
    document: CourseDocument,
    at: datetime,
    chance: random.Random,
    share: float,
) -> datetime:
    unit = _unit(document, UnitKind.VIDEO)
    asset = session.get_one(Asset, unit.asset_id)
    over = Sitting(session, learner, version, asset, at, chance).watch(share)
    _answer_stops(session, learner, version, unit, over)
    return over


def _answer_stops(
    session: Session, learner: Person, version: CourseVersion, unit: Unit, at: datetime
) -> None:
    """Rightly, those that were reached."""
    secret: str = current_app.extensions["settings"].key("secret_key").hex()
    right = {place: check.options[check.right] for place, check in unit.stops}
    for stop in answering.of_unit(session, learner.id, version.id, unit, secret, at):
        if stop.reached:
            answering.answer(
                session, learner.id, version.id, unit, stop.place, secret=secret, now=at,
                choice=stop.options.index(right[stop.place]), tries=0,
            )  # fmt: skip


def _sheet(paper: Paper, chance: random.Random, wrong: float) -> dict[str, Sequence[str]]:
    """Answers to all questions; ``wrong``: how likely one of them is."""
    sheet: dict[str, Sequence[str]] = {
        "short": [showcase_paper.SHORT],
        "essay": [showcase_paper.ESSAY],
    }
    for question in paper.questions:
        right = chance.random() >= wrong
        if question.kind in ("matching", "ordering"):
            correct = list(question.key()["correct"])
            sheet[question.id] = correct if right else [correct[1], correct[0], *correct[2:]]
        elif question.id == "cloze":
            sheet[question.id] = ["", "安全" if right else "可靠"]
        elif question.id not in sheet:
            sheet[question.id] = (showcase_paper.RIGHT if right else showcase_paper.WRONG)[
                question.id
            ]
    return sheet


def _mark(
    session: Session, grader: Person, attempt: Attempt, chance: random.Random, at: datetime
) -> None:
    scope = {attempt.scope}
    asked = marking.case(session, attempt.id, scope, grader.id).questions
    given = {
        each.id: {
            name: most - chance.choice((0, Decimal("0.5"), 1))
            for name, most in ({c.id: c.points for c in each.rubric} or {"": each.points}).items()
        }
        for each in asked
    }
    marking.mark(session, attempt.id, scope, grader.id, given, chance.choice(COMMENTS), at)


def _unit(document: CourseDocument, kind: UnitKind) -> Unit:
    return next(unit for unit in document.units() if unit.kind is kind)
