"""精品课程 from the call to the badge, and what nobody may do on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import catalogue
from courses.models import Course, CourseVersion
from courses.quality import applications, criteria, marks, objections, panel, ranking, rounds, tasks
from courses.quality.models import (
    QualityApplication,
    QualityMark,
    QualityObjection,
    QualityRound,
    QualityScore,
)
from courses.quality.states import (
    ApplicationState,
    IllegalQualityStep,
    MarkState,
    ObjectionStep,
    RoundState,
)
from zhixin import clock
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Person, Role

Publish = Callable[..., CourseVersion]
LINES = "内容 | 20 | 60 | 准确\n制作 | 10 | 40"
DAY = timedelta(days=1)


class Scene:
    """A round of two courses with a panel of three, moved along by the office."""

    def __init__(
        self,
        session: Session,
        create_person: Callable[..., Person],
        publish: Publish,
        writer: Person,
        now: datetime,
    ) -> None:
        self.session, self.now, self.writer = session, now, writer
        self.office = create_person("office", Role.ADMINISTRATOR)
        self.judges = [create_person(f"expert{n}", Role.REVIEWER) for n in range(3)]
        self.courses = [publish(title="甲课"), publish(title="乙课")]
        today = clock.local(now).date()
        self.round = rounds.create(
            session, title="首批", call="", lines=LINES, trimmed=True, scores_needed=2,
            notice_days=7, mark_years=3, opens=today + DAY, closes=today + 3 * DAY,
            actor_id=self.office.id, now=now,
        )  # fmt: skip

    def announced(self) -> Scene:
        rounds.announce(self.session, self.round.id, self.office.id, self.now)
        for judge in self.judges:
            panel.appoint(self.session, self.round.id, judge.id, self.office.id, self.now)
        self.now += 2 * DAY
        return self

    def apply(self, version: CourseVersion, **changes: Any) -> QualityApplication:
        sent: dict[str, Any] = {
            "course_id": version.course_id, "statement": "很好", "now": self.now
        } | changes  # fmt: skip
        return applications.apply(self.session, self.round.id, self.writer.id, **sent)

    def scoring(self) -> Scene:
        self.announced()
        self.applications = [self.apply(version) for version in self.courses]
        self.now += 3 * DAY
        rounds.start_scoring(self.session, self.round.id, self.office.id, self.now)
        return self

    def score(self, which: int, judge: Person, first: str, second: str) -> QualityScore:
        sent = {"points:c1": first, "points:c2": second, "remark:c1": "好"}
        return panel.save(self.session, self.applications[which].id, judge, sent, self.now)

    def ranked(self) -> Scene:
        self.scoring()
        for judge in self.judges[:2]:
            self.score(0, judge, "15", "8")
            self.score(1, judge, "20", "9.5")
        rounds.close_scoring(self.session, self.round.id, self.office.id, self.now)
        return self

    def noticed(self, *which: int, reason: str = "") -> Scene:
        self.ranked()
        chosen = frozenset(self.applications[n].id for n in which)
        rounds.post_notice(self.session, self.round.id, chosen, reason, self.office.id, self.now)
        return self

    def object(self, which: int, **changes: Any) -> QualityObjection:
        sent = {
            "round_id": self.round.id, "person_id": None, "name": "张三", "contact": "13800000000",
            "text": "内容与他人雷同", "now": self.now,
        } | changes  # fmt: skip
        return objections.lodge(self.session, self.applications[which].id, **sent)

    def concluded(self) -> Scene:
        self.now += 8 * DAY
        rounds.conclude(self.session, self.round.id, self.office.id, self.now)
        return self


@pytest.fixture
def scene(
    session: Session,
    create_person: Callable[..., Person],
    published_course: Publish,
    writer: Person,
    now: datetime,
) -> Scene:
    return Scene(session, create_person, published_course, writer, now)


def test_from_the_call_to_the_badge(scene: Scene, session: Session) -> None:
    """Scores make a ranking, the notice runs its days, and the badge has number and expiry."""
    scene.noticed(1)
    assert [a.score for a in scene.applications] == [Decimal(77), Decimal(98)]
    assert [a.place for a in scene.applications] == [2, 1]
    with pytest.raises(Conflict, match="公示还没有结束"):
        rounds.conclude(session, scene.round.id, scene.office.id, scene.now + 7 * DAY)
    scene.concluded()
    mark = marks.active(session, [scene.courses[1].course_id])[scene.courses[1].course_id]
    today = clock.local(scene.now).date()
    assert mark.number == f"知精课〔{today.year}〕1号"
    assert mark.valid_until == marks.last_day(today, 3)
    course = session.get_one(Course, scene.courses[1].course_id, populate_existing=True)
    assert course.quality_mark_until == mark.valid_until
    only = catalogue.Filters(quality=True)
    listing = catalogue.browse(session, only, page=1, today=today)
    assert [card.title for card in listing.cards] == ["乙课"]
    assert scene.applications[0].state == ApplicationState.DECLINED


def test_criteria_come_before_applications(scene: Scene, session: Session) -> None:
    """Announced too late they would be made to measure; announced, they never change."""
    with pytest.raises(Conflict):
        rounds.announce(session, scene.round.id, scene.office.id, scene.round.opens_at)
    scene.announced()
    with pytest.raises(IllegalQualityStep):
        rounds.announce(session, scene.round.id, scene.office.id, scene.now)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.update(QualityRound).values(scores_needed=1))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.update(QualityRound).values(criteria=[]))


@pytest.mark.parametrize(
    "changes",
    [
        {"opens": date(2026, 11, 23)},
        {"opens": date(2020, 1, 1), "closes": date(2020, 2, 1)},
        {"closes": date(2026, 11, 24)},
        {"notice_days": 4},
        {"scores_needed": 0},
        {"mark_years": 11},
        {"title": " "},
        {"lines": "内容 | 20 | 99"},
        {"lines": "内容 | 0 | 100"},
        {"lines": "内容"},
    ],
)
def test_a_round_that_cannot_be(
    session: Session, create_person: Callable[..., Person], now: datetime, changes: dict[str, Any]
) -> None:
    """Dates in the past, a notice too short, weights that don't add up: refused in words."""
    facts: dict[str, Any] = {
        "title": "批次", "call": "", "lines": LINES, "trimmed": False, "scores_needed": 2,
        "notice_days": 7, "mark_years": 3, "opens": date(2026, 11, 25), "closes": date(2026, 12, 1),
    }  # fmt: skip
    with pytest.raises(Invalid):
        rounds.create(session, **(facts | changes), actor_id=1, now=now)


