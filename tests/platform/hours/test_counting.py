"""Counting with caps: what counts of what was earned, and which cap cut the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.hours.counting import LAST, Item, count
from zhixin.hours.rules import Cap, Per, SourceKind, SubjectKind

from .conftest import rule

quick = settings(deadline=None, max_examples=150)
GENERAL, PROFESSIONAL = SubjectKind.GENERAL, SubjectKind.PROFESSIONAL
NEW_YEAR = date(2026, 1, 1)
MORNING = datetime(2026, 1, 1, 1, tzinfo=UTC)


def item(number: int, hours: str | Decimal, **changes: object) -> Item:
    """Professional hours of an online course on 1 January, verified in the order of numbers."""
    facts = {
        "award_id": number,
        "source_kind": "course",
        "activity": None,
        "subject_kind": PROFESSIONAL,
        "day": NEW_YEAR,
        "hours": Decimal(hours),
        "order": MORNING + timedelta(minutes=number),
    }
    return Item(**(facts | changes))


def cap(hours: str, per: Per = Per.YEAR, **scope: object) -> Cap:
    return Cap(hours=Decimal(hours), per=per, **scope)


def test_earned_twelve_counted_eight():
    """The award that crosses the cap counts in part; the next one not at all."""
    found = count([item(1, "6"), item(2, "4"), item(3, "2")], rule(caps=(cap("8"),)))
    assert [line.counted for line in found.lines.values()] == [6, 2, 0]
    assert [line.spilled for line in found.lines.values()] == [0, 2, 2]
    assert (found.total.earned, found.total.counted, found.total.spilled) == (12, 8, 4)
    assert found.standing.total.counted == 8
    (use,) = found.uses
    assert (use.counted, use.spilled, use.day) == (8, 4, None)


def test_without_caps_everything_counts():
    """And nothing is full."""
    found = count([item(1, "60"), item(2, "40")], rule())
    assert (found.total.counted, found.uses) == (100, ())


def test_the_practice_of_chengdu(shipped):
    """Six hours online a day; thirty professional ones online a year; other sources are free."""
    days = [
        item(n, "8", day=NEW_YEAR + timedelta(days=n), subject_kind=kind)
        for n, kind in enumerate([PROFESSIONAL] * 6 + [GENERAL])
    ]
    paper = item(9, "20", source_kind="declaration", activity="paper")
    found = count([*days, paper], shipped("example-chengdu"))
    assert [line.counted for line in found.lines.values()] == [6, 6, 6, 6, 6, 0, 6, 20]
    sixth = found.lines[5]
    assert [(cut.cap.per, cut.hours) for cut in sixth.cuts] == [(Per.DAY, 2), (Per.YEAR, 6)]
    assert found.kinds[PROFESSIONAL].counted == 50
    assert found.kinds[GENERAL].counted == 6


def test_a_day_and_the_next_have_a_cap_each():
    """Days are the city's; only days on which something spilled over are told."""
    found = count(
        [item(1, "6"), item(2, "3"), item(3, "4", day=NEW_YEAR + timedelta(days=1))],
        rule(caps=(cap("8", Per.DAY),)),
    )
    assert [line.counted for line in found.lines.values()] == [6, 2, 4]
    assert [(use.day, use.counted, use.spilled) for use in found.uses] == [(NEW_YEAR, 8, 1)]


@pytest.mark.parametrize(
    ("scope", "counted"),
    [
        ({"subject_kind": GENERAL}, [9, 9, 1]),
        ({"source_kind": SourceKind.COURSE}, [1, 9, 0]),
        ({"activity": "paper"}, [9, 1, 9]),
        ({"subject_kind": PROFESSIONAL, "source_kind": SourceKind.COURSE}, [1, 9, 9]),
    ],
)
def test_a_cap_is_for_what_it_names(shipped, scope, counted):
    """A kind of subject, a source, an activity, or what they have in common."""
    items = [
        item(1, "9"),
        item(2, "9", source_kind="declaration", activity="paper"),
        item(3, "9", subject_kind=GENERAL),
    ]
    paper = shipped("example").activities["paper"]
    found = count(items, rule(activities={"paper": paper}, caps=(cap("1", **scope),)))
    assert [line.counted for line in found.lines.values()] == counted


def test_what_was_verified_first_counts_first():
    """Whatever its day or number: who waited for a decision has not been overtaken twice."""
    late = item(1, "5", order=MORNING + timedelta(days=9))
    found = count([late, item(2, "5")], rule(caps=(cap("6"),)))
    assert (found.lines[1].counted, found.lines[2].counted) == (1, 5)


