"""What a learner has done of a course version and what is still missing.

A video is done when the part of it that the policy asks for is confirmed and its stops are
answered, a quiz when it is
passed, a page when it was read; practice and live meetings ask for nothing. The arithmetic is pure; ``of`` and ``of_all`` gather its
facts in a fixed number of queries. Completion is always derived from here: nothing else in
the platform says "finished".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.models import Attempt
from courses import kinds, scopes
from courses.documents import CourseDocument, Unit
from courses.kinds import Completion
from courses.models import CourseVersion, Enrolment
from courses.stops import answering
from media.models import Coverage
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """How far one unit is.

    Attributes:
        covered_ms: confirmed media time of a video; 0 for other kinds.
        needed_ms: what must be confirmed of a video; 0 for other kinds.
        percent: 0 to 100, 100 only when done.
        asked: completion asks for it.
        stops_missing: questions at which the video stops, not answered yet.
        waits_for: titles of the units that have to be done first and are not: it is locked.
    """

    unit: Unit
    done: bool
    covered_ms: int
    needed_ms: int
    percent: int
    asked: bool = True
    stops_missing: int = 0
    waits_for: tuple[str, ...] = ()

    @property
    def locked(self) -> bool:
        return bool(self.waits_for)

    @property
    def missing_ms(self) -> int:
        """Media time (ms) that is still to be watched."""
        return max(0, self.needed_ms - self.covered_ms)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a course is.

    Attributes:
        percent: the mean of the asked units' percents, 100 only when complete.
    """

    units: tuple[UnitProgress, ...]
    percent: int

    @property
    def complete(self) -> bool:
        """All that is asked for is there. A course that asks for nothing is never complete."""
        asked = [unit.done for unit in self.units if unit.asked]
        return bool(asked) and all(asked)

    @property
    def missing(self) -> tuple[UnitProgress, ...]:
        """The units that are asked for and not done, in the course's order."""
        return tuple(unit for unit in self.units if unit.asked and not unit.done)

    @property
    def next(self) -> UnitProgress:
        """Where a learner goes on: the first that is missing and open, else the course's first."""
        open_ = [unit for unit in self.missing if not unit.locked]
        return open_[0] if open_ else self.units[0]

    def unit(self, key: str) -> UnitProgress | None:
        return next((each for each in self.units if each.unit.key == key), None)


def needed_ms(duration_ms: int, coverage_needed: Decimal) -> int:
    """How much of a video must be confirmed: its part by the policy, rounded up."""
    return int((duration_ms * coverage_needed).to_integral_value(ROUND_CEILING))


