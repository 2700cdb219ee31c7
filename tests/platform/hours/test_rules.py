"""Credit arithmetic: exact, rounded down, and governed by a document."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.hours.rules import (
    CreditRule,
    InvalidRule,
    SubjectKind,
    Window,
    credited_year,
    justified_hours,
    sampled,
    standing,
)

quick = settings(deadline=None, max_examples=100)

DOCUMENT = {
    "minutes_per_hour": "45",
    "step": "0.5",
    "rounding": "down",
    "coverage_needed": "0.95",
    "pass_mark": "0.6",
    "attempts_allowed": 3,
    "yearly_total": "90",
    "yearly_minimums": {"general": "30", "professional": "60"},
    "verification": {"auto": True, "sample_percent": "5"},
}
RULE = CreditRule.from_document(DOCUMENT)
GENERAL, PROFESSIONAL = SubjectKind.GENERAL, SubjectKind.PROFESSIONAL

hours = st.decimals(0, 200, places=2)
tenths = st.decimals(0, 100, places=1)


@st.composite
def rules(draw):
    minimums = draw(st.dictionaries(st.sampled_from(SubjectKind), hours))
    return replace(
        RULE,
        minutes_per_hour=draw(st.decimals(1, 120, places=1)),
        step=draw(st.sampled_from([Decimal(step) for step in ("0.1", "0.25", "0.5", "1", "4")])),
        coverage_needed=draw(st.decimals("0.5", 1, places=3)),
        attempts_allowed=draw(st.none() | st.integers(1, 9)),
        yearly_minimums=minimums,
        yearly_total=sum(minimums.values(), Decimal(0)) + draw(hours),
    )


@quick
@given(rules())
def test_a_rule_survives_its_document(rule):
    """A policy is stored as JSON and read back as the same rule."""
    assert CreditRule.from_document(json.loads(json.dumps(rule.to_document()))) == rule


def test_decimals_are_written_as_strings():
    """A policy says 0.6 and means it exactly."""
    assert RULE.to_document() == DOCUMENT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"minutes_per_hour": 45}, "minutes_per_hour"),
        ({"minutes_per_hour": "0"}, "minutes_per_hour"),
        ({"minutes_per_hour": "NaN"}, "minutes_per_hour"),
        ({"minutes_per_hour": "4５"}, "minutes_per_hour"),
        ({"minutes_per_hour": "1e3"}, "minutes_per_hour"),
        ({"step": "0"}, "step"),
        ({"step": "0.125"}, "step"),
        ({"rounding": "up"}, "rounding"),
        ({"coverage_needed": "0"}, "coverage_needed"),
        ({"coverage_needed": "1.01"}, "coverage_needed"),
        ({"pass_mark": "60"}, "pass_mark"),
        ({"pass_mark": "-0.1"}, "pass_mark"),
        ({"attempts_allowed": 0}, "attempts_allowed"),
        ({"attempts_allowed": True}, "attempts_allowed"),
        ({"attempts_allowed": "3"}, "attempts_allowed"),
        ({"yearly_total": "80"}, "yearly_minimums"),
        ({"yearly_minimums": {"elective": "18"}}, "yearly_minimums"),
        ({"yearly_minimums": []}, "yearly_minimums"),
        ({"yearly_minimums": {"general": 30}}, "yearly_minimums.general"),
        ({"verification": None}, "verification"),
        ({"verification": {"auto": "yes", "sample_percent": "5"}}, "verification.auto"),
        ({"verification": {"auto": True, "sample_percent": "101"}}, "verification.sample_percent"),
        ({"verification": {"auto": True}}, "verification"),
        ({"bonus": "2"}, ""),
    ],
)
def test_an_unusable_document_is_refused(change, field):
    """A wrong number, a missing or an unknown key: the policy is not published."""
    with pytest.raises(InvalidRule) as refused:
        CreditRule.from_document(DOCUMENT | change)
    assert refused.value.status == 422
    assert refused.value.facts["field"] == field


def test_a_missing_key_is_named():
    """The administrator reads which part is missing."""
    with pytest.raises(InvalidRule, match="step"):
        CreditRule.from_document({key: DOCUMENT[key] for key in DOCUMENT if key != "step"})


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0"), ("22.49", "0"), ("22.5", "0.5"), (45, "1"), (67, "1"), (68, "1.5"), (900, "20")],
)
def test_hours_follow_the_duration(minutes, expected):
    """45 minutes of course make one hour; half hours, rounded down."""
    assert justified_hours(int(Decimal(minutes) * 60_000), RULE) == Decimal(expected)


@quick
@given(st.integers(0, 10**10), rules())
def test_hours_are_the_greatest_multiple_of_the_step(duration_ms, rule):
    """Never more than the duration justifies, and never a whole step less."""
    value = justified_hours(duration_ms, rule)
    exact_ms = rule.minutes_per_hour * 60_000
    assert value % rule.step == 0
    assert value * exact_ms <= duration_ms < (value + rule.step) * exact_ms


def test_a_negative_duration_is_a_fault():
    """No course is shorter than nothing."""
    with pytest.raises(ValueError, match="shorter"):
        justified_hours(-1, RULE)


GUANGDONG = replace(RULE, windows={GENERAL: Window(month=4, day=30)})


@pytest.mark.parametrize(
    ("day", "kind", "missing", "year"),
    [
        ("2026-01-01", GENERAL, "0.5", 2025),
        ("2026-04-30", GENERAL, "30", 2025),
        ("2026-05-01", GENERAL, "30", 2026),  # the window has closed
        ("2026-02-01", GENERAL, "0", 2026),  # the year before is complete
        ("2026-02-01", PROFESSIONAL, "60", 2026),  # no window for this kind
        ("2025-12-31", GENERAL, "30", 2025),
    ],
)
def test_a_window_fills_the_year_before_first(day, kind, missing, year):
    """公需 learned until 30 April counts for the year before while that lacks 公需."""
    assert credited_year(date.fromisoformat(day), kind, GUANGDONG, Decimal(missing)) == year


def test_without_windows_a_year_is_a_year():
    """Whatever is missing, 1 January begins anew."""
    for kind in SubjectKind:
        assert credited_year(date(2026, 1, 1), kind, RULE, Decimal(60)) == 2026


def test_surplus_of_one_kind_does_not_replace_the_other():
    """90 hours of 公需 make the total but leave all of 专业 missing."""
    year = standing({GENERAL: Decimal(90)}, RULE)
    assert year.total.missing == 0
    assert year.kinds[PROFESSIONAL].missing == 60
    assert year.to_go == 60
    assert not year.met


def test_a_total_above_the_minimums_may_be_filled_by_any_kind():
    """Where the year asks for more than both minimums, any kind fills the difference."""
    rule = replace(RULE, yearly_total=Decimal(100))
    enough = {GENERAL: Decimal(30), PROFESSIONAL: Decimal(60)}
    assert standing(enough, rule).to_go == 10
    assert standing(enough | {GENERAL: Decimal(40)}, rule).met


@quick
@given(st.dictionaries(st.sampled_from(SubjectKind), hours), rules())
def test_to_go_is_enough_and_needed(totals, rule):
    """Earning what is to go, where it is missing, completes the year; less does not."""
    year = standing(totals, rule)
    assert year.met == (
        all(totals.get(kind, 0) >= rule.yearly_minimums[kind] for kind in SubjectKind)
        and sum(totals.values()) >= rule.yearly_total
    )
    filled = {kind: part.counted + part.missing for kind, part in year.kinds.items()}
    spent = sum(part.missing for part in year.kinds.values())
    filled[GENERAL] += year.to_go - spent
    assert year.to_go >= spent
    assert standing(filled, rule).met


@quick
@given(st.text(), st.text(), tenths, tenths)
def test_sampling_is_fixed_and_grows_with_the_percentage(key, seed, a, b):
    """The same award is always decided alike; a higher percentage only adds to the sample."""
    low, high = min(a, b), max(a, b)
    assert sampled(key, seed, low) == sampled(key, seed, low)
    assert sampled(key, seed, high) or not sampled(key, seed, low)
    assert sampled(key, seed, Decimal(100))
    assert not sampled(key, seed, Decimal(0))


def test_sampling_keeps_its_share():
    """Five percent of many awards is about five percent, another for each seed."""
    first = {n for n in range(4_000) if sampled(f"award:{n}", "2025", Decimal(5))}
    second = {n for n in range(4_000) if sampled(f"award:{n}", "2026", Decimal(5))}
    assert 150 < len(first) < 250
    assert first != second
