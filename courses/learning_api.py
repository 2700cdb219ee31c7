"""JSON for the player and for integrators: playbacks, beats, answers, progress.

The beat's path is kept lean: one query finds the playback, whose it is and what its video
needs; the course itself is looked at only when a video has just come to its needed coverage.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from flask import Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy.orm import Session

from assessments import attempts, frozen, handing_in, timing
from assessments.api import AnswersIn, SavedOut, SheetOut, kept
from courses import completion, enrolments, opening, presence, progress, quizzes, scopes, watched
from courses.learning import sampling_seed
from courses.models import Enrolment, EnrolmentState, UnitKind
from media import presence as media_presence
from media import streaming, watching
from media.api_models import BeatIn, BeatOut, ChoiceIn, ChoiceOut, PromptOut
from media.delivery import Deliveries
from media.models import Asset, Playback
from media.packaging import LISTEN, PREVIEWS
from media.storage import MediaStore
from zhixin import access, clock, config, db
from zhixin.api import Model, api_blueprint
from zhixin.errors import NotFound
from zhixin.hours import policies
from zhixin.hours.models import Award, Policy
from zhixin.people.devices import describe
from zhixin.people.models import Role

blueprint = api_blueprint("learning", "Studying: playbacks, beats, attempts, progress")


def _settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


class EnrolmentPath(Model):
    enrolment_id: int


class PlaybackPath(Model):
    playback_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")


class AttemptPath(Model):
    attempt_id: int


class OpenIn(Model):
    """Which unit of the course to watch."""

    unit: str = Field(min_length=1, max_length=64)
    take_over: bool = Field(False, description="end a playback that is heard elsewhere")
    after: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="the playback that this page had before; it ends without asking",
    )


class OpenOut(Model):
    """An opened video. Times are float seconds."""

    playback: str | None = Field(description="None: the course is completed, nothing is booked")
    playlist: str = Field(description="signed address of the HLS playlist, short-lived")
    duration: float
    covered: list[tuple[float, float]]
    position: float = Field(description="where the learner stopped")
    previews: str | None = Field(description="WebVTT of the pictures for hover previews")
    sound: str | None = Field(description="playlist of the sound alone; counted as the video is")
    rate_percent: int = Field(description="media time allowed per time passed")
    prompt: PromptOut | None = Field(description="waits for an answer from before")


class UnitOut(Model):
    """A video in the course: what is confirmed and what has to be."""

    confirmed_ms: int
    needed_ms: int
    done: bool


class AwardOut(Model):
    id: int
    hours: Decimal
    state: str


class CourseOut(Model):
    complete: bool
    award: AwardOut | None


class UnitProgressOut(UnitOut):
    key: str
    kind: str
    title: str
    percent: int
    asked: bool = Field(description="False: completion does not ask for it")
    locked: bool = Field(description="others have to be done first")


class ProgressOut(Model):
    percent: int
    units: list[UnitProgressOut]
    course: CourseOut


class BeatReplyOut(BeatOut):
    """What became of a beat, and where the unit and the course stand now."""

    unit: UnitOut
    course: CourseOut


class SubmittedOut(Model):
    """The attempt is closed; its result is on the unit's page."""

    closed_at: str
    page: str


