"""How often presence is asked for, and how long a person has to answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from courses import presence
from zhixin import clock
from zhixin.hours import policies
from zhixin.hours.rules import Presence
from zhixin.people.models import Person


@pytest.fixture
def rule(session):
    policies.ensure_shipped(session, clock.now())
    shipped = policies.rule(policies.in_force(session, clock.now().date()))
    return replace(shipped, presence=Presence(every_minutes=Decimal(15), answer_seconds=60))


@pytest.mark.parametrize(("percent", "answer_ms"), [(100, 60_000), (150, 90_000), (400, 240_000)])
def test_who_needs_more_time_has_it_for_every_prompt(rule, percent, answer_ms):
    """How often is asked is the same for all (WCAG 2.2, 2.2.1)."""
    cadence = presence.cadence(rule, Person(extended_time_percent=percent))
    assert cadence == presence.Cadence(every_ms=15 * 60_000, answer_within_ms=answer_ms)


def test_without_a_policy_nobody_is_asked(rule):
    assert presence.cadence(replace(rule, presence=None), Person(extended_time_percent=100)) is None
