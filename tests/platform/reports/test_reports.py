"""A year in figures: what is counted, for whom, against the plan's targets."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from tests import scenes
from zhixin.audit import desk
from zhixin.hours import appeals, awards
from zhixin.hours.models import Award
from zhixin.hours.states import AppealStep, ProposalKind, ProposalStep, Transition
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role
from zhixin.reports import figures, targets
from zhixin.reports.models import Target, TargetCode


@pytest.fixture
def city(session):
    """A city with two districts, an employer in each."""
    top = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east, west = (
        accounts.organisation(session, OrganisationKind.DISTRICT, name, top)
        for name in ("东区", "西区")
    )
    steel = accounts.organisation(session, OrganisationKind.EMPLOYER, "东区钢厂", east)
    school = accounts.organisation(session, OrganisationKind.EMPLOYER, "西区学校", west)
    session.commit()
    return {"top": top, "east": east, "west": west, "steel": steel, "school": school}


@pytest.fixture
def counted(session, create_person, now, city):
    """One verified hour at the steelworks, two at the school, one still waiting there."""

    def give(name, employer, source_id, verify=True):
        found = session.scalar(sa.select(accounts.Person).where(accounts.Person.name == name))
        person = found or create_person(name, name=name, employer=employer)
        award = scenes._award(session, person, source_id=source_id)
        if verify:
            awards.decide(session, award, Transition.VERIFY, actor_id=None, reason=None, now=now)
        return award

    made = [
        give("甲", city["steel"], 1),
        give("乙", city["school"], 1),
        give("乙", city["school"], 2),
        give("丙", city["school"], 3, verify=False),
    ]
    session.commit()
    return made


def test_a_years_total_counts_what_counts(session, counted, now) -> None:
    """Verified hours of the year; what waits is told apart, a person counts once."""
    total = figures.total(session, now.year, None)
    assert (total.people, total.awards, total.pending) == (2, 3, 1)
    assert total.hours == sum(award.hours for award in counted[:3])
    assert figures.total(session, now.year - 1, None).hours == 0


def test_districts_hold_what_their_employers_have(session, counted, city, now) -> None:
    """Each level is the sum of those below it."""
    units = {u.organisation.name: u for u in figures.by_organisation(session, now.year, None)}
    assert units["示例市"].hours == units["东区"].hours + units["西区"].hours
    assert (units["西区"].people, units["西区学校"].awards) == (1, 2)


def test_an_employer_sees_its_own_people_only(session, counted, city, now) -> None:
    """Neither its neighbours nor the levels above it, whose sums would tell of them."""
    units = figures.by_organisation(session, now.year, {city["steel"].id})
    assert [unit.organisation.name for unit in units] == ["东区钢厂"]
    assert figures.total(session, now.year, {city["steel"].id}).people == 1
    assert figures.total(session, now.year, set()).people == 0


def test_people_are_new_once_a_year(session, counted, now) -> None:
    """In the month of their first hours."""
    months = figures.newcomers(session, now.year, None)
    assert (months[now.month - 1], sum(months)) == (2, 2)


def test_kinds_and_fields_are_grouped(session, counted, now) -> None:
    """The same hours, cut another way."""
    for column in (Award.subject_kind, Award.field_code, Award.source_kind):
        lines = figures.by(session, now.year, None, column.expression)
        assert sum(line.hours for line in lines) == figures.total(session, now.year, None).hours


def test_auditors_decisions_are_counted(session, counted, create_person, now) -> None:
    """Who decided how often, in a period; rules are nobody."""
    auditor = create_person("auditor", Role.AUDITOR)
    act = desk.Act(auditor=auditor, address="::1", now=now)
    day = timedelta(days=1)
    desk.decide(session, counted[3], Transition.VERIFY, act, reason=None, hold_for=day)
    (found,) = figures.by_auditor(session, now - day, now + day)
    assert (found.person.id, found.acts) == (auditor.id, {"verify": 1})
    assert figures.by_auditor(session, now + day, now + 2 * day) == []


@pytest.fixture
def busy(session, counted, city, create_person, now, app):
    """A year of three auditors at the desk: 张 decides, 李 and 王 judge what he decided.

    张 verifies two and rejects two, holds one and proposes reversals. Of these fall: one
    verification (李 proposes its reversal, 王 confirms), one rejection and the hold, by appeals
    that 李 grants; the appeal against the other rejection she upholds. The other verification
    is reversed, too, but 王's confirmation falls by an appeal: so it stands again.
    """
    zhang, li, wang = (create_person(f"{n}", Role.AUDITOR, name=n) for n in ("张", "李", "王"))
    day, moment = timedelta(days=1), iter(range(1, 1000))

    def act(auditor):
        return desk.Act(auditor=auditor, address="::1", now=now + timedelta(seconds=next(moment)))

    def decide(award, step, reason=None):
        desk.decide(session, award, step, act(zhang), reason=reason, hold_for=day)

    def record():
        log.append_waiting(session, Signer.of(app.extensions["settings"]), now)
        awards.mark_recorded(session)
        session.expire_all()

    def propose(award, by):
        return desk.propose(
            session, award, act(by), correction=None, reason="重复", hearing=timedelta(), term=day
        )

    def appeal(award, step):
        made = appeals.lodge(
            session, award, person_id=award.person_id, text="", term=day, now=act(li).now
        )
        desk.decide_appeal(session, made, step, act(li), "已核对")

    person = counted[3].person_id
    learner = session.get_one(accounts.Person, person)
    waiting = [scenes._award(session, learner, source_id=number) for number in range(10, 16)]
    falls, stands, wrong, right, held, proposed = waiting
    for award in (falls, stands):
        decide(award, Transition.VERIFY)
    record()
    desk.decide_proposal(session, propose(falls, li), ProposalStep.CONFIRM, act(wang), None)
    desk.decide_proposal(session, propose(stands, zhang), ProposalStep.CONFIRM, act(wang), None)
    record()
    appeal(stands, AppealStep.GRANT)
    for award in (wrong, right):
        decide(award, Transition.REJECT, "重复申报")
    appeal(wrong, AppealStep.GRANT)
    appeal(right, AppealStep.UPHOLD)
    decide(held, Transition.HOLD, "需要核对观看记录")
    appeal(held, AppealStep.GRANT)
    awards.decide(session, proposed, Transition.VERIFY, actor_id=None, reason=None, now=now)
    record()
    declined = propose(proposed, zhang)
    desk.decide_proposal(session, declined, ProposalStep.DECLINE, act(li), "不重复")
    desk.decide_proposal(session, propose(proposed, zhang), ProposalStep.WITHDRAW, act(zhang), None)
    session.commit()
    return zhang, li, wang


def test_every_decision_at_the_desk_is_counted_and_what_fell_of_it(session, busy, now) -> None:
    """Under the words that the trail has; overturned are appeals granted and hours taken back."""
    found = {
        each.person.name: each for each in figures.by_auditor(session, now, now + timedelta(1))
    }
    assert {name: each.acts for name, each in found.items()} == {
        "张": {"verify": 2, "reject": 2, "hold": 1, "propose-reverse": 3},
        "李": {"propose-reverse": 1, "grant-appeal": 3, "uphold-appeal": 1, "decline-proposal": 1},
        "王": {"reverse": 2},
    }
    assert {name: each.overturned for name, each in found.items()} == {"张": 3, "李": 0, "王": 1}
    assert {name: str(each.share) for name, each in found.items()} == {
        "张": "37.5", "李": "0.0", "王": "50.0",
    }  # fmt: skip


def test_every_act_of_the_desk_on_hours_is_a_decision_but_taking_back_ones_own() -> None:
    """What an auditor may do is in the states; a new step must be counted, or be told apart."""
    steps = {each.value for each in ProposalKind} | {
        Transition.VERIFY.value, Transition.REJECT.value, Transition.HOLD.value,
        f"{ProposalStep.DECLINE}-proposal",
        *(f"propose-{each}" for each in ProposalKind), *(f"{each}-appeal" for each in AppealStep),
    }  # fmt: skip
    assert set(figures.DECISIONS) == steps
    assert set(ProposalStep) == {ProposalStep.CONFIRM, ProposalStep.DECLINE, ProposalStep.WITHDRAW}


def test_the_workbook_has_the_auditors_figures(busy, sign_in, create_person, city, now) -> None:
    """Number by number what the page has; a part of the city gets no such sheet."""
    client = sign_in(create_person("office", Role.AUDITOR))
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/reports/{now.year}.xlsx").data))
    headings, *rows = book["审核员的处理"].iter_rows(values_only=True)
    lines = {row[0]: dict(zip(headings, row, strict=True)) for row in rows}
    assert list(lines) == ["张", "李", "王"]
    zhang = {name: value for name, value in lines["张"].items() if value}
    assert zhang == {
        "审核员": "张", "核验通过": 2, "驳回": 2, "暂缓认定": 1, "提出冲销": 3, "合计": 8,
        "后来被改变": 3, "被改变的百分比": 37.5,
    }  # fmt: skip
    assert (lines["李"]["认定申诉成立"], lines["李"]["维持原决定"]) == (3, 1)
    assert (lines["王"]["确认冲销"], lines["王"]["被改变的百分比"]) == (2, 50)
    assert "37.5%" in client.get(f"/reports/{now.year}").text
    local = sign_in(create_person("local", Role.AUDITOR, within=city["east"]))
    book = openpyxl.load_workbook(io.BytesIO(local.get(f"/reports/{now.year}.xlsx").data))
    assert "审核员的处理" not in book.sheetnames


def test_the_workbooks_numbers_are_the_years(session, counted, sign_in, create_person, now) -> None:
    """Not only its columns' names: every sheet adds up to what was counted."""
    client = sign_in(create_person("office", Role.BUREAU))
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/reports/{now.year}.xlsx").data))
    total = figures.total(session, now.year, None)
    overview = {row[0]: row[1] for row in book["概览"].iter_rows(values_only=True)}
    assert (overview["学习人数"], overview["待决定的学时记录"]) == (2, 1)
    assert overview["学时"] == total.hours
    school = {row[0]: row[1:] for row in book["按单位"].iter_rows(values_only=True)}["西区学校"]
    assert school == (1, 2, 2)
    for sheet in ("按领域", "按科目", "按来源"):
        hours = [row[3] for row in book[sheet].iter_rows(min_row=2, values_only=True)]
        assert sum(hours) == total.hours


