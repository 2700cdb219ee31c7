"""JSON for the player: the stops of a video, and their answers."""

from __future__ import annotations

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from courses import completion, enrolments, opening, progress
from courses.learning import sampling_seed
from courses.learning_api import CourseOut, UnitOut, blueprint, course_out, json_out
from courses.models import Enrolment
from courses.stops import answering
from courses.stops.answering import Stop
from zhixin import access, clock, db
from zhixin.api import Model
from zhixin.people.models import Role


class StopsPath(Model):
    enrolment_id: int
    unit_key: str


class StopPath(StopsPath):
    place: int


class StopOut(Model):
    """A question at which the video stops; without words until it is reached."""

    place: int
    at: float = Field(description="seconds from the video's beginning")
    reached: bool = Field(description="the part just before it is confirmed")
    answered: bool
    tries: int
    wait_s: float = Field(description="before the next choice is taken")
    text: str
    options: list[str]
    right: str | None = Field(description="once it is answered")
    explanation: str | None = Field(description="once it is answered")


class StopsOut(Model):
    stops: list[StopOut]


class StopIn(Model):
    choice: int = Field(ge=0, le=100, description="place among the options as they were shown")
    tries: int = Field(ge=0, description="`tries` as it was shown with them")


class StopAnsweredOut(Model):
    """What became of a choice, and where the unit and the course stand now."""

    right: bool
    stop: StopOut
    unit: UnitOut
    course: CourseOut


def _out(stop: Stop) -> StopOut:
    return StopOut(
        place=stop.place, at=stop.at_ms / 1000, reached=stop.reached, answered=stop.answered,
        tries=stop.tries, wait_s=stop.wait_s, text=stop.text, options=list(stop.options),
        right=stop.right, explanation=stop.explanation,
    )  # fmt: skip


def _open(session: Session, path: StopsPath) -> tuple[Enrolment, progress.UnitProgress]:
    enrolment = enrolments.get(session, path.enrolment_id, access.person().id)
    return enrolment, opening.unit(progress.of(session, enrolment), path.unit_key)


def _stops(session: Session, enrolment: Enrolment, unit: progress.UnitProgress) -> list[Stop]:
    return answering.of_unit(
        session, enrolment.person_id, enrolment.version_id, unit.unit, sampling_seed(), clock.now()
    )


@blueprint.get("/enrolments/<int:enrolment_id>/units/<unit_key>/stops", responses={200: StopsOut})
@access.only(Role.LEARNER)
def show_stops(path: StopsPath) -> Response:
    """The questions at which a unit's video stops for this learner."""
    session = db.session()
    enrolment, unit = _open(session, path)
    return json_out(StopsOut(stops=[_out(each) for each in _stops(session, enrolment, unit)]))


@blueprint.post(
    "/enrolments/<int:enrolment_id>/units/<unit_key>/stops/<int:place>",
    responses={200: StopAnsweredOut},
)
@access.only(Role.LEARNER)
def answer_stop(path: StopPath, body: StopIn) -> Response:
    """Answer one; wrong answers may be followed by others, after a pause."""
    session, now = db.session(), clock.now()
    enrolment, unit = _open(session, path)
    right = answering.answer(
        session, enrolment.person_id, enrolment.version_id, unit.unit, path.place,
        choice=body.choice, tries=body.tries, secret=sampling_seed(), now=now,
    )  # fmt: skip
    if right:  # as after a beat: whoever has the enrolment last sees everything
        completion.check(session, enrolment.id, sampling_seed=sampling_seed(), now=now)
    after = progress.of(session, enrolment).unit(path.unit_key) or unit
    stop = next(each for each in _stops(session, enrolment, after) if each.place == path.place)
    return json_out(
        StopAnsweredOut(
            right=right,
            stop=_out(stop),
            unit=UnitOut(confirmed_ms=after.covered_ms, needed_ms=after.needed_ms, done=after.done),
            course=course_out(session, enrolment.id),
        )
    )
