"""What an award for a course stands on: drawn up from the raw records, and checked against them.

The same function draws the document up when the award is given and whenever it is verified,
always as of the moment of completion; so the same records give the same SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import evidence as attempts
from courses import progress, scopes
from courses.models import CourseVersion, Enrolment
from courses.progress import Progress
from courses.stops import answering
from media import evidence as watching_evidence
from media import intervals
from media.evidence import Records
from zhixin.errors import NotFound
from zhixin.hours import evidence as evidences
from zhixin.hours import policies
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import CreditRule, justified_hours

#: The form of the document. The second knew no late bank and no delivered segments and is
#: verified as it was; the first carried addresses and no prompts.
FORM = 3
VERIFIED = (2, 3)
#: So many differences are told, one is enough to look; so much (characters) of an error.
TOLD, TOLD_OF = 20, 300


@dataclass(frozen=True)
class Case:
    """An enrolment with all that its completion is judged by."""

    enrolment: Enrolment
    version: CourseVersion
    policy: Policy
    watching: Records
    attempts: list[dict[str, Any]]
    #: What was answered where videos stopped; None: none of the version's does.
    stops: list[dict[str, Any]] | None = None

    @property
    def rule(self) -> CreditRule:
        return policies.rule(self.policy)


def case(
    session: Session, enrolment: Enrolment, at: datetime, kept: dict[str, Any] | None = None
) -> Case:
    """Gather the raw records as of ``at``. ``kept``: the document that was drawn up then."""
    version = session.get_one(CourseVersion, enrolment.version_id)
    scope = scopes.of_version(version.id)
    return Case(
        enrolment,
        version,
        session.get_one(Policy, version.policy_id),
        watching_evidence.records(
            session,
            enrolment.person_id,
            scope,
            at,
            kept["watching"] if kept else None,
            kept["form"] if kept else FORM,
        ),
        attempts.of_person(session, enrolment.person_id, scope, until=at),
        answering.evidence(session, enrolment.person_id, version.id, until=at)
        if progress.document(version.document).has_stops
        else None,
    )


def hours_of(version: CourseVersion, rule: CreditRule) -> Decimal:
    """What completing ``version`` gives: the declared hours, never more than its length justifies."""
    return min(version.declared_hours, justified_hours(version.duration_ms, rule))


def document(given: Case) -> dict[str, Any]:
    """The evidence: plain JSON data without floats."""
    enrolment, version, policy, rule = given.enrolment, given.version, given.policy, given.rule
    watching = watching_evidence.document(given.watching)
    assert enrolment.completed_at is not None
    stops = {} if given.stops is None else {"stops": given.stops}
    return stops | {
        "form": given.watching.form,
        "person_id": enrolment.person_id,
        "course": {
            "id": version.course_id,
            "title": version.title,
            "version": version.number,
            "sha256": version.sha256,
        },
        "policy": {
            "id": policy.id,
            "title": policy.title,
            "version": policy.version,
            "sha256": policy.sha256,
        },
        "enrolled_at": enrolment.enrolled_at.isoformat(),
        "completed_at": enrolment.completed_at.isoformat(),
        "units": [
            {
                "key": each.unit.key,
                "kind": each.unit.kind.value,
                "title": each.unit.title,
                "asset_id": each.unit.asset_id,
                "duration_ms": each.unit.duration_ms,
                "paper_version_id": each.unit.paper_version_id,
                "covered_ms": each.covered_ms,
                "needed_ms": each.needed_ms,
            }
            for each in judged(given, watching).units
        ],
        "watching": watching,
        "attempts": given.attempts,
        "pages_read": sorted(enrolment.pages_read),
        "credit": {
            "duration_ms": version.duration_ms,
            "minutes_per_hour": str(rule.minutes_per_hour),
            "step": str(rule.step),
            "coverage_needed": str(rule.coverage_needed),
            "declared_hours": str(version.declared_hours),
            "justified_hours": str(justified_hours(version.duration_ms, rule)),
            "hours": str(hours_of(version, rule)),
        },
    }


def judged(given: Case, watching: dict[str, Any]) -> Progress:
    """How far the course is by these records alone."""
    return progress.compute(
        progress.document(given.version.document),
        given.rule,
        {int(id): found["covered_ms"] for id, found in watching["coverage"].items()},
        {each["paper_version"] for each in given.attempts if each["passed"]},
        given.enrolment.pages_read,
        {(each["unit"], each["place"]) for each in given.stops or ()},
    )


@dataclass
class Finding:
    """What verifying an award came to; no differences: it holds."""

    award_id: int
    sha256: str = ""
    hours: Decimal = Decimal(0)
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.differences


def verify(session: Session, award_id: int) -> Finding:
    """Rebuild coverage and decision of a course's award from the raw records.

    Every beat is decided again, coverage is their union, hours follow from the versions of
    policy and course; the document drawn up anew must have the hash that the award carries.
    A damaged row, wherever it is read, is a difference of this award and stops nothing else.

    Raises:
        DBAPIError: the database can't be asked.
    """
    found = Finding(award_id)
    try:
        _rebuild(session, found)
    except NotFound as error:
        found.differences.append(error.message)
    except Exception as error:
        if isinstance(error, sa.exc.DBAPIError) and not _is_damage(error):
            raise
        found.differences.append(
            f"原始记录无法读取：{type(error).__name__}: {str(error)[:TOLD_OF]}"
        )
    del found.differences[TOLD:]
    return found


def _is_damage(error: sa.exc.DBAPIError) -> bool:
    """A value that the driver can't read, not a database that is away."""
    return isinstance(error, sa.exc.DataError) or "Could not decode" in str(error.orig)


