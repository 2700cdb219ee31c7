"""A person's own hours for machines."""

from __future__ import annotations

from datetime import datetime

from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api, clock, db
from zhixin.hours import years
from zhixin.hours.models import Award
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State

blueprint = api.api_blueprint("hours", "学时")


class YearPath(api.Model):
    year: int = Field(ge=2000, le=2100)


class AwardOut(api.Model):
    id: int
    title: str
    year: int
    subject_kind: SubjectKind
    hours: str
    state: State
    reason: str | None
    earned_at: datetime

    @classmethod
    def of(cls, award: Award) -> AwardOut:
        return cls(
            id=award.id,
            title=award.title,
            year=award.year,
            subject_kind=SubjectKind(award.subject_kind),
            hours=str(award.hours),
            state=State(award.state),
            reason=award.reason,
            earned_at=award.earned_at,
        )


class AwardsOut(api.Model):
    """All awards of a person, the newest first."""

    awards: list[AwardOut]


class PartOut(api.Model):
    earned: str
    required: str
    missing: str


class YearOut(api.Model):
    """Hours are decimal strings."""

    year: int
    policy: str
    met: bool
    total: PartOut
    kinds: dict[SubjectKind, PartOut]
    pending: str
    awards: list[AwardOut]


@blueprint.get("/me/years/<int:year>", summary="My year", responses={200: YearOut})
@access.signed_in
def my_year(path: YearPath) -> ResponseReturnValue:
    """What counts in a year, what is asked, what is missing."""
    today = clock.local(clock.now()).date()
    found = years.of(db.session(), access.person().id, path.year, today)

    def part(values: object) -> PartOut:
        return PartOut(
            **{name: str(getattr(values, name)) for name in ("earned", "required", "missing")}
        )

    return YearOut(
        year=found.year,
        policy=found.policy.title,
        met=found.standing.met,
        total=part(found.standing.total),
        kinds={kind: part(values) for kind, values in found.standing.kinds.items()},
        pending=str(found.pending_total),
        awards=[AwardOut.of(award) for award in found.awards],
    ).model_dump(mode="json")


@blueprint.get("/me/awards", summary="My awards", responses={200: AwardsOut})
@access.signed_in
def my_awards() -> ResponseReturnValue:
    """Every award of every year with its state; ``reason`` says why it is so."""
    found = years.awards_of(db.session(), access.person().id)
    return AwardsOut(awards=[AwardOut.of(award) for award in found]).model_dump(mode="json")