def test_targets_hold_until_the_next(session, now) -> None:
    """The plan's numbers first; later ones from their year on, earlier years keep theirs."""
    targets.ensure_shipped(session, now)
    targets.ensure_shipped(session, now)
    assert session.scalar(sa.select(sa.func.count(Target.id))) == len(TargetCode)
    targets.put(
        session, TargetCode.PEOPLE, 2026, 35_000, "市发〔2026〕1 号", actor_id=None, now=now
    )
    amounts = [targets.of_year(session, y)[TargetCode.PEOPLE].amount for y in (2011, 2025, 2026)]
    assert amounts == [30_000, 30_000, 35_000]
    assert targets.of_year(session, 2010) == {}


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.BUREAU, Role.EMPLOYER, Role.ADMINISTRATOR])
def test_whoever_answers_for_people_sees_their_figures(
    sign_in, create_person, session, counted, city, now, role
) -> None:
    """A page and a workbook within one's own area."""
    targets.ensure_shipped(session, now)
    session.commit()
    client = sign_in(create_person("local", role, within=city["east"]))
    page = client.get(f"/reports/{now.year}")
    assert page.status_code == 200
    assert "东区钢厂" in page.text
    assert "西区学校" not in page.text
    assert "data-target" not in page.text, "a part of the city is not held against its target"
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/reports/{now.year}.xlsx").data))
    assert [row[0].value for row in book["按单位"].rows] == ["单位", "东区", "东区钢厂"]


