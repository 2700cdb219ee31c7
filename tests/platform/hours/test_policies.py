"""Policies are dated data: which is in force, publishing, what is shipped."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zhixin.errors import Invalid, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule, SubjectKind
from zhixin.ledger.models import Submission

from .conftest import rule


@pytest.fixture
def publish(session, now):
    def published(effective_from: str, total: int = 90, **changes):
        facts = {"title": "规则", "source": "某文件", "actor_id": None, "now": now}
        return policies.publish(
            session,
            effective_from=date.fromisoformat(effective_from),
            rule=rule(yearly_total=Decimal(total)),
            **(facts | changes),
        )

    return published


@pytest.mark.parametrize(
    ("on", "total"),
    [("2025-12-31", 90), ("2026-01-01", 100), ("2026-06-30", 100), ("2026-07-01", 120)],
)
def test_the_latest_effective_policy_is_in_force(session, publish, on, total):
    """From its effective date on, until the next one's."""
    publish("2016-01-01", 90)
    publish("2026-07-01", 120)
    publish("2026-01-01", 100)
    found = policies.in_force(session, date.fromisoformat(on))
    assert policies.rule(found).yearly_total == total


def test_the_newest_version_of_a_day_counts(session, publish):
    """A correction of the same effective date is a new version."""
    publish("2026-01-01", 90)
    publish("2026-01-01", 95)
    found = policies.in_force(session, date(2026, 1, 1))
    assert (found.version, policies.rule(found).yearly_total) == (2, 95)


def test_a_day_before_every_policy_has_none(session, publish):
    """Nothing is presumed: no number is the city's law by default."""
    publish("2026-01-01")
    with pytest.raises(NotFound, match="尚未发布"):
        policies.in_force(session, date(2025, 12, 31))


def test_a_published_policy_never_changes(session, publish):
    """The database refuses."""
    publish("2026-01-01")
    with pytest.raises(IntegrityError, match="policy is append-only"):
        session.execute(sa.update(Policy).values(title="别的"))


def test_publishing_is_entered_in_the_ledger(session, publish):
    """Anyone can see which rule was in force when."""
    published = publish("2026-01-01")
    (body,) = session.scalars(sa.select(Submission.body))
    entered = json.loads(body)
    assert entered["kind"] == "policy-published"
    assert entered["facts"]["rule"] == published.document


@pytest.mark.parametrize("changes", [{"title": " "}, {"source": ""}])
def test_a_policy_names_itself_and_its_source(publish, changes):
    """A number without a source is nobody's rule."""
    with pytest.raises(Invalid, match="名称和依据"):
        publish("2026-01-01", **changes)


def test_the_shipped_default_is_published_once(session, now):
    """On an empty installation only; an administrator's own is never overridden."""
    assert policies.ensure_shipped(session, now) is not None
    assert policies.ensure_shipped(session, now) is None
    found = policies.in_force(session, date(2016, 1, 1))
    shipped = policies.rule(found)
    assert shipped.yearly_total == 90
    assert shipped.yearly_minimums[SubjectKind.PROFESSIONAL] == 60
    assert "第 25 号" in found.source
    assert "示例" in found.source


@pytest.mark.parametrize("name", policies.SHIPPED)
def test_shipped_policies_are_valid_and_say_what_is_an_example(name):
    """Each can be published, and owns up to which numbers no regulation gives."""
    content = json.loads(policies.shipped(name))
    assert CreditRule.from_document(content["rule"]).minutes_per_hour == 45
    assert "示例" in content["source"]


def test_the_national_default_keeps_its_hash(session, now):
    """Installations published it long ago; what it means has not changed since."""
    found = policies.ensure_shipped(session, now)
    assert found.sha256 == "4fb6b0c4bb176af9fdbba41362911a10924ad7e66d2bd0f4eaf9299cdda870aa"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"title": "x"}',
        '{"title": 1, "source": 2, "effective_from": "2026-01-01", "rule": {}}',
        '{"title": "x", "source": "y", "effective_from": "soon", "rule": {}}',
        '{"title": "x", "source": "y", "effective_from": 2026, "rule": {}}',
        '{"title": "x", "source": "y", "effective_from": "2026-01-01", "rule": null}',
    ],
)
def test_a_file_that_is_no_policy_is_refused(session, now, text):
    """With a reason, and nothing published."""
    with pytest.raises(Invalid):
        policies.from_file(session, text, None, now)
    assert policies.history(session) == []


def test_a_policy_reads_back_from_its_file(session, now, publish):
    """What `policy show` prints can be edited and published again."""
    text = json.dumps(policies.to_file(publish("2026-01-01", 95)))
    again = policies.from_file(session, text, None, now)
    assert policies.rule(again).yearly_total == 95