def test_applications_in_their_time_by_their_authors(
    scene: Scene, session: Session, create_person: Callable[..., Person]
) -> None:
    """Not before, not after, not another's course, and twice is once."""
    scene.announced()
    for moment in (scene.round.opens_at - DAY, scene.round.closes_at):
        with pytest.raises(Conflict, match="申报时间"):
            scene.apply(scene.courses[0], now=moment)
    other = create_person("other", Role.AUTHOR)
    with pytest.raises(NotFound):
        applications.apply(
            session, scene.round.id, other.id, course_id=scene.courses[0].course_id,
            statement="我的", now=scene.now,
        )  # fmt: skip
    with pytest.raises(Invalid):
        scene.apply(scene.courses[0], statement=" ")
    made = scene.apply(scene.courses[0])
    assert scene.apply(scene.courses[0]).id == made.id
    with pytest.raises(NotFound):
        applications.withdraw(session, made.id, other.id, scene.now)
    applications.withdraw(session, made.id, scene.writer.id, scene.now)
    assert scene.apply(scene.courses[0]).id != made.id


def test_the_panel_has_no_interest(
    scene: Scene, session: Session, create_person: Callable[..., Person]
) -> None:
    """Nobody scores their own course or a colleague's, nor one that they abstain from."""
    place = accounts.organisation(session, OrganisationKind.EMPLOYER, "设计院")
    scene.writer.employer = place
    colleague = create_person("colleague", Role.REVIEWER, employer=place)
    accounts.grant(session, scene.writer, Role.REVIEWER)
    scene.scoring()
    for person in (colleague, scene.writer):
        panel.appoint(session, scene.round.id, person.id, scene.office.id, scene.now)
        with pytest.raises(NotAllowed, match="回避"):
            scene.score(0, person, "1", "1")
        assert all(row.conflict for row in panel.desk(session, scene.round.id, person))
    judge = scene.judges[0]
    scene.score(0, judge, "1", "1")
    panel.abstain(session, scene.applications[0].id, judge, "师生关系", scene.now)
    assert rounds.totals(session, scene.round.id) == {}
    with pytest.raises(NotAllowed):
        scene.score(0, judge, "20", "10")
    stranger = create_person("stranger", Role.REVIEWER)
    with pytest.raises(NotFound):
        scene.score(0, stranger, "20", "10")


