"""Files with questions are read, those that nobody took are forgotten; answers are analysed."""

from __future__ import annotations

import structlog
from flask import current_app

from assessments import analysing, importing
from assessments.banks import taking
from assessments.exchange.base import NoPictures
from zhixin import clock, db
from zhixin.jobs import enqueue, job

log = structlog.get_logger()


def pictures() -> importing.MakePictures:
    """Where pictures of imported questions go: whoever composes the application says so."""
    made: importing.MakePictures = current_app.extensions.get(
        "question_pictures", lambda _owner_id: NoPictures()
    )
    return made


@job(name="assessments.read_questions", time_limit_s=900)
def read_questions(import_id: int) -> None:
    importing.run(db.database(), import_id, pictures(), clock.now)


@job(name="assessments.take_questions", time_limit_s=900)
def take_questions(import_id: int) -> None:
    taking.run(db.database(), import_id, clock.now)


@job(name="assessments.imports", time_limit_s=60, every_s=60)
def find_imports() -> None:
    session, now = db.session(), clock.now()
    importing.forget(session, now)
    for import_id in importing.stranded(session, now):
        enqueue(session, read_questions, import_id)
    for import_id in taking.stranded(session, now):
        enqueue(session, take_questions, import_id)


@job(name="assessments.analyse_paper", time_limit_s=900)
def analyse_paper(paper_version_id: int) -> None:
    analysing.make(db.database(), paper_version_id, clock.now())


@job(name="assessments.analyses", time_limit_s=3000, every_s=120)
def find_analyses() -> None:
    """What was asked for and not done, and by night all that grew; its own sweeper."""
    now, database = clock.now(), db.database()
    with database.session(writes=False) as session:
        due = analysing.due(session, now, night=clock.is_night(now))
    for paper_version_id in due:
        try:
            analysing.make(database, paper_version_id, clock.now())
        except Exception:  # one that fails keeps no other back
            log.exception("paper not analysed", version=paper_version_id)
