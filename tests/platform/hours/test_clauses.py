"""The clauses of a rule: outside activities and what they are worth, caps, windows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.errors import Invalid
from zhixin.hours.rules import (
    Activity,
    ActivityUnit,
    Cap,
    CreditRule,
    InvalidRule,
    Per,
    SourceKind,
    SubjectKind,
    Window,
)

from .conftest import rule

quick = settings(deadline=None, max_examples=100)
LECTURE = {
    "code": "lecture",
    "name": "讲座",
    "unit": "minutes",
    "hours_each": "1",
    "minutes_each": "45",
    "subject_kinds": ["general", "professional"],
    "proof_needed": True,
}
PAPER = {
    "code": "paper",
    "name": "论文",
    "unit": "item",
    "hours_each": "20",
    "subject_kinds": ["professional"],
    "proof_needed": True,
}
CAP = {"hours": "6", "per": "day", "source_kind": "course"}
PLAIN = rule().to_document()
FULL = PLAIN | {
    "activities": [LECTURE, PAPER],
    "caps": [CAP, {"hours": "40", "per": "year", "activity": "paper"}],
    "windows": {"general": "04-30"},
}


def test_a_document_reads_back_with_its_clauses():
    """Activities by their code in their order, caps, windows."""
    found = CreditRule.from_document(FULL)
    assert list(found.activities) == ["lecture", "paper"]
    assert found.activities["paper"] == Activity(
        code="paper",
        name="论文",
        unit=ActivityUnit.ITEM,
        hours_each=Decimal(20),
        subject_kinds=frozenset({SubjectKind.PROFESSIONAL}),
    )
    assert found.caps[0] == Cap(hours=Decimal(6), per=Per.DAY, source_kind=SourceKind.COURSE)
    assert found.windows == {SubjectKind.GENERAL: Window(month=4, day=30)}
    assert json.loads(json.dumps(found.to_document())) == FULL


def test_a_document_without_clauses_stays_as_it_was():
    """Policies from before activities keep their text, and so their hash."""
    assert CreditRule.from_document(PLAIN).to_document() == PLAIN
    assert not {"activities", "caps", "windows"} & PLAIN.keys()


def changed(clauses: str, document: dict, /, **changes: object) -> dict:
    return FULL | {clauses: [document | changes]}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (changed("activities", LECTURE, code="讲座"), "activities.code"),
        (changed("activities", LECTURE, code=7), "activities.code"),
        (changed("activities", LECTURE, name=" "), "activities.name"),
        (changed("activities", LECTURE, name="a\nb"), "activities.name"),
        (changed("activities", LECTURE, unit="hour"), "activities.unit"),
        (changed("activities", LECTURE, unit=["minutes"]), "activities.unit"),
        (changed("activities", LECTURE, unit="day"), "activities.minutes_each"),
        (changed("activities", PAPER, unit="minutes"), "activities.minutes_each"),
        (changed("activities", LECTURE, minutes_each="0"), "activities.minutes_each"),
        (changed("activities", LECTURE, hours_each="0"), "activities.hours_each"),
        (changed("activities", LECTURE, hours_each=1), "activities.hours_each"),
        (changed("activities", LECTURE, subject_kinds=[]), "activities.subject_kinds"),
        (changed("activities", LECTURE, subject_kinds=["elective"]), "activities.subject_kinds"),
        (changed("activities", LECTURE, subject_kinds="general"), "activities.subject_kinds"),
        (changed("activities", LECTURE, proof_needed="no"), "activities.proof_needed"),
        (changed("activities", LECTURE, bonus="1"), "activities"),
        (FULL | {"activities": {}}, "activities"),
        (FULL | {"activities": [LECTURE, LECTURE]}, "activities.code"),
        (FULL | {"activities": [LECTURE]}, "caps.activity"),
        (changed("caps", CAP, hours="0.001"), "caps.hours"),
        (changed("caps", CAP, per="month"), "caps.per"),
        (changed("caps", CAP, source_kind="gift"), "caps.source_kind"),
        (changed("caps", CAP, source_kind=""), "caps.source_kind"),
        (changed("caps", CAP, subject_kind={}), "caps.subject_kind"),
        (changed("caps", CAP, activity="paper"), "caps.activity"),
        (changed("caps", CAP, activity=[]), "caps.activity"),
        (FULL | {"caps": [CAP, CAP | {"hours": "8"}]}, "caps"),
        (FULL | {"caps": [CAP] * 101}, "caps"),
        (FULL | {"windows": {"general": "02-29"}}, "windows"),
        (FULL | {"windows": {"general": "4-30"}}, "windows"),
        (FULL | {"windows": {"general": 430}}, "windows"),
        (FULL | {"windows": {"elective": "04-30"}}, "windows"),
        (FULL | {"windows": []}, "windows"),
    ],
)
def test_an_unusable_clause_is_refused(document, field):
    """The administrator reads which part it is; nothing is published."""
    with pytest.raises(InvalidRule) as refused:
        CreditRule.from_document(document)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("code", "amount", "hours"),
    [
        ("training-days", "3", "24"),
        ("training-days", "0.5", "4"),
        ("training-minutes", "45", "1"),
        ("training-minutes", "67", "1"),
        ("training-minutes", "68", "1.5"),
        ("training-minutes", "0", "0"),
    ],
)
def test_activities_are_converted_and_rounded_down(shipped, code, amount, hours):
    """Eight hours a day; under a day 45 minutes make one (the practice of 广东)."""
    assert shipped("example-guangdong").activity_hours(code, Decimal(amount)) == Decimal(hours)


def test_eight_prompts_in_a_day_of_study(shipped):
    """A minute for each, and no more than that day counts (the practice of 湖北)."""
    rule = shipped("example-hubei")
    assert rule.presence.answer_seconds == 60
    (a_day,) = rule.caps
    assert (a_day.per, a_day.source_kind) == (Per.DAY, SourceKind.COURSE)
    assert a_day.hours * rule.minutes_per_hour / rule.presence.every_minutes == 8


def test_sixty_of_a_hundred_pass_however_often_one_tries(shipped):
    """The practice of 西藏; elsewhere two attempts, which is one number of the document."""
    rule = shipped("example-xizang")
    assert (rule.pass_mark, rule.attempts_allowed) == (Decimal("0.6"), None)
    elsewhere = CreditRule.from_document(rule.to_document() | {"attempts_allowed": 2})
    assert elsewhere.attempts_allowed == 2


def test_half_days_of_a_class(shipped):
    """Four hours each (the practice of 广西)."""
    assert shipped("example-guangxi").activity_hours("class", Decimal(5)) == 20


@pytest.mark.parametrize(
    ("code", "amount"),
    [
        ("class", "0.5"),
        ("class", "-1"),
        ("class", "NaN"),
        ("class", "Infinity"),
        ("class", "1000001"),
        ("hobby", "1"),
    ],
)
def test_an_impossible_activity_is_refused(shipped, code, amount):
    """An unknown kind, or an amount that its unit cannot have."""
    with pytest.raises(Invalid):
        shipped("example-guangxi").activity_hours(code, Decimal(amount))


@quick
@given(
    amount=st.decimals(0, 10_000, places=1),
    each=st.decimals("0.01", 100, places=2),
    minutes=st.decimals(1, 480, places=1),
    step=st.sampled_from([Decimal(step) for step in ("0.1", "0.25", "0.5", "1")]),
)
def test_hours_of_minutes_are_the_greatest_multiple_of_the_step(amount, each, minutes, step):
    """Never more than the conversion gives, and never a whole step less."""
    lecture = Activity(
        code="lecture",
        name="讲座",
        unit=ActivityUnit.MINUTES,
        hours_each=each,
        minutes_each=minutes,
    )
    hours = replace(rule(step=step), activities={"lecture": lecture}).activity_hours(
        "lecture", amount
    )
    assert hours % step == 0
    assert hours * minutes <= amount * each < (hours + step) * minutes


def test_a_window_ends_on_a_day_of_every_year():
    """30 April, leap year or not."""
    window = Window(month=4, day=30)
    assert [window.last_day(year) for year in (2027, 2028)] == [
        date(2027, 4, 30),
        date(2028, 4, 30),
    ]