@pytest.mark.parametrize("points", ["-1", "20.5", "21", "1.25", "NaN", "Infinity", "", "x", "1e9"])
def test_points_out_of_range(scene: Scene, session: Session, points: str) -> None:
    """What a client sends is a lie until checked; nothing is half written."""
    scene.scoring()
    with pytest.raises(Invalid):
        scene.score(0, scene.judges[0], points, "5")
    assert session.scalar(sa.select(sa.func.count()).select_from(QualityScore)) == 0


def test_scores_are_final_once_closed(scene: Scene, session: Session) -> None:
    """While the round is open a sheet may be scored anew; closing needs enough of them."""
    scene.scoring()
    scene.score(0, scene.judges[0], "1", "1")
    scene.score(0, scene.judges[0], "15", "8")
    with pytest.raises(Conflict, match="评分不足"):
        rounds.close_scoring(session, scene.round.id, scene.office.id, scene.now)
    scene.score(0, scene.judges[1], "15", "8")
    for judge in scene.judges[:2]:
        scene.score(1, judge, "10", "5")
    rounds.close_scoring(session, scene.round.id, scene.office.id, scene.now)
    with pytest.raises(Conflict, match="不能再改"):
        scene.score(0, scene.judges[0], "20", "10")
    with pytest.raises(Conflict):
        panel.abstain(session, scene.applications[0].id, scene.judges[0], "晚了", scene.now)
    with pytest.raises(IllegalQualityStep):
        rounds.close_scoring(session, scene.round.id, scene.office.id, scene.now)
    assert scene.applications[0].score == Decimal(77)


def test_leaving_the_ranking_needs_a_reason(scene: Scene, session: Session) -> None:
    """The office may choose otherwise, and the public reads why; of another round nothing."""
    scene.ranked()
    args = (session, scene.round.id)
    second = frozenset({scene.applications[0].id})
    with pytest.raises(Invalid, match="名次"):
        rounds.post_notice(*args, second, "", scene.office.id, scene.now)
    with pytest.raises(Invalid):
        rounds.post_notice(*args, frozenset(), "", scene.office.id, scene.now)
    with pytest.raises(NotFound):
        rounds.post_notice(*args, frozenset({999_999}), "x", scene.office.id, scene.now)
    with pytest.raises(NotAllowed):
        rounds.post_notice(*args, second, "x", scene.writer.id, scene.now)
    rounds.post_notice(*args, second, "兼顾领域", scene.office.id, scene.now)
    with pytest.raises(IllegalQualityStep):
        rounds.post_notice(*args, second, "再来", scene.office.id, scene.now)
    assert scene.round.reason == "兼顾领域"