def _rebuild(session: Session, found: Finding) -> None:
    award = session.get_one(Award, found.award_id)
    kept = evidences.load(session, award.evidence_sha256)
    enrolment = session.scalar(sa.select(Enrolment).where(Enrolment.award_id == award.id))
    if kept.get("form") not in VERIFIED or enrolment is None or enrolment.completed_at is None:
        found.differences.append("证据不是按现行格式形成的，或缺少对应的学习记录，无法重建")
        return
    given = case(session, enrolment, enrolment.completed_at, kept)
    rebuilt = document(given)
    found.sha256 = hashlib.sha256(rfc8785.dumps(rebuilt)).hexdigest()
    found.hours = hours_of(given.version, given.rule)
    found.differences += _differing(given, kept, rebuilt, award, found)
    scope = scopes.of_version(given.version.id)
    found.differences += attempts.differing_draws(session, enrolment.person_id, scope)


def _differing(
    given: Case, kept: dict[str, Any], rebuilt: dict[str, Any], award: Award, found: Finding
) -> Iterator[str]:
    if found.sha256 != award.evidence_sha256:
        yield f"SHA-256 {found.sha256} ≠ {award.evidence_sha256}"
        yield from compare(kept, json.loads(rfc8785.dumps(rebuilt)))
    again = watching_evidence.replay(given.watching)
    yield from again.differences
    for asset_id, spans in again.covered.items():
        covered = rebuilt["watching"]["coverage"][str(asset_id)]["spans"]
        if intervals.encode(spans) != covered:
            yield f"coverage of video {asset_id}: {covered}, the beats give {intervals.encode(spans)}"
    if not judged(given, rebuilt["watching"]).complete:
        yield "按原始记录，课程没有完成"
    if hashlib.sha256(given.version.document.encode()).hexdigest() != given.version.sha256:
        yield "课程版本的内容与其摘要不符"
    if hashlib.sha256(rfc8785.dumps(given.policy.document)).hexdigest() != given.policy.sha256:
        yield "规则的内容与其摘要不符"
    facts = (award.source_kind, award.source_id, award.source_version)
    source = ("course", given.version.course_id, given.version.number)
    whose = (award.person_id, award.policy_id) == (given.enrolment.person_id, given.policy.id)
    if facts != source or not whose:
        yield "学时的人员、课程、版本或规则与学习记录不符"
    if award.hours != found.hours:
        yield f"学时 {award.hours} ≠ {found.hours}"


def compare(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """Where two JSON documents differ: paths with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from compare(before.get(name), after.get(name), f"{where}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from compare(one, other, f"{where}[{place}]")
    elif before != after:
        yield f"{where}: {_short(before)} ≠ {_short(after)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    return json.dumps(value, ensure_ascii=False)[:80]
