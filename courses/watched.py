"""One query for one beat: whose playback this is and what its video needs in the course."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import presence, scopes
from courses.models import CourseVersion, Enrolment, EnrolmentState
from courses.progress import document, needed_ms
from courses.stops import answering
from media.models import Asset, Playback
from media.presence import Cadence, Question
from zhixin.errors import NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.people.models import Person

# Made once: making it anew costs more than running it.
_FIND = (
    sa.select(
        Enrolment.id,
        Enrolment.state,
        Enrolment.version_id,
        Asset.id,
        Asset.duration_ms,
        Policy,
    )
    .select_from(Playback)
    .join(Asset, Asset.id == Playback.asset_id)
    .join(
        Enrolment,
        sa.and_(
            Enrolment.person_id == Playback.person_id,
            Enrolment.state != EnrolmentState.WITHDRAWN,
            Playback.scope
            == sa.literal(scopes.PREFIX).concat(sa.cast(Enrolment.version_id, sa.String)),
        ),
    )
    .join(CourseVersion, CourseVersion.id == Enrolment.version_id)
    .join(Policy, Policy.id == CourseVersion.policy_id)
    .where(
        Playback.id == sa.bindparam("playback_id"), Playback.person_id == sa.bindparam("person_id")
    )
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A playback as its course sees it."""

    enrolment_id: int
    active: bool
    needed_ms: int  # of the video, to be confirmed
    cadence: Cadence | None  # of presence prompts, for this person
    version_id: int
    asset_id: int


def find(session: Session, playback_id: str, person: Person) -> Watched:
    """The enrolment and the needs behind a person's playback.

    Raises:
        NotFound: no such playback, another person's, or of a course that was left.
    """
    row = session.execute(_FIND, {"playback_id": playback_id, "person_id": person.id}).first()
    if row is None:
        raise NotFound("没有找到这次播放，或您已退出该课程")
    enrolment_id, state, version_id, asset_id, duration_ms, policy = row
    rule = policies.rule(policy)
    return Watched(
        enrolment_id,
        state == EnrolmentState.ACTIVE,
        needed_ms(duration_ms or 0, rule.coverage_needed),
        presence.cadence(rule, person),
        version_id,
        asset_id,
    )


def questions(session: Session, seen: Watched) -> list[Question]:
    """The author's questions on this video."""
    text = session.scalars(
        sa.select(CourseVersion.document).where(CourseVersion.id == seen.version_id)
    ).one()
    return presence.questions(document(text), seen.asset_id)


def stops_missing(session: Session, seen: Watched, person_id: int) -> bool:
    """Does this video still have stops that the person has not answered?"""
    text = session.scalars(
        sa.select(CourseVersion.document).where(CourseVersion.id == seen.version_id)
    ).one()
    units = [u for u in document(text).units() if u.asset_id == seen.asset_id and u.stops]
    if not units:
        return False
    given = answering.answered(session, person_id, [seen.version_id]).get(seen.version_id, set())
    return any(answering.missing(unit, given) for unit in units)


def needed(session: Session, scope: str, asset: Asset) -> int:
    """What must be confirmed (ms) of a video in the course version of ``scope``."""
    policy = session.scalars(
        sa.select(Policy)
        .join(CourseVersion, CourseVersion.policy_id == Policy.id)
        .where(CourseVersion.id == int(scope.removeprefix(scopes.PREFIX)))
    ).one()
    return needed_ms(asset.duration_ms or 0, policies.rule(policy).coverage_needed)
