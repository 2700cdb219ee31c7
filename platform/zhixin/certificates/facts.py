"""What each kind of certificate says: facts of recorded awards, as JSON without floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from zhixin.hours import policies
from zhixin.hours.clauses import Activity
from zhixin.hours.counting import Counting
from zhixin.hours.models import Award, Policy
from zhixin.hours.years import counted


def source(award: Award) -> dict[str, Any]:
    """One award: a course certificate, or a class certificate."""
    return {
        "title": award.title,
        "subject_kind": award.subject_kind,
        "field_code": award.field_code,
        "hours": text(award.hours),
        "earned_at": award.earned_at.isoformat(),
        "day": award.day.isoformat(),
        "policy": _policy(award.policy),
        "evidence_sha256": award.evidence_sha256,
        "awards": [award.id],
    }


def annual(awards: Sequence[Award], policy: Policy) -> dict[str, Any]:
    """A person's year: what was earned, what of it counts under the policy at its end."""
    rule = policies.rule(policy)
    counting, activities = counted(awards, rule), rule.activities
    return {
        **_tally(policy, counting),
        "rows": [
            {
                "title": award.title,
                "subject_kind": award.subject_kind,
                "activity": _activity_name(activities, award.activity),
                "hours": text(award.hours),
                "counted": text(counting.lines[award.id].counted),
                "date": award.day.isoformat(),
            }
            for award in awards
        ],
        "awards": [award.id for award in awards],
    }


def _activity_name(activities: Mapping[str, Activity], code: str | None) -> str | None:
    known = activities.get(code or "")
    return known.name if known else None


def extract(
    awards: Sequence[Award], of_year: Mapping[int, Policy], first: int, last: int
) -> dict[str, Any]:
    """Several years for a title review: of each, what was asked, what counts, and whether it is met.

    Args:
        of_year: the policy at each year's end. Years before the first policy ask for nothing and
            are left out.
    """
    years = [
        {"year": year, **_tally(policy, counted(of, policies.rule(policy)))}
        for year, policy in sorted(of_year.items())
        for of in [[award for award in awards if award.year == year]]
    ]
    return {
        "from": first,
        "to": last,
        "hours": text(sum((Decimal(each["hours"]) for each in years), Decimal(0))),
        "years": years,
        "awards": [award.id for award in awards],
    }


def _tally(policy: Policy, counting: Counting) -> dict[str, Any]:
    standing = counting.standing
    return {
        "hours": text(counting.total.counted),
        "earned": text(counting.total.earned),
        "kinds": {kind.value: text(line.counted) for kind, line in counting.kinds.items()},
        "required": {
            "total": text(standing.total.required),
            **{kind.value: text(part.required) for kind, part in standing.kinds.items()},
        },
        "met": standing.met,
        "policy": _policy(policy),
    }


def _policy(policy: Policy) -> dict[str, str]:
    return {"title": policy.title, "sha256": policy.sha256}


def text(hours: Decimal) -> str:
    """Hours without idle zeros and without an exponent."""
    return format(hours.normalize(), "f") if hours else "0"
