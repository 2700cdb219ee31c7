"""A person's own hours for machines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api, clock, db
from zhixin.hours import years
from zhixin.hours.counting import Line
from zhixin.hours.models import Award
from zhixin.hours.rules import Part, SubjectKind
from zhixin.hours.states import State
from zhixin.hours.words import cap_text

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


class SumOut(api.Model):
    """Earned hours: what of them counts, and what is above a cap."""

    earned: str
    counted: str
    spilled: str

    @classmethod
    def of(cls, line: Line) -> Self:
        return cls(earned=str(line.earned), counted=str(line.counted), spilled=str(line.spilled))


class PartOut(SumOut):
    """A sum against what the year asks for; ``missing`` is what does not count yet."""

    required: str
    missing: str


class CutOut(api.Model):
    """Hours that a cap kept from counting; the cap in words."""

    cap: str
    hours: str


class CountedOut(SumOut):
    """What counts of an award, or would count once it is verified."""

    award: int
    cuts: list[CutOut]


class CapOut(api.Model):
    """How full a cap is: in the year, or on a ``day`` on which something was above it."""

    cap: str
    limit: str
    day: date | None
    counted: str
    spilled: str


class YearOut(api.Model):
    """Hours are decimal strings."""

    year: int
    policy: str
    met: bool
    total: PartOut
    kinds: dict[SubjectKind, PartOut]
    pending: str
    awards: list[AwardOut]
    counted: list[CountedOut]
    caps: list[CapOut]


@blueprint.get("/me/years/<int:year>", summary="My year", responses={200: YearOut})
@access.signed_in
def my_year(path: YearPath) -> ResponseReturnValue:
    """What was earned in a year, what of it counts, what is asked, what is missing.

    ``counted`` says of each award what counts and which cap cut the rest.
    """
    today = clock.local(clock.now()).date()
    found = years.of(db.session(), access.person().id, path.year, today)
    counting, standing = found.counting, found.standing

    def part(line: Line, of: Part) -> PartOut:
        sums = SumOut.of(line).model_dump()
        return PartOut(**sums, required=str(of.required), missing=str(of.missing))

    return YearOut(
        year=found.year,
        policy=found.policy.title,
        met=standing.met,
        total=part(counting.total, standing.total),
        kinds={kind: part(counting.kinds[kind], of) for kind, of in standing.kinds.items()},
        pending=str(found.pending_total),
        awards=[AwardOut.of(award) for award in found.awards],
        counted=[
            CountedOut(
                **SumOut.of(line).model_dump(),
                award=award_id,
                cuts=[
                    CutOut(cap=cap_text(cut.cap, found.rule), hours=str(cut.hours))
                    for cut in line.cuts
                ],
            )
            for award_id, line in found.lines.items()
        ],
        caps=[
            CapOut(
                cap=cap_text(use.cap, found.rule),
                limit=str(use.cap.hours),
                day=use.day,
                counted=str(use.counted),
                spilled=str(use.spilled),
            )
            for use in counting.uses
        ],
    ).model_dump(mode="json")


@blueprint.get("/me/awards", summary="My awards", responses={200: AwardsOut})
@access.signed_in
def my_awards() -> ResponseReturnValue:
    """Every award of every year with its state; ``reason`` says why it is so."""
    found = years.awards_of(db.session(), access.person().id)
    return AwardsOut(awards=[AwardOut.of(award) for award in found]).model_dump(mode="json")