def test_objections_are_answered_before_the_end(scene: Scene, session: Session) -> None:
    """One upheld takes the course off the notice; unanswered ones keep the round open."""
    scene.noticed(0, 1)
    first, again = scene.object(0), scene.object(0)
    assert first.id == again.id  # sent twice
    other = scene.object(1, text="<script>alert(1)</script>")
    late = scene.now + 8 * DAY
    with pytest.raises(Conflict, match="异议没有处理"):
        rounds.conclude(session, scene.round.id, scene.office.id, late)
    act = (session, scene.round.id)
    with pytest.raises(Invalid):
        objections.decide(*act, first.id, ObjectionStep.UPHOLD, " ", scene.office.id, late)
    with pytest.raises(NotAllowed):
        objections.decide(*act, first.id, ObjectionStep.DISMISS, "没事", scene.writer.id, late)
    with pytest.raises(NotFound):
        objections.decide(
            session, scene.round.id + 1, first.id, ObjectionStep.DISMISS, "x", scene.office.id, late
        )
    objections.decide(*act, first.id, ObjectionStep.UPHOLD, "属实", scene.office.id, late)
    with pytest.raises(IllegalQualityStep):
        objections.decide(*act, first.id, ObjectionStep.DISMISS, "反悔", scene.office.id, late)
    objections.decide(*act, other.id, ObjectionStep.DISMISS, "不属实", scene.office.id, late)
    assert rounds.conclude(session, scene.round.id, scene.office.id, late) == 1
    assert [a.state for a in scene.applications] == [
        ApplicationState.REFUSED, ApplicationState.AWARDED
    ]  # fmt: skip


def test_objections_within_the_notice(scene: Scene, session: Session) -> None:
    """Outside the period, to what is not on it, or without a name there is no objection."""
    scene.noticed(1)
    with pytest.raises(NotFound):
        scene.object(0)
    with pytest.raises(NotFound):
        scene.object(1, round_id=scene.round.id + 1)
    with pytest.raises(Conflict):
        scene.object(1, now=scene.round.notice_until)
    for wrong in ({"name": ""}, {"contact": "x"}, {"text": " "}, {"text": "长" * 2001}):
        with pytest.raises(Invalid):
            scene.object(1, **wrong)
    made = scene.object(1)
    objections.decide(
        session,
        scene.round.id,
        made.id,
        ObjectionStep.DISMISS,
        "不属实",
        scene.office.id,
        scene.now,
    )
    assert objections.erase_contacts(session, scene.now + 179 * DAY) == 0
    assert objections.erase_contacts(session, scene.now + 181 * DAY) == 1
    session.refresh(made)
    assert (made.name, made.contact, made.text) == ("—", "—", "内容与他人雷同")


def test_a_mark_ends(scene: Scene, session: Session) -> None:
    """By its day or with a reason; the course follows at once, whoever writes."""
    scene.noticed(0, 1).concluded()
    first, second = (marks.active(session, [v.course_id])[v.course_id] for v in scene.courses)
    assert first.serial != second.serial
    with pytest.raises(Invalid):
        marks.withdraw(session, first.id, "", scene.office.id, scene.now)
    marks.withdraw(session, first.id, "内容过时", scene.office.id, scene.now)
    with pytest.raises(IllegalQualityStep):
        marks.withdraw(session, first.id, "再来", scene.office.id, scene.now)
    assert session.get_one(Course, first.course_id).quality_mark_until is None
    last = second.valid_until
    assert (
        marks.expire(session, datetime(last.year, last.month, last.day, 1, tzinfo=clock.LOCAL)) == 0
    )
    assert (
        marks.expire(
            session, datetime(last.year, last.month, last.day, 23, tzinfo=clock.LOCAL) + DAY
        )
        == 1
    )
    assert second.state == MarkState.EXPIRED
    assert (
        session.get_one(Course, second.course_id, populate_existing=True).quality_mark_until is None
    )
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            sa.update(QualityMark).values(state="active", ended_at=None)
            .where(QualityMark.id == first.id).values(valid_until=date(2000, 1, 1))
        )  # fmt: skip


