"""Policies are written by one administrator and published by another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zhixin.audit.models import Trace
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.hours import areas, drafts, dry_runs, policies
from zhixin.hours.draft_states import DRAFT_STEPS, DraftMoved, DraftState
from zhixin.hours.models import Policy, PolicyDraft
from zhixin.hours.policies import Content
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Role

from .conftest import rule

CONTENT = Content("本市 2027 年度规则", "某人社发〔2026〕1 号", date(2027, 1, 1), rule())


@pytest.fixture
def writer(create_person):
    return create_person("writer", Role.ADMINISTRATOR)


@pytest.fixture
def reviewer(create_person):
    return create_person("reviewer", Role.ADMINISTRATOR)


@pytest.fixture
def draft(session, policy, writer, now):
    return drafts.create(session, writer, areas.CITY, CONTENT, now)


@pytest.fixture
def tried(session, draft, writer, app, now):
    """A draft under review, its effects worked out."""
    drafts.submit(session, draft, writer, now)
    session.commit()
    dry_runs.run(app.extensions["db"], dry_runs.of(session, draft).id, lambda: now)
    session.expire_all()
    return drafts.find(session, writer, draft.id)


def test_another_publishes(session, tried, reviewer, now):
    """From review into force, with the reviewer's name; on the trail."""
    published = drafts.publish(session, tried, reviewer, address="127.0.0.1", now=now)
    assert (tried.state, tried.policy_id) == (DraftState.PUBLISHED, published.id)
    assert (published.published_by_id, published.title) == (reviewer.id, CONTENT.title)
    assert policies.rule(published) == CONTENT.rule
    assert not tried.alone
    acts = session.execute(sa.select(Trace.act, Trace.actor_id, Trace.reason)).all()
    assert acts == [("publish", reviewer.id, CONTENT.title)]


def test_nobody_publishes_their_own(session, tried, writer, reviewer, now):
    """Four eyes: while there is another administrator of the city."""
    with pytest.raises(drafts.OwnDraft):
        drafts.publish(session, tried, writer, address=None, now=now)
    assert session.scalar(sa.select(sa.func.count(Policy.id))) == 1


def test_the_only_administrator_may_and_the_trail_says_so(session, tried, writer, now):
    """Else a small city could publish nothing."""
    drafts.publish(session, tried, writer, address=None, now=now)
    assert tried.alone
    assert "只有一名管理员" in session.scalars(sa.select(Trace.reason)).one()


def test_an_administrator_who_left_is_no_second_pair_of_eyes(session, tried, writer, reviewer, now):
    """Only active people count."""
    reviewer.active = False
    session.flush()
    drafts.publish(session, tried, writer, address=None, now=now)
    assert tried.alone


def test_the_database_refuses_ones_own_too(session, policy, draft, writer):
    """Not only Python: a CHECK."""
    published = {"state": "published", "policy_id": policy.id, "decided_by_id": writer.id}
    with pytest.raises(IntegrityError, match="four_eyes"), session.begin_nested():
        session.execute(sa.update(PolicyDraft).values(**published))


def test_publishing_needs_the_dry_run(session, draft, writer, reviewer, now):
    """Nobody publishes without having been told whom it concerns."""
    drafts.submit(session, draft, writer, now)
    with pytest.raises(drafts.DryRunNeeded):
        drafts.publish(session, draft, reviewer, address=None, now=now)


def test_a_draft_is_published_once(session, tried, reviewer, now):
    """The second of two reviewers is told."""
    drafts.publish(session, tried, reviewer, address=None, now=now)
    with pytest.raises(DraftMoved):
        drafts.publish(session, tried, reviewer, address=None, now=now)


def test_saving_voids_the_dry_run(session, draft, writer, now):
    """What was worked out was of another text."""
    dry_runs.start(session, draft, now)
    changed = replace(CONTENT, rule=rule(yearly_total=Decimal(100)))
    drafts.save(session, draft, writer, changed, revision=1, now=now)
    assert (draft.revision, dry_runs.of(session, draft)) == (2, None)
    assert policies.rule_of(draft).yearly_total == 100


def test_two_windows_do_not_overwrite_each_other(session, draft, writer, now):
    """The second save says that the draft has changed."""
    drafts.save(session, draft, writer, CONTENT, revision=1, now=now)
    with pytest.raises(DraftMoved):
        drafts.save(session, draft, writer, CONTENT, revision=1, now=now)


def test_what_is_reviewed_stays_as_it_is(session, draft, writer, now):
    """Under review nobody changes the text."""
    drafts.submit(session, draft, writer, now)
    with pytest.raises(DraftMoved):
        drafts.save(session, draft, writer, CONTENT, revision=1, now=now)


def test_only_the_writer_changes_a_draft(session, draft, reviewer, now):
    """Others may read it: for them there is nothing to change."""
    assert drafts.find(session, reviewer, draft.id) is draft
    for act in (
        lambda: drafts.save(session, draft, reviewer, CONTENT, revision=1, now=now),
        lambda: drafts.submit(session, draft, reviewer, now),
        lambda: drafts.discard(session, draft, reviewer, now),
        lambda: drafts.withdraw(session, draft, reviewer),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_reviewer_sends_it_back_with_a_reason(session, tried, reviewer, writer, now):
    """The writer reads it, changes the draft and submits it again."""
    with pytest.raises(Invalid, match="原因"):
        drafts.send_back(session, tried, reviewer, " ", now)
    drafts.send_back(session, tried, reviewer, "依据缺文号", now)
    assert (tried.state, tried.reason) == (DraftState.WRITING, "依据缺文号")
    drafts.save(session, tried, writer, CONTENT, revision=1, now=now)
    drafts.submit(session, tried, writer, now)
    assert (tried.state, tried.reason) == (DraftState.REVIEW, None)


def test_a_writer_withdraws_and_gives_up(session, tried, writer, now):
    """Back from review; then it is no longer waiting."""
    with pytest.raises(drafts.OwnDraft):
        drafts.send_back(session, tried, writer, "改一改", now)
    drafts.withdraw(session, tried, writer)
    drafts.discard(session, tried, writer, now)
    assert tried.state == DraftState.DISCARDED
    assert drafts.waiting(session, writer) == []


def test_states_without_a_way_on_are_final():
    """What is published or discarded never moves again."""
    final = set(DraftState) - {state for state, _step in DRAFT_STEPS}
    assert final == {DraftState.PUBLISHED, DraftState.DISCARDED}


def test_an_administrator_writes_for_their_own_area(session, policy, create_person, now):
    """A district's administrator: for the district, not for the city nor for another."""
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    west = accounts.organisation(session, OrganisationKind.DISTRICT, "西区", city)
    bank = accounts.organisation(session, OrganisationKind.EMPLOYER, "银行", east)
    local = create_person("local", Role.ADMINISTRATOR, within=east)
    draft = drafts.create(session, local, areas.of(east.id), CONTENT, now)
    for area in (areas.CITY, areas.of(west.id), areas.of(bank.id), "organisation:999", "moon"):
        with pytest.raises(NotAllowed):
            drafts.create(session, local, area, CONTENT, now)
    neighbour = create_person("neighbour", Role.ADMINISTRATOR, within=west)
    with pytest.raises(NotFound):
        drafts.find(session, neighbour, draft.id)
    assert drafts.waiting(session, neighbour) == []
    assert drafts.waiting(session, create_person("root", Role.ADMINISTRATOR)) == [draft]
