"""The desk's queue: held and overdue first, then by risk; in pages that go on from a key."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests import scenes
from zhixin import clock
from zhixin.audit import desk, queue, trail
from zhixin.audit.queue import Filters, Tab
from zhixin.errors import Invalid
from zhixin.hours import awards, policies
from zhixin.hours.models import Award, EvidenceCheck
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import State, Transition
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role

DAYS = timedelta(days=10)


@pytest.fixture
def auditor(create_person):
    return create_person("auditor", Role.AUDITOR)


@pytest.fixture
def learner(create_person):
    return create_person("learner")


@pytest.fixture
def wait(session, learner, now):
    """An award that waits: ``wait(3, "clockwork", minutes=5)``."""
    policies.ensure_shipped(session, now)
    policy = policies.in_force(session, now.date())

    def award(number, *flags, to=learner, minutes=0, **source):
        facts = {
            "kind": "course", "id": number, "version": 1, "title": f"课程{number}", "field_code": None,
            "subject_kind": SubjectKind.PROFESSIONAL, "hours": Decimal(1), "policy_id": policy.id,
        }  # fmt: skip
        return awards.award(
            session, person_id=to.id, source=awards.Source(**facts | source), evidence={"n": number},
            flags=flags, sampling_seed="s", now=now + timedelta(minutes=minutes),
        )  # fmt: skip

    return award


def act(auditor, now):
    return desk.Act(auditor=auditor, address="::1", now=now)


def ids(listing):
    return [award.id for award in listing.awards]


def test_held_come_first_then_risk_then_who_waits_longest(session, wait, auditor, now):
    """By deadline among the held; by the weight of the flags, then by time, among the others."""
    calm, late, risky, early = (
        wait(1, "night-study"),
        wait(2, "clockwork", minutes=2),
        wait(3, "clockwork", "shared-device"),
        wait(4, "clockwork", minutes=1),
    )
    soon, sooner = wait(5, "x"), wait(6, "x")
    for award, days in ((soon, 5), (sooner, 2)):
        awards.hold(
            session, award, actor_id=auditor.id, reason="核对", term=timedelta(days=days), now=now
        )
    found = queue.page(session, auditor, Tab.WAITING, Filters(), None)
    assert ids(found) == [a.id for a in (sooner, soon, risky, early, late, calm)]


def test_pages_go_on_where_the_last_one_ended(session, wait, auditor, monkeypatch, now):
    """Across the held and the others, each award is on one page."""
    monkeypatch.setattr(queue, "PAGE_SIZE", 2)
    for number in range(7):
        award = wait(number, *["clockwork"] * (number % 3 + 1))
        if number < 3:
            awards.hold(
                session, award, actor_id=auditor.id, reason="核对", term=DAYS * number, now=now
            )
    seen, after = [], None
    for _ in range(10):
        found = queue.page(session, auditor, Tab.WAITING, Filters(), after)
        seen += ids(found)
        if (after := found.more) is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen[:3] == sorted(seen[:3])


def test_what_was_decided_comes_latest_first(session, wait, auditor, monkeypatch, now):
    """And is paged from its own end."""
    monkeypatch.setattr(queue, "PAGE_SIZE", 2)
    for number in range(3):
        awards.decide(
            session, wait(number, "x"), Transition.REJECT, actor_id=auditor.id, reason="x",
            now=now + timedelta(minutes=number),
        )  # fmt: skip
    first = queue.page(session, auditor, Tab.REJECTED, Filters(), None)
    rest = queue.page(session, auditor, Tab.REJECTED, Filters(), first.more)
    assert [a.source_id for a in (*first.awards, *rest.awards)] == [2, 1, 0]
    assert rest.more is None


@pytest.mark.parametrize(
    "key",
    ["x", "earned_1", "held_x_1", "earned_0_2026-01-01_1", "recorded_1_1", "earned_9_9_9", ""],
)
def test_a_key_that_is_none_is_refused(session, auditor, key):
    """What stands in an address is anybody's to write."""
    with pytest.raises(Invalid):
        queue.page(session, auditor, Tab.WAITING, Filters(), key)


