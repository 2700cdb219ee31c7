"""Whose rules count for whom: of the nearest area above the employer, and the city's otherwise."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from zhixin.errors import NotFound
from zhixin.hours import areas, policies, years
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind

from .conftest import rule

TODAY = date(2026, 11, 23)


@pytest.fixture
def tree(session):
    """City → district east → a bank; city → bureau → an institute."""
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    bureau = accounts.organisation(session, OrganisationKind.BUREAU, "卫生局", city)
    bank = accounts.organisation(session, OrganisationKind.EMPLOYER, "银行", east)
    institute = accounts.organisation(session, OrganisationKind.EMPLOYER, "研究院", bureau)
    session.commit()
    return {"city": city, "east": east, "bureau": bureau, "bank": bank, "institute": institute}


@pytest.fixture
def publish(session, now):
    def published(area: str, total: int, effective_from: str = "2016-01-01"):
        return policies.publish(
            session,
            title=f"规则 {total}",
            source="示例",
            effective_from=date.fromisoformat(effective_from),
            rule=rule(yearly_total=Decimal(total)),
            actor_id=None,
            now=now,
            area=area,
        )

    return published


@pytest.fixture
def asked(session):
    def total(person, on=TODAY):
        return policies.rule(policies.of_person(session, person.id, on)).yearly_total

    return total


def test_the_nearest_area_counts(tree, publish, create_person, asked):
    """A district's rules are its people's, not the neighbours'."""
    publish(areas.CITY, 90)
    publish(areas.of(tree["east"].id), 100)
    assert asked(create_person("a", employer=tree["bank"])) == 100
    assert asked(create_person("b", employer=tree["east"])) == 100
    assert asked(create_person("c", employer=tree["institute"])) == 90
    assert asked(create_person("d")) == 90


def test_an_area_has_rules_from_their_day_on(tree, publish, create_person, asked):
    """Before that day the city's count."""
    publish(areas.CITY, 90)
    publish(areas.of(tree["east"].id), 100, "2026-06-01")
    person = create_person("a", employer=tree["bank"])
    assert asked(person, date(2026, 5, 31)) == 90
    assert asked(person, date(2026, 6, 1)) == 100


def test_an_areas_versions_are_its_own(session, tree, publish):
    """The first of a day in each area."""
    assert publish(areas.CITY, 90).version == 1
    assert publish(areas.of(tree["east"].id), 100).version == 1
    assert publish(areas.of(tree["east"].id), 110).version == 2


def test_nobody_is_presumed_to_have_rules(session, tree, publish, create_person):
    """Another area's policy is none for a person outside it."""
    publish(areas.of(tree["east"].id), 100)
    with pytest.raises(NotFound, match="尚未发布"):
        policies.of_person(session, create_person("c", employer=tree["institute"]).id, TODAY)


def test_a_year_is_held_against_the_areas_rules(session, tree, publish, create_person):
    """What the year asks for is what the nearest area asks for."""
    publish(areas.CITY, 90)
    publish(areas.of(tree["bureau"].id), 120)
    person = create_person("c", employer=tree["institute"])
    assert years.of(session, person.id, 2026, TODAY).standing.total.required == 120


def test_one_query_finds_a_persons_policy(session, connection, tree, publish, create_person):
    """However deep the tree."""
    publish(areas.CITY, 90)
    person = create_person("a", employer=tree["bank"])
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text))
    policies.of_person(session, person.id, TODAY)
    assert len([text for text in seen if not text.startswith("SAVEPOINT")]) == 1


def test_the_tree_for_many_says_the_same(session, tree, publish, create_person):
    """A dry run and a person's own year agree on whose rules count."""
    publish(areas.CITY, 90)
    publish(areas.of(tree["east"].id), 100)
    publish(areas.of(tree["bureau"].id), 120)
    whole, in_force = areas.load(session), policies.of_areas(session, TODAY)
    for number, employer in enumerate([*tree.values(), None]):
        person = create_person(f"p{number}", employer=employer)
        found = whole.nearest(person.employer_id, in_force)
        assert found is not None
        assert found[1] is policies.of_person(session, person.id, TODAY)
