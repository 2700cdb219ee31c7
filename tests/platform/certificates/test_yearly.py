"""A year's statements for everybody: bounded queries, once each, whatever is run again."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy import event

from tests import scenes
from zhixin.certificates import issuing, yearly
from zhixin.certificates.models import Certificate
from zhixin.hours import areas, awards, policies
from zhixin.hours.states import Transition
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind


@pytest.fixture
def recorded(session, create_person, in_log, now):
    """Award people's hours and record them."""

    def give(*names: str) -> list[int]:
        people = [create_person(name) for name in names]
        for person in people:
            given = scenes._award(session, person)
            awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=now)
        in_log()
        awards.mark_recorded(session)
        return [person.id for person in people]

    return give


def _issue(session, ids, year, now) -> yearly.Issued:
    return yearly.issue_many(session, ids, year, issuer=scenes.issuer(), now=now)


def test_everybody_gets_one_once(session, award, recorded, now) -> None:
    """Numbers without gaps, in order; a second run issues nothing."""
    recorded("b", "c")
    ids = yearly.people(session, award.year, 0, 10)
    assert len(ids) == yearly.count(session, award.year) == 3
    made = _issue(session, ids, award.year, now).certificates
    assert [each.number[-6:] for each in made] == ["000001", "000002", "000003"]
    again = _issue(session, ids, award.year, now)
    assert (len(again.certificates), again.replaced, again.unchanged) == (0, 0, 3)


def test_who_earned_more_gets_a_new_one(session, award, annual, recorded, auditors, now) -> None:
    """The old one is replaced; others keep theirs."""
    other = recorded("b")
    _issue(session, other, award.year, now)
    scenes.reverse(session, award, *auditors)
    (more,) = recorded("c")
    done = _issue(session, [*other, more, award.person_id], award.year, now)
    assert (len(done.certificates), done.unchanged) == (1, 1)  # nothing stands for the reversed


def test_the_same_as_one_asked_for_alone(session, award, annual, now) -> None:
    """A person's own request and the run for everybody certify the same facts."""
    assert _issue(session, [award.person_id], award.year, now).unchanged == 1


def test_more_people_cost_no_more_queries(session, award, recorded, now) -> None:
    """But for what each certificate writes into the outbox."""
    year = award.year

    def selects(ids) -> int:
        seen: list[str] = []

        def note(_c, _cur, statement, *_rest) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                seen.append(statement)

        connection = session.connection()
        event.listen(connection, "before_cursor_execute", note)
        session.expunge_all()
        _issue(session, ids, year, now)
        event.remove(connection, "before_cursor_execute", note)
        return len(seen)

    few, many = recorded("b"), recorded(*"cdefgh")
    assert selects(many) <= selects(few) + 1


def test_the_command_says_what_it_did(session, app, award, recorded, monkeypatch) -> None:
    """For scripts as JSON; run again, nothing changes."""
    monkeypatch.setattr("zhixin.command.make_app", lambda: app)
    from zhixin.certificates.commands import certificate

    recorded("b")
    session.commit()
    runner = CliRunner()
    arguments = ["issue-year", str(award.year), "--json"]
    first = runner.invoke(certificate, arguments, catch_exceptions=False)
    assert json.loads(first.stdout) == {"issued": 2, "replaced": 0, "unchanged": 0}
    second = runner.invoke(certificate, arguments, catch_exceptions=False)
    assert json.loads(second.stdout) == {"issued": 0, "replaced": 0, "unchanged": 2}
    assert session.scalar(sa.select(sa.func.count()).select_from(Certificate)) == 2
    assert issuing.in_force(session, [f"year:{award.person_id}:{award.year}"])


def test_papers_count_by_the_rules_of_the_persons_own_area(session, award, learner, now) -> None:
    """A statement, an extract and a year's statements for everybody say what the year's page says:
    a district's own policy governs its people."""
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    learner.employer = accounts.organisation(session, OrganisationKind.EMPLOYER, "东区钢厂", east)
    session.flush()
    rule = replace(policies.rule(policies.in_force(session, now.date())), yearly_total=Decimal(77))
    policies.publish(
        session, area=areas.of(east.id), title="东区规则", source="示例", rule=rule,
        effective_from=now.date().replace(month=1, day=1), actor_id=None, now=now,
    )  # fmt: skip
    made = [
        issuing.issue_annual(session, learner.id, award.year, issuer=scenes.issuer(), now=now),
        issuing.issue_extract(session, learner.id, award.year, issuer=scenes.issuer(), now=now),
    ]
    facts = [issuing.contents(each)["facts"] for each in made]
    assert facts[0]["required"]["total"] == "77"
    assert facts[1]["years"][-1]["required"]["total"] == "77"
    assert _issue(session, [learner.id], award.year, now).unchanged == 1