def test_filters_narrow_the_queue(session, wait, auditor, create_person):
    """By organisation (and those below it), field, kind of source, flag."""
    city = accounts.organisation(session, OrganisationKind.CITY, "市")
    hospital = accounts.organisation(session, OrganisationKind.EMPLOYER, "第一人民医院", city)
    nurse = create_person("nurse", employer=hospital)
    one = wait(1, "clockwork", field_code="energy")
    two = wait(2, "night-study", kind="class", to=nurse)
    for filters, wanted in (
        (Filters(unit="人民"), [two.id]),
        (Filters(unit="市"), [two.id]),
        (Filters(unit="%"), []),
        (Filters(field="energy"), [one.id]),
        (Filters(source="class"), [two.id]),
        (Filters(flag="clockwork"), [one.id]),
        (Filters(flag="clock"), []),
    ):
        assert ids(queue.page(session, auditor, Tab.WAITING, filters, None)) == wanted, filters


def test_counts_say_what_waits_and_what_is_overdue(session, wait, auditor, learner, now):
    """Held, appealed and proposed things have deadlines; those that passed are counted."""
    held = wait(1, "x")
    wait(2, "x")
    awards.hold(session, held, actor_id=auditor.id, reason="核对", term=DAYS, now=now)
    assert queue.counts(session, auditor, now) == queue.Counts(2, 0, 0, 0)
    from zhixin.hours import appeals

    appeals.lodge(session, held, person_id=learner.id, text="", term=DAYS, now=now)
    assert queue.counts(session, auditor, now + 2 * DAYS) == queue.Counts(2, 1, 0, 2)


def test_a_batch_decides_each_by_itself(session, wait, auditor, now):
    """One that cannot be decided does not stop the others, and each has its result and trace."""
    own = wait(1, "x", to=auditor)
    done = wait(2, "x")
    open_ = wait(3, "x")
    awards.decide(session, done, Transition.VERIFY, actor_id=auditor.id, reason=None, now=now)
    results = desk.decide_all(
        session, [own.id, done.id, open_.id, 999_999, open_.id], Transition.REJECT,
        act(auditor, now), reason="非本人学习", hold_for=DAYS,
    )  # fmt: skip
    assert [result.problem is None for result in results] == [False, False, True, False]
    assert (own.state, done.state, open_.state) == (State.EARNED, State.VERIFIED, State.REJECTED)
    assert [trace.act for trace, _ in trail.of(session, "award", open_.id)] == ["reject"]
    assert trail.of(session, "award", own.id) == []


def test_a_batch_is_one_page_at_most(session, auditor, now):
    """Neither nothing nor everything."""
    for many in ([], list(range(1, 32))):
        with pytest.raises(Invalid):
            desk.decide_all(
                session, many, Transition.VERIFY, act(auditor, now), reason=None, hold_for=DAYS
            )


def test_a_repaired_difference_is_no_longer_shown(session, wait, auditor, now):
    """Only the last rebuilding counts."""
    award = wait(1, "x")
    for holds, shown in ((False, [award.id]), (True, []), (False, [award.id])):
        session.add(EvidenceCheck(award_id=award.id, checked_at=now, holds=holds, differences=[]))
        session.flush()
        assert [each.id for each in queue.differing(session, auditor)] == shown


def test_of_records_and_log_each_counts_by_itself(session, wait, auditor, now):
    """That the one holds does not hide that the other differs."""
    award = wait(1, "x")
    for of_log, holds, shown in ((True, False, True), (False, True, True), (True, True, False)):
        session.add(
            EvidenceCheck(
                award_id=award.id, checked_at=now, holds=holds, differences=[], of_log=of_log
            )
        )
        session.flush()
        assert bool(queue.differing(session, auditor)) == shown
        kept = [(each.of_log, each.holds) for each in desk.checks(session, award.id)]
        assert (of_log, holds) in kept


