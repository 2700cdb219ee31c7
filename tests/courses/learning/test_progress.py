"""Progress is arithmetic on facts: units done, what is missing, never more than there is."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from courses import progress
from courses.documents import CourseDocument
from courses.progress import compute, needed_ms
from zhixin.hours.rules import CreditRule, SubjectKind, Verification

RULE = {
    "minutes_per_hour": Decimal(45),
    "step": Decimal("0.5"),
    "pass_mark": Decimal("0.6"),
    "attempts_allowed": None,
    "yearly_total": Decimal(90),
    "yearly_minimums": {SubjectKind.PROFESSIONAL: Decimal(60)},
    "verification": Verification(auto=True, sample_percent=Decimal(0)),
}


def rule(coverage_needed: Decimal = Decimal("0.9")) -> CreditRule:
    return CreditRule(coverage_needed=coverage_needed, **RULE)


def course(*units: dict) -> CourseDocument:
    return CourseDocument(
        title="课",
        summary="",
        teacher="",
        teacher_title="",
        field_code="x",
        subject_kind="professional",
        level="none",
        declared_hours=Decimal(1),
        chapters=[{"title": "章", "units": [{"title": u["key"], **u} for u in units]}],
    )


def video(n: int, duration_ms: int = 1000) -> dict:
    return {"key": f"v{n}", "kind": "video", "asset_id": n, "duration_ms": duration_ms}


QUIZ = {"key": "q", "kind": "quiz", "paper_version_id": 7}
PAGE = {"key": "p", "kind": "page", "body": ""}
needs = st.decimals("0.0001", 1, places=4)
lengths = st.integers(1, 10**8)


@given(lengths, needs)
def test_needed_time_is_rounded_up_and_within_the_video(duration_ms, needed):
    """What must be confirmed is never less than the part asked for, nor more than the video."""
    found = needed_ms(duration_ms, needed)
    assert duration_ms * needed <= found <= duration_ms
    assert found - 1 < duration_ms * needed


@given(lengths, needs, st.integers(0, 10**8))
def test_a_video_is_done_exactly_when_enough_is_confirmed(duration_ms, needed, covered):
    """One millisecond short is not done, and 100 % is said only when it is."""
    (unit,) = compute(course(video(1, duration_ms)), rule(needed), {1: covered}, (), ()).units
    assert unit.done == (covered >= duration_ms * needed)
    assert (unit.percent == 100) == unit.done
    assert (unit.missing_ms == 0) == unit.done


@given(
    st.lists(st.sampled_from(["video", "quiz", "page"]), min_size=1, max_size=6),
    st.integers(0, 1000),
    st.booleans(),
    st.booleans(),
)
def test_a_course_is_complete_when_every_unit_is(kinds, covered, passed, read):
    """Complete, 100 % and nothing missing are one and the same."""
    made = {"video": video(1), "quiz": QUIZ, "page": PAGE}
    document = course(*({**made[kind], "key": f"u{n}"} for n, kind in enumerate(kinds)))
    pages = {unit.key for unit in document.units()} if read else set()
    done = compute(document, rule(), {1: covered}, {7} if passed else (), pages)
    expected = {"video": covered >= 900, "quiz": passed, "page": read}
    assert done.complete == all(expected[kind] for kind in kinds)
    assert (done.percent == 100) == done.complete == (not done.missing)
    assert 0 <= done.percent <= 100


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_more_confirmed_time_never_means_less_progress(a, b):
    """Progress only grows with coverage."""
    less, more = sorted((a, b))
    document = course(video(1), QUIZ)
    percents = [compute(document, rule(), {1: each}, (), ()).percent for each in (less, more)]
    assert percents == sorted(percents)


def test_facts_of_other_courses_do_not_count():
    """Another video's coverage, another paper, another page's key change nothing."""
    done = compute(course(video(1), QUIZ, PAGE), rule(), {2: 1000}, {8}, {"other"})
    assert done.percent == 0
    assert len(done.missing) == 3


def test_a_video_that_appears_twice_is_done_in_both_places_at_once():
    """Watching it once is enough, and its length counts once for the hours."""
    document = course(video(1), {**video(1), "key": "again"})
    assert compute(document, rule(), {1: 1000}, (), ()).complete
    assert document.video_ms == 1000


def test_a_course_without_units_is_never_complete():
    """Nothing to do is not everything done."""
    assert not compute(course(), rule(), {}, (), ()).complete


def test_many_courses_cost_three_queries(session, create_offer, learner, now, count_queries):
    """“我的学习” asks the database as often for ten courses as for one."""
    from courses import enrolments

    for _n in range(3):
        offer = create_offer()
        enrolments.enrol(session, learner.id, offer.course.id, now + timedelta(seconds=_n))
    session.commit()
    session.expunge_all()
    with count_queries() as queries:
        mine = enrolments.of_person(session, learner.id)
        found = progress.of_all(session, mine)
    assert len(found) == 3
    assert len(queries) == 4


def test_nobody_begins_with_progress(session, create_enrolment):
    """A new enrolment has everything to do."""
    done = progress.of(session, create_enrolment())
    assert (done.percent, len(done.missing), done.complete) == (0, 3, False)