def test_the_city_sees_its_targets(sign_in, create_person, session, counted, now) -> None:
    """The plan's numbers beside what was reached, drawn and in words."""
    targets.ensure_shipped(session, now)
    session.commit()
    page = sign_in(create_person("office", Role.AUDITOR)).get("/reports")
    assert page.text.count("data-target=") == len(TargetCode)
    for amount in ("30000", "20000", "2000", "30"):
        assert f"目标 {amount}，完成" in page.text


def test_what_has_a_target_already_keeps_it(session, now) -> None:
    """A city that set its own before the plan's other numbers came."""
    targets.put(session, TargetCode.PEOPLE, 2020, 5, "市发", actor_id=None, now=now)
    targets.ensure_shipped(session, now)
    kept = targets.of_year(session, 2026)
    assert (kept[TargetCode.PEOPLE].amount, kept[TargetCode.SEMINARS].amount) == (5, 30)


def test_learners_see_no_figures(sign_in, create_person) -> None:
    """Not even their own: those are on their year's page."""
    assert sign_in(create_person("learner")).get("/reports").status_code == 403


@pytest.mark.parametrize("year", [1999, 2999])
def test_there_are_no_figures_of_other_centuries(sign_in, create_person, year) -> None:
    """A year that nobody has lived through is not found."""
    assert sign_in(create_person("office", Role.AUDITOR)).get(f"/reports/{year}").status_code == 404


def test_a_citys_administrator_sets_targets(sign_in, create_person, session, city) -> None:
    """With their source, on the trail; a district's administrator does not."""
    good = {"code": "people", "year": "2026", "amount": "32000", "source": "市发〔2026〕2 号"}
    local = sign_in(create_person("local", Role.ADMINISTRATOR, within=city["east"]))
    assert local.post("/reports/targets", data=good).status_code == 403
    client = sign_in(create_person("admin", Role.ADMINISTRATOR))
    for wrong in ({"code": "x"}, {"year": "1"}, {"amount": "-5"}, {"amount": "²"}, {"source": " "}):
        assert client.post("/reports/targets", data=good | wrong).status_code == 422
    assert client.post("/reports/targets", data=good).status_code == 303
    assert session.scalars(sa.select(Target.amount)).all() == [32000]


def test_a_years_page_asks_a_bounded_number_of_queries(
    sign_in, create_person, session, counted, connection
) -> None:
    """However many fields, organisations and auditors there are."""
    client = sign_in(create_person("office", Role.AUDITOR))
    client.get("/reports")
    asked: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *a: asked.append(a[2]))
    client.get("/reports")
    assert len([each for each in asked if each.startswith("SELECT")]) <= 16