@blueprint.post("/enrolments/<int:enrolment_id>/playbacks", responses={200: OpenOut})
@access.only(Role.LEARNER)
def open_playback(path: EnrolmentPath, body: OpenIn) -> Response:
    """Open a unit's video; any other playback of this person ends by it."""
    session, now, person = db.session(), clock.now(), access.person()
    enrolment = enrolments.get(session, path.enrolment_id, person.id)
    document = progress.document(enrolment.version.document)
    unit = document.unit(body.unit)
    if unit is None or unit.kind != UnitKind.VIDEO or unit.asset_id is None:
        raise NotFound("课程中没有这一节视频")
    if unit.after:
        opening.unit(progress.of(session, enrolment), unit.key)
    asset = session.get_one(Asset, unit.asset_id)
    scope = scopes.of_version(enrolment.version_id)
    playback = prompt = None
    if enrolment.state == EnrolmentState.ACTIVE:
        rule = policies.rule(session.get_one(Policy, enrolment.version.policy_id))
        try:
            playback = watching.open(
                session,
                person_id=person.id,
                asset=asset,
                scope=scope,
                rate_percent=document.rate_percent or 100,
                cadence=presence.cadence(rule, person),
                needed_ms=progress.needed_ms(asset.duration_ms or 0, rule.coverage_needed),
                address=request.remote_addr or "",
                user_agent=request.user_agent.string,
                after=body.after,
                take_over=body.take_over,
                now=now,
            )
        except watching.PlayingElsewhere as elsewhere:
            elsewhere.facts["device"] = describe(elsewhere.facts.pop("user_agent"))
            raise
        waiting = media_presence.waiting(session, person.id, scope, asset.id)
        prompt = media_presence.shown(waiting, playback.opened_at, now) if waiting else None
    covered = watching.coverage(session, person.id, scope).get(asset.id)
    return json_out(
        OpenOut(
            playback=playback.id if playback else None,
            **_addresses(asset, playback, person.id, now),
            duration=(asset.duration_ms or 0) / 1000,
            covered=[(start / 1000, end / 1000) for start, end in covered.spans] if covered else [],
            position=covered.position_ms / 1000 if covered else 0,
            rate_percent=playback.rate_percent if playback else 100,
            prompt=PromptOut.model_validate(prompt) if prompt else None,
        )
    )


def _addresses(
    asset: Asset, playback: Playback | None, viewer: int, now: datetime
) -> dict[str, str | None]:
    """What is played under one grant; None for what a video made before has not."""
    playlist = streaming.playlist_url(asset, playback=playback, viewer=viewer, now=now)
    store: MediaStore = current_app.extensions["media_store"]
    return {"playlist": playlist} | {
        name: streaming.beside(playlist, file) if store.has(f"{asset.folder}/{file}") else None
        for name, file in (("previews", PREVIEWS), ("sound", LISTEN))
    }


@blueprint.post("/playbacks/<playback_id>/beats", responses={200: BeatReplyOut})
@access.only(Role.LEARNER)
def beat(path: PlaybackPath, body: BeatIn) -> Response:
    """Report what was played and not yet confirmed. See docs/integrator/beats.md."""
    session, now, person = db.session(), clock.now(), access.person()
    seen = watched.find(session, path.playback_id, person)
    deliveries: Deliveries = current_app.extensions["deliveries"]
    reply = watching.record(
        session,
        playback_id=path.playback_id,
        person_id=person.id,
        beat=body,
        sent=deliveries.sent(path.playback_id),
        cadence=seen.cadence,
        questions=lambda: watched.questions(session, seen),
        late=timedelta(hours=_settings().late_beat_hours),
        now=now,
    )
    enough = reply.covered_ms >= seen.needed_ms
    if seen.active and enough and reply.credited_ms:
        # Whatever else is missing: an answer given at this moment by another request is seen by
        # whichever of the two has the enrolment last.
        completion.check(session, seen.enrolment_id, sampling_seed=sampling_seed(), now=now)
    done = enough and not watched.stops_missing(session, seen, person.id)
    return json_out(
        BeatReplyOut(
            **BeatOut.model_validate(reply).model_dump(),
            unit=UnitOut(confirmed_ms=reply.covered_ms, needed_ms=seen.needed_ms, done=done),
            course=course_out(session, seen.enrolment_id)
            if done
            else CourseOut(complete=False, award=None),
        )
    )


@blueprint.post("/playbacks/<playback_id>/presence", responses={200: ChoiceOut})
@access.only(Role.LEARNER)
def answer_prompt(path: PlaybackPath, body: ChoiceIn) -> Response:
    """Answer a presence prompt."""
    session, now, person = db.session(), clock.now(), access.person()
    seen = watched.find(session, path.playback_id, person)
    answered = media_presence.answer(
        session,
        playback_id=path.playback_id,
        person_id=person.id,
        prompt_id=body.prompt,
        choice=body.choice,
        cadence=seen.cadence,
        needed_ms=seen.needed_ms,
        now=now,
    )
    return json_out(ChoiceOut.model_validate(answered))