def compute(
    document: CourseDocument,
    rule: CreditRule,
    covered_ms: Mapping[int, int],
    papers_passed: Collection[int],
    pages_read: Collection[str],
    stops: answering.Answered = (),
) -> Progress:
    """Hold the facts against the course.

    Args:
        covered_ms: confirmed media time by asset id.
        papers_passed: ids of the paper versions passed.
        pages_read: keys of the page units read.
        stops: the stops answered, as (unit, place).
    """

    def of_unit(unit: Unit) -> UnitProgress:
        asked = unit.key in document.asked
        match kinds.of(unit.kind).completion:
            case Completion.WATCHED:
                assert unit.asset_id is not None
                needed = needed_ms(unit.duration_ms or 0, rule.coverage_needed)
                covered = covered_ms.get(unit.asset_id, 0)
                missing = answering.missing(unit, stops)
                done = covered >= needed and not missing
                percent = 100 if done else _part(covered, needed)
                return UnitProgress(unit, done, covered, needed, percent, asked, missing)
            case Completion.PASSED:
                done = unit.paper_version_id in papers_passed
            case Completion.READ:
                done = unit.key in pages_read
            case Completion.NEVER:
                done = False
        return UnitProgress(unit, done, 0, 0, 100 if done else 0, asked)

    units = _locked(tuple(of_unit(unit) for unit in document.units()))
    percents = [unit.percent for unit in units if unit.asked]
    return Progress(units, sum(percents) // max(1, len(percents)))


def _locked(units: tuple[UnitProgress, ...]) -> tuple[UnitProgress, ...]:
    """What is done stays open; of the rest, all that waits for something not done is locked."""
    if not any(each.unit.after for each in units):
        return units
    missing = {each.unit.key: each.unit.title for each in units if not each.done}
    return tuple(
        each
        if each.done
        else replace(
            each,
            waits_for=tuple(missing[key] for key in each.unit.after or () if key in missing),
        )
        for each in units
    )


def _part(done: int, whole: int) -> int:
    return min(99, done * 100 // whole)


@lru_cache(maxsize=256)
def document(text: str) -> CourseDocument:
    """A version's parsed document; they never change, so parsed ones are kept."""
    return CourseDocument.from_text(text)


def of(session: Session, enrolment: Enrolment) -> Progress:
    """The progress of one enrolment, in five queries at most."""
    return of_all(session, [enrolment])[enrolment.id]


def with_passed(session: Session, enrolment: Enrolment, paper_version_id: int) -> Progress:
    """What the progress of an enrolment would be if this paper were passed too."""
    scope = scopes.of_version(enrolment.version_id)
    text, rule = _rules(session, [enrolment.version_id])[enrolment.version_id]
    covered = _covered(session, enrolment.person_id, [scope])[scope]
    passed = {*_passed(session, enrolment.person_id, [scope])[scope], paper_version_id}
    stopping = [enrolment.version_id] if document(text).has_stops else []
    stops = answering.answered(session, enrolment.person_id, stopping)
    return compute(
        document(text), rule, covered, passed, enrolment.pages_read,
        stops.get(enrolment.version_id, ()),
    )  # fmt: skip


def of_all(session: Session, enrolments: Sequence[Enrolment]) -> dict[int, Progress]:
    """Progress by enrolment id, of one person's enrolments, in four queries for any number."""
    if not enrolments:
        return {}
    person_id = enrolments[0].person_id
    assert all(each.person_id == person_id for each in enrolments)
    versions = {each.version_id for each in enrolments}
    rules = _rules(session, versions)
    covered = _covered(session, person_id, map(scopes.of_version, versions))
    passed = _passed(session, person_id, map(scopes.of_version, versions))
    stopping = [id for id, (text, _rule) in rules.items() if document(text).has_stops]
    stops = answering.answered(session, person_id, stopping)
    return {
        each.id: compute(
            document(rules[each.version_id][0]),
            rules[each.version_id][1],
            covered[scopes.of_version(each.version_id)],
            passed[scopes.of_version(each.version_id)],
            each.pages_read,
            stops.get(each.version_id, ()),
        )
        for each in enrolments
    }


def _rules(session: Session, versions: Iterable[int]) -> dict[int, tuple[str, CreditRule]]:
    found = session.execute(
        sa.select(CourseVersion.id, CourseVersion.document, Policy)
        .join(Policy, Policy.id == CourseVersion.policy_id)
        .where(CourseVersion.id.in_(versions))
    )
    return {id: (text, policies.rule(policy)) for id, text, policy in found}


def _covered(
    session: Session, person_id: int, scopes_: Iterable[str]
) -> Mapping[str, dict[int, int]]:
    covered: dict[str, dict[int, int]] = defaultdict(dict)
    for scope, asset_id, ms in session.execute(
        sa.select(Coverage.scope, Coverage.asset_id, Coverage.covered_ms).where(
            Coverage.person_id == person_id, Coverage.scope.in_(list(scopes_))
        )
    ):
        covered[scope][asset_id] = ms
    return covered


def _passed(session: Session, person_id: int, scopes_: Iterable[str]) -> Mapping[str, set[int]]:
    passed: dict[str, set[int]] = defaultdict(set)
    for scope, paper_version_id in session.execute(
        sa.select(Attempt.scope, Attempt.paper_version_id).where(
            Attempt.person_id == person_id,
            Attempt.scope.in_(list(scopes_)),
            Attempt.passed.is_(True),
        )
    ):
        passed[scope].add(paper_version_id)
    return passed