def test_the_desk_takes_as_many_queries_for_many_awards(
    session, wait, auditor, sign_in, connection, create_person
):
    """No query per row, whatever is on the page."""
    learners = [create_person(f"l{n}") for n in range(6)]

    def queries() -> int:
        session.commit()
        client, seen = sign_in(auditor), []
        session.expunge_all()
        sa.event.listen(connection, "before_cursor_execute", count := lambda *a: seen.append(a[2]))
        assert client.get("/audit").status_code == 200
        sa.event.remove(connection, "before_cursor_execute", count)
        return len([text for text in seen if text.lstrip().startswith("SELECT")])

    wait(1, "x")
    queries()
    few = queries()
    for number, person in enumerate(learners, 2):
        wait(number, "x", to=person)
    assert queries() <= few <= 12


def test_the_pages_of_the_desk_open(session, auditor, sign_in, wait, learner, now):
    """Every tab, with and without something on it; a batch's result; nonsense in the address."""
    client = sign_in(auditor)
    award = wait(1, "clockwork")
    session.commit()
    for tab in Tab:
        assert client.get(f"/audit?tab={tab}").status_code == 200
    assert client.get("/audit?after=nonsense").status_code == 422
    page = client.post("/audit/decisions", data={"award": award.id, "decision": "verify"})
    assert (page.status_code, "已处理 1 条" in page.text) == (200, True)
    assert client.post("/audit/decisions", data={"award": award.id}).status_code == 422


def test_the_learner_sees_the_evidence_and_appeals(session, auditor, sign_in, learner, now):
    """The page of one's own award: the reason, the clock, the same picture, no signals."""
    award = scenes._award(session, learner)
    awards.hold(session, award, actor_id=auditor.id, reason="核对地点", term=DAYS, now=clock.now())
    session.commit()
    client = sign_in(learner)
    page = client.get(f"/my/awards/{award.id}").text
    assert "核对地点" in page
    assert "提交申诉" in page
    assert "上报快于真实时间" not in page
    client.post(f"/my/awards/{award.id}/appeal", data={"text": "我在<b>图书馆</b>"})
    page = client.get(f"/my/awards/{award.id}").text
    assert "您的申诉正在处理" in page
    assert "我在&lt;b&gt;图书馆&lt;/b&gt;" in page
    assert client.post(f"/my/awards/{award.id}/appeal").status_code == 409
    assert "最迟" in client.get("/my/year").text
    shown = sign_in(auditor).get("/audit?tab=appeals").text
    assert f"/audit/awards/{award.id}" in shown


def test_two_auditors_reverse_by_hand(session, create_person, sign_in, learner):
    """Through the pages: proposed by one, agreed by the learner, confirmed by another."""
    one, other = (create_person(f"auditor-{n}", Role.AUDITOR) for n in range(2))
    award = scenes._award(session, learner)
    scenes._record(award)
    at = f"/audit/awards/{award.id}"
    sign_in(one).post(
        f"{at}/proposal",
        data={"kind": "correct", "hours": "0.5", "subject_kind": "general", "reason": "时长"},
    )
    [proposal_id] = session.scalars(sa.text("SELECT id FROM award_proposal")).all()
    assert (
        sign_in(one)
        .post(f"/audit/proposals/{proposal_id}/decision", data={"decision": "confirm"})
        .status_code
        == 409
    )
    assert (
        sign_in(other)
        .post(f"/audit/proposals/{proposal_id}/decision", data={"decision": "confirm"})
        .status_code
        == 409
    )
    assert sign_in(learner).post(f"/my/proposals/{proposal_id}/accept").status_code == 303
    assert (
        sign_in(one)
        .post(f"/audit/proposals/{proposal_id}/decision", data={"decision": "confirm"})
        .status_code
        == 403
    )
    assert (
        sign_in(other)
        .post(f"/audit/proposals/{proposal_id}/decision", data={"decision": "confirm"})
        .status_code
        == 303
    )
    session.expire_all()
    found = session.scalars(sa.select(Award.state).order_by(Award.id)).all()
    assert found == [State.CORRECTED, State.RECORDED]
    acts = [trace.act for trace, _ in trail.of(session, "award", award.id)]
    assert acts == ["correct", "accept", "propose-correct"]
    assert sign_in(learner).get(f"/my/awards/{award.id}").status_code == 200
    assert sign_in(one).get(at).status_code == 200
