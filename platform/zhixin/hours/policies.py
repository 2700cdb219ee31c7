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


def in_force(session: Session, on: date, area: str = AREA) -> Policy:
    """The policy of a day: the latest to have become effective, in its newest version.

    Raises:
        NotFound: no policy covers that day.
    """
    found = session.scalar(
        sa.select(Policy)
        .where(Policy.area == area, Policy.effective_from <= on)
        .order_by(Policy.effective_from.desc(), Policy.version.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound("尚未发布适用于该日期的学时规则，请联系管理员", code="no-policy")
    return found


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
    """Publish the policy that a JSON file describes (see ``shipped/national.json``)."""
    try:
        content = json.loads(text)
        effective_from = date.fromisoformat(content["effective_from"])
        title, source, document = content["title"], content["source"], content["rule"]
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"规则文件无法读取：{error}", code="policy-file") from None
    return publish(
        session,
        title=title,
        source=source,
        effective_from=effective_from,
        rule=CreditRule.from_document(document),
        actor_id=actor_id,
        now=now,
    )


def ensure_shipped(session: Session, now: datetime) -> None:
    """Publish the shipped default where no policy exists at all."""
    if session.scalar(sa.select(Policy.id).limit(1)) is None:
        text = files("zhixin.hours").joinpath("shipped/national.json").read_text()
        from_file(session, text, None, now)
