"""A year in figures: what is counted, for whom, against the plan's targets."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa

from tests import scenes
from zhixin.audit import desk
from zhixin.hours import awards
from zhixin.hours.models import Award
from zhixin.hours.states import Transition
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


def test_targets_hold_until_the_next(session, now) -> None:
    """The plan's numbers first; later ones from their year on, earlier years keep theirs."""
    targets.ensure_shipped(session, now)
    targets.ensure_shipped(session, now)
    assert session.scalar(sa.select(sa.func.count(Target.id))) == 2
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
    assert page.text.count("data-target=") == 2
    assert "30000" in page.text


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