def test_the_job_ends_a_mark_after_its_last_day_and_not_before(
    scene: Scene, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last day counts to its last second, in Shanghai; who objected is forgotten in time."""
    scene.noticed(1)
    made = scene.object(1)
    objections.decide(
        session, scene.round.id, made.id, ObjectionStep.DISMISS, "不属实", scene.office.id, scene.now
    )  # fmt: skip
    scene.concluded()
    (mark,) = marks.active(session, [scene.courses[1].course_id]).values()
    session.commit()

    def run(at: datetime) -> str:
        monkeypatch.setattr(clock, "now", lambda: at)
        tasks.follow_days()
        session.expire_all()
        return mark.state

    last = datetime.combine(mark.valid_until, time(), clock.LOCAL)
    assert made.name == "张三"
    assert run(scene.now + DAY) == MarkState.ACTIVE
    assert made.name == "张三"
    assert run(last + DAY - timedelta(seconds=1)) == MarkState.ACTIVE
    assert made.name == "—"
    assert run(last + DAY) == MarkState.EXPIRED
    ended = mark.ended_at
    assert session.get_one(Course, mark.course_id).quality_mark_until is None
    run(last + 2 * DAY)
    assert mark.ended_at == ended == last + DAY


def test_a_cancelled_round(scene: Scene, session: Session) -> None:
    """It ends with a reason and without marks."""
    scene.noticed(1)
    with pytest.raises(Invalid):
        rounds.cancel(session, scene.round.id, " ", scene.office.id, scene.now)
    rounds.cancel(session, scene.round.id, "程序有误", scene.office.id, scene.now)
    assert scene.round.state == RoundState.CANCELLED
    with pytest.raises(IllegalQualityStep):
        rounds.conclude(session, scene.round.id, scene.office.id, scene.now + 9 * DAY)
    assert session.scalar(sa.select(sa.func.count()).select_from(QualityMark)) == 0


def test_the_public_reads_and_objects(
    app: Flask, scene: Scene, session: Session, sign_in: Callable[[Person], FlaskClient]
) -> None:
    """A stranger sees criteria and notice, objects with name and contact, and not too often."""
    now = clock.now()  # the pages go by the real clock
    scene.noticed(1)
    scene.round.notice_from, scene.round.notice_until = now - DAY, now + 6 * DAY
    session.commit()
    client = app.test_client()
    page = client.get(f"/quality/{scene.round.id}").text
    for shown in ("乙课", "公示期", "提出异议", "准确", "60%", "98.00"):
        assert shown in page
    assert "甲课" not in page
    office = sign_in(scene.office)
    token = {"X-CSRFToken": office.environ_base["HTTP_X_CSRFTOKEN"]}
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "t"
    sent = {
        "application_id": str(scene.applications[1].id), "name": "李四", "contact": "a@b.cn",
        "text": "<img src=x onerror=alert(1)>",
    }  # fmt: skip
    address = f"/quality/{scene.round.id}/objections"
    refused = client.post(address, data=sent | {"contact": ""}, headers=token)
    assert refused.status_code == 422
    assert "&lt;img src=x" in refused.text
    assert client.post(address, data=sent, headers=token).status_code == 303
    desk = office.get(f"/quality/office/{scene.round.id}").text
    assert "&lt;img src=x" in desk
    assert "<img src=x" not in desk
    assert "李四" not in client.get(f"/quality/{scene.round.id}").text
    codes = {client.post(address, data=sent, headers=token).status_code for _ in range(12)}
    assert codes == {303, 429}


def test_only_the_citys_office(
    scene: Scene,
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """A district's administrator sees and does nothing here; drafts are nobody else's."""
    place = accounts.organisation(session, OrganisationKind.DISTRICT, "东区")
    district = sign_in(create_person("east", Role.ADMINISTRATOR, within=place))
    assert district.get("/quality/office").status_code == 403
    assert district.get(f"/quality/office/{scene.round.id}").status_code == 403
    act = {"act": "announce"}
    assert district.post(f"/quality/office/{scene.round.id}", data=act).status_code == 403
    assert district.get(f"/quality/{scene.round.id}").status_code == 404
    city = sign_in(scene.office)
    assert city.get(f"/quality/office/{scene.round.id}").status_code == 200
    assert city.post(f"/quality/office/{scene.round.id}", data={"act": "x"}).status_code == 422


def test_who_judged_ones_own_course_is_for_other_eyes(
    scene: Scene, session: Session, sign_in: Callable[[Person], FlaskClient]
) -> None:
    """An administrator reads the single sheets and who objected, but not of a course of theirs."""
    scene.noticed(1)
    scene.object(1, name="李举报", contact="13911112222")
    accounts.grant(session, scene.writer, Role.ADMINISTRATOR)
    session.commit()
    address = f"/quality/office/{scene.round.id}"
    page = sign_in(scene.office).get(address).text
    assert "李举报" in page
    assert "13911112222" in page
    assert "各份评分" in page
    page = sign_in(scene.writer).get(address).text
    assert "乙课" in page
    assert not any(said in page for said in ("李举报", "13911112222", "各份评分"))


TOTALS = st.lists(st.integers(0, 10_000).map(lambda n: Decimal(n) / 100), min_size=1, max_size=15)


@given(TOTALS, st.booleans(), st.randoms(use_true_random=False))
def test_a_score_lies_between_and_knows_no_order(
    totals: list[Decimal], trimmed: bool, chance: Any
) -> None:
    """Between the lowest and the highest, the same whoever scored first."""
    found = ranking.score(totals, trimmed=trimmed)
    assert min(totals) <= found <= max(totals)
    shuffled = list(totals)
    chance.shuffle(shuffled)
    assert ranking.score(shuffled, trimmed=trimmed) == found


@given(TOTALS, st.booleans(), st.data())
def test_a_better_score_never_harms(
    totals: list[Decimal], trimmed: bool, data: st.DataObject
) -> None:
    """Raising one panelist's total never lowers the score."""
    place = data.draw(st.integers(0, len(totals) - 1))
    raised = list(totals)
    raised[place] = data.draw(
        st.integers(int(totals[place] * 100), 10_000).map(lambda n: Decimal(n) / 100)
    )
    assert ranking.score(raised, trimmed=trimmed) >= ranking.score(totals, trimmed=trimmed)


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=13), st.integers(0, 10_000))
def test_one_outlier_does_not_decide(middle: list[int], wild: int) -> None:
    """Trimmed, no single sheet moves the score out of the range of the others."""
    others = [Decimal(n) / 100 for n in middle]
    if len(others) + 1 < ranking.TRIM_FROM:
        others += others[:1] * (ranking.TRIM_FROM - 1 - len(others))
    found = ranking.score([*others, Decimal(wild) / 100], trimmed=True)
    assert min(others) <= found <= max(others)


