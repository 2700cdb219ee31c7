"""Credit policies: which rules are in force on a day, and publishing new ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Invalid, NotFound
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind

#: One city, one area; a later issue brings more.
AREA = "city"

#: ``national`` is in force until an administrator publishes the city's own; ``example`` has
#: minimums for each kind, activities and caps to start from; the others express what is known of
#: the practice of a place. All but ``national`` are plainly examples.
SHIPPED = (
    "national",
    "example",
    "example-chengdu",
    "example-guangdong",
    "example-guangxi",
)


def in_force(session: Session, on: date, area: str = AREA) -> Policy:
    """The policy of a day: the latest to have become effective, in its newest version.

    Raises:
        NotFound: no policy covers that day.
    """
    found = find(session, on, area)
    if found is None:
        raise NotFound("尚未发布适用于该日期的学时规则，请联系管理员", code="no-policy")
    return found


def find(session: Session, on: date, area: str = AREA) -> Policy | None:
    """The policy of a day; None if there is none yet."""
    return session.scalar(
        sa.select(Policy)
        .where(Policy.area == area, Policy.effective_from <= on)
        .order_by(Policy.effective_from.desc(), Policy.version.desc())
        .limit(1)
    )


def rule(policy: Policy) -> CreditRule:
    """A policy's rules; published ones never change, so they are read once."""
    return _rule(policy.sha256, json.dumps(policy.document))


@lru_cache(maxsize=64)
def _rule(_sha256: str, document: str) -> CreditRule:
    return CreditRule.from_document(json.loads(document))


def publish(
    session: Session,
    *,
    title: str,
    source: str,
    effective_from: date,
    rule: CreditRule,
    actor_id: int | None,
    now: datetime,
    area: str = AREA,
) -> Policy:
    """Publish a policy; an earlier one of the same day stays, with a lower version."""
    if not title.strip() or not source.strip():
        raise Invalid("请填写规则名称和依据", code="source-needed")
    last = session.scalar(
        sa.select(sa.func.max(Policy.version)).where(
            Policy.area == area, Policy.effective_from == effective_from
        )
    )
    document = rule.to_document()
    policy = Policy(
        area=area,
        version=(last or 0) + 1,
        title=title.strip(),
        source=source.strip(),
        effective_from=effective_from,
        document=document,
        sha256=hashlib.sha256(rfc8785.dumps(document)).hexdigest(),
        published_by_id=actor_id,
        published_at=now,
    )
    session.add(policy)
    session.flush()
    log.submit(
        session,
        EntryKind.POLICY_PUBLISHED,
        f"policy:{policy.id}",
        {
            "area": area,
            "version": policy.version,
            "title": policy.title,
            "source": policy.source,
            "effective_from": effective_from.isoformat(),
            "rule": document,
        },
        now=now,
    )
    return policy


def history(session: Session, area: str = AREA) -> Sequence[Policy]:
    """All policies, the latest effective first."""
    return session.scalars(
        sa.select(Policy)
        .where(Policy.area == area)
        .order_by(Policy.effective_from.desc(), Policy.version.desc())
    ).all()


def from_file(session: Session, text: str, actor_id: int | None, now: datetime) -> Policy:
    """Publish the policy that a JSON file describes (see ``shipped/national.json``).

    Raises:
        Invalid: the file cannot be read as a policy; nothing was published.
    """
    try:
        content = json.loads(text)
        effective_from = date.fromisoformat(content["effective_from"])
        title, source, document = content["title"], content["source"], content["rule"]
    except KeyError as error:
        raise Invalid(f"规则文件缺少：{error.args[0]}", code="policy-file") from None
    except (ValueError, TypeError) as error:
        raise Invalid(f"规则文件无法读取：{error}", code="policy-file") from None
    if not isinstance(title, str) or not isinstance(source, str):
        raise Invalid("规则文件中的名称和依据应为文字", code="policy-file")
    return publish(
        session,
        title=title,
        source=source,
        effective_from=effective_from,
        rule=CreditRule.from_document(document),
        actor_id=actor_id,
        now=now,
    )


def to_file(policy: Policy) -> dict[str, object]:
    """What ``from_file`` reads back; the version is for people."""
    return {
        "title": policy.title,
        "source": policy.source,
        "effective_from": policy.effective_from.isoformat(),
        "version": policy.version,
        "rule": policy.document,
    }


def shipped(name: str) -> str:
    """A policy file that comes with the program; see ``SHIPPED``."""
    return files("zhixin.hours").joinpath(f"shipped/{name}.json").read_text("utf-8")


def ensure_shipped(session: Session, now: datetime) -> Policy | None:
    """Publish the national default where no policy exists at all; the policy if it did."""
    if session.scalar(sa.select(Policy.id).limit(1)) is not None:
        return None
    return from_file(session, shipped("national"), None, now)