@blueprint.post("/playbacks/<playback_id>/close", responses={204: None})
@access.only(Role.LEARNER)
def close_playback(path: PlaybackPath) -> ResponseReturnValue:
    """End a playback; what was played before may still be reported."""
    watching.close(
        db.session(), playback_id=path.playback_id, person_id=access.person().id, now=clock.now()
    )
    return "", 204


@blueprint.put("/attempts/<int:attempt_id>/answers", responses={200: SavedOut})
@access.only(Role.LEARNER)
def save_answers(path: AttemptPath, body: AnswersIn) -> Response:
    """Keep some answers; the attempt stays open. See docs/integrator/attempts.md."""
    now = clock.now()
    saved = attempts.save(db.session(), path.attempt_id, access.person().id, body.as_changes, now)
    return json_out(
        SavedOut(
            saved_at=saved.saved_at.isoformat(),
            remaining_ms=timing.remaining_ms(saved.deadline_at, now),
            overtaken=kept(saved.overtaken),
        )
    )


@blueprint.get("/attempts/<int:attempt_id>/answers", responses={200: SheetOut})
@access.only(Role.LEARNER)
def show_answers(path: AttemptPath) -> Response:
    """What is saved of an open attempt, and what is left of its time."""
    now = clock.now()
    attempt, saved = attempts.saved(db.session(), path.attempt_id, access.person().id)
    return json_out(
        SheetOut(
            saved_at=attempt.saved_at.isoformat(),
            remaining_ms=timing.remaining_ms(attempt.deadline_at, now),
            answers=kept(saved),
        )
    )


@blueprint.post("/attempts/<int:attempt_id>/submission", responses={200: SubmittedOut})
@access.only(Role.LEARNER)
@db.short_transactions  # nobody waits for the database while the paper is looked for
def submit_attempt(path: AttemptPath, body: AnswersIn) -> Response:
    """Hand in what was saved and these answers. Asked again, the first time stands."""
    session, now, person_id = db.session(), clock.now(), access.person().id
    attempt, enrolment, unit = quizzes.find(session, path.attempt_id, person_id)
    frozen.paper(session, attempt.paper_version_id)
    with db.database().transaction() as writing:
        closed = handing_in.submit(
            writing, path.attempt_id, person_id, None, now, changes=body.as_changes
        )
        if closed.passed:
            completion.check(writing, enrolment.id, sampling_seed=sampling_seed(), now=now)
    return json_out(
        SubmittedOut(
            closed_at=(closed.closed_at or now).isoformat(),
            page=url_for("learning.unit", enrolment_id=enrolment.id, unit_key=unit.key),
        )
    )


@blueprint.get("/enrolments/<int:enrolment_id>/progress", responses={200: ProgressOut})
@access.only(Role.LEARNER)
def show_progress(path: EnrolmentPath) -> Response:
    """How far each unit is, and what the course brought."""
    session = db.session()
    enrolment = enrolments.get(session, path.enrolment_id, access.person().id)
    done = progress.of(session, enrolment)
    units = [
        UnitProgressOut(
            key=each.unit.key,
            kind=each.unit.kind,
            title=each.unit.title,
            confirmed_ms=each.covered_ms,
            needed_ms=each.needed_ms,
            percent=each.percent,
            done=each.done,
            asked=each.asked,
            locked=each.locked,
        )
        for each in done.units
    ]
    return json_out(
        ProgressOut(percent=done.percent, units=units, course=course_out(session, enrolment.id))
    )


def course_out(session: Session, enrolment_id: int) -> CourseOut:
    """Is the course complete, and what did it bring?"""
    state, award_id = session.execute(
        sa.select(Enrolment.state, Enrolment.award_id).where(Enrolment.id == enrolment_id)
    ).one()
    award = session.get(Award, award_id) if award_id else None
    return CourseOut(
        complete=state == EnrolmentState.COMPLETED,
        award=AwardOut.model_validate(award) if award else None,
    )


def json_out(body: Model) -> Response:
    """An answer's body, made by its model."""
    return Response(body.model_dump_json(), mimetype="application/json")