def test_together_verified_awards_stand_by_day_and_number():
    """A batch has one moment."""
    batch = [
        item(1, "5", order=LAST, day=NEW_YEAR + timedelta(days=3)),
        item(3, "5", order=LAST),
        item(2, "5", order=LAST),
    ]
    assert list(count(batch, rule()).lines) == [2, 3, 1]


hours = st.integers(1, 40).map(lambda halves: Decimal(halves) / 2)


@st.composite
def items(draw):
    numbers = draw(st.lists(st.integers(1, 10_000), max_size=14, unique=True))
    found = []
    for number in numbers:
        source = draw(st.sampled_from(SourceKind))
        activity = draw(st.sampled_from(["paper", "lecture"]))
        found.append(
            item(
                number,
                draw(hours),
                source_kind=source.value,
                activity=activity if source is SourceKind.DECLARATION else None,
                subject_kind=draw(st.sampled_from(SubjectKind)),
                day=NEW_YEAR + timedelta(days=draw(st.integers(0, 3))),
                order=MORNING + timedelta(minutes=draw(st.integers(0, 5))),
            )
        )
    return found


caps = st.builds(
    cap,
    st.integers(0, 30).map(str),
    st.sampled_from(Per),
    subject_kind=st.none() | st.sampled_from(SubjectKind),
    source_kind=st.none() | st.sampled_from(SourceKind),
)
capped = st.lists(caps, max_size=5, unique_by=lambda each: each.scope).map(
    lambda found: rule(caps=tuple(found))
)


@quick
@given(items(), capped)
def test_never_more_than_was_earned(found, rule_):
    """Each award counts between nothing and all; cuts and what counts make up what was earned."""
    for each in found:
        line = count(found, rule_).lines[each.award_id]
        assert 0 <= line.counted <= line.earned == each.hours
        assert line.counted + sum(cut.hours for cut in line.cuts) == line.earned


@quick
@given(items(), capped)
def test_never_above_any_cap(found, rule_):
    """Counted afresh, by the caps alone."""
    counting = count(found, rule_)
    for each in rule_.caps:
        sums: dict[object, Decimal] = {}
        for one in found:
            concerned = each.subject_kind in (None, one.subject_kind) and each.source_kind in (
                None,
                one.source_kind,
            )
            if concerned:
                stretch = one.day if each.per is Per.DAY else None
                counted = counting.lines[one.award_id].counted
                sums[stretch] = sums.get(stretch, Decimal(0)) + counted
        assert all(total <= each.hours for total in sums.values())


@quick
@given(items(), capped, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(found, rule_, random):
    """The line is made of when, which day and which award."""
    shuffled = list(found)
    random.shuffle(shuffled)
    assert count(shuffled, rule_) == count(found, rule_)


@quick
@given(items(), capped, hours, st.sampled_from(SubjectKind), st.integers(0, 3))
def test_another_award_never_lowers_anything(found, rule_, more, kind, day):
    """What is verified later leaves what counted before as it was: the total never falls."""
    new = item(
        20_000,
        more,
        subject_kind=kind,
        day=NEW_YEAR + timedelta(days=day),
        order=MORNING + timedelta(days=1),
    )
    before, after = count(found, rule_), count([*found, new], rule_)
    assert all(after.lines[each.award_id] == before.lines[each.award_id] for each in found)
    assert after.total.counted >= before.total.counted
    assert after.standing.to_go <= before.standing.to_go


@quick
@given(items(), st.lists(st.integers(0, 30).map(str), max_size=3), st.data())
def test_nested_caps_count_all_that_they_can_hold(found, nested, data):
    """Where caps lie within each other, no other order of the same awards counts more."""
    scopes = [{}, {"source_kind": SourceKind.COURSE}]
    within = [cap(hours_, Per.YEAR, **scope) for hours_, scope in zip(nested, scopes, strict=False)]
    if len(nested) == 3:
        within.append(cap(nested[2], Per.DAY, source_kind=SourceKind.COURSE))
    rule_ = rule(caps=tuple(within))
    moved = [
        replace(each, order=MORNING + timedelta(minutes=data.draw(st.integers(0, 99))))
        for each in found
    ]
    assert count(moved, rule_).total.counted == count(found, rule_).total.counted


@quick
@given(items(), capped)
def test_a_cut_names_a_full_cap(found, rule_):
    """Hours spill over only where a cap has no room left at the end."""
    counting = count(found, rule_)
    full = {(use.cap, use.day) for use in counting.uses if use.counted == use.cap.hours}
    days = {each.award_id: each.day for each in found}
    for award_id, line in counting.lines.items():
        if line.spilled:
            assert any(
                (cut.cap, days[award_id] if cut.cap.per is Per.DAY else None) in full
                for cut in line.cuts
            )