@given(st.dictionaries(st.integers(1, 50), TOTALS, min_size=1, max_size=12), st.booleans())
def test_places(totals: dict[int, list[Decimal]], trimmed: bool) -> None:
    """Higher scores stand before lower ones, equal ones share a place, somebody is first; and
    exactly the heads of the ranking follow it."""
    ranked = ranking.rank(totals, trimmed=trimmed)
    for a in ranked.values():
        assert a.place == 1 + sum(b.score > a.score for b in ranked.values())
    places = {key: each.place for key, each in ranked.items()}
    assert 1 in places.values()
    for worst in set(places.values()):
        head = frozenset(key for key, place in places.items() if place <= worst)
        assert ranking.follows(places, head)
        if len(head) > 1 and worst > 1:
            first = next(key for key in head if places[key] == 1)
            assert not ranking.follows(places, head - {first})


def test_totals_by_weight() -> None:
    """Full points make 100, none 0, whatever the most of each criterion is."""
    items = criteria.from_text(LINES)
    assert criteria.total(items, {"c1": Decimal(20), "c2": Decimal(10)}) == 100
    assert criteria.total(items, {"c1": Decimal(0), "c2": Decimal(0)}) == 0
    assert criteria.total(items, {"c1": Decimal(15), "c2": Decimal(8)}) == 77
    assert criteria.from_text(criteria.EXAMPLE)


def test_the_last_day() -> None:
    """A mark of three years ends on the eve of its anniversary."""
    assert marks.last_day(date(2026, 11, 23), 3) == date(2029, 11, 22)
    assert marks.last_day(date(2028, 2, 29), 1) == date(2029, 2, 28)
