"""Credit policies: which rules are in force on a day, and publishing new ones."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Invalid, NotFound
from zhixin.hours import areas
from zhixin.hours.models import Policy, PolicyDraft
from zhixin.hours.rules import CreditRule
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind

MOST_TITLE, MOST_SOURCE = 200, 4000

#: ``national`` is in force until an administrator publishes the city's own; ``example`` has
#: minimums for each kind, activities and caps to start from; the others express what is known of
#: the practice of a place. All but ``national`` are plainly examples.
SHIPPED = (
    "national",
    "example",
    "example-chengdu",
    "example-guangdong",
    "example-guangxi",
    "example-hubei",
    "example-xizang",
)


_NONE = "尚未发布适用于该日期的学时规则，请联系管理员"


def in_force(session: Session, on: date, area: str = areas.CITY) -> Policy:
    """The policy of a day: the latest to have become effective, in its newest version.

    Raises:
        NotFound: no policy covers that day.
    """
    found = find(session, on, area)
    if found is None:
        raise NotFound(_NONE, code="no-policy")
    return found


def find(session: Session, on: date, area: str = areas.CITY) -> Policy | None:
    """The policy of a day; None if there is none yet."""
    return session.scalar(
        sa.select(Policy)
        .where(Policy.area == area, Policy.effective_from <= on)
        .order_by(Policy.effective_from.desc(), Policy.version.desc())
        .limit(1)
    )


def of_person(session: Session, person_id: int, on: date) -> Policy:
    """The policy of a day for a person: of the nearest area that has one in force.

    Raises:
        NotFound: no policy covers that day.
    """
    if (found := find_of_person(session, person_id, on)) is None:
        raise NotFound(_NONE, code="no-policy")
    return found


def find_of_person(session: Session, person_id: int, on: date) -> Policy | None:
    """The policy of a day for a person; None if there is none yet. One query."""
    over = areas.above(person_id)
    return session.scalar(
        sa.select(Policy)
        .outerjoin(over, over.c.area == Policy.area)
        .where(
            Policy.effective_from <= on,
            sa.or_(Policy.area == areas.CITY, over.c.area.is_not(None)),
        )
        .order_by(
            over.c.depth.is_(None),  # the city comes last
            over.c.depth,
            Policy.effective_from.desc(),
            Policy.version.desc(),
        )
        .limit(1)
    )


def of_areas(session: Session, on: date) -> dict[str, Policy]:
    """The policy in force on a day in each area that has one."""
    found = session.scalars(
        sa.select(Policy)
        .where(Policy.effective_from <= on)
        .order_by(Policy.effective_from, Policy.version)
    )
    return {policy.area: policy for policy in found}


def rule(policy: Policy) -> CreditRule:
    """A policy's rules; published ones never change, so they are read once."""
    return _rule(policy.sha256, json.dumps(policy.document))


def rule_of(draft: PolicyDraft) -> CreditRule:
    """A draft's rules."""
    return CreditRule.from_document(draft.document)


@lru_cache(maxsize=64)
def _rule(_sha256: str, document: str) -> CreditRule:
    return CreditRule.from_document(json.loads(document))


def named(title: str, source: str) -> tuple[str, str]:
    """A policy's name and source, trimmed.

    Raises:
        Invalid: one of them is missing, too long, or holds what nobody can see.
    """
    title, source = title.strip(), source.strip()
    if not title or not source:
        raise Invalid("请填写规则名称和依据", code="source-needed")
    unseen = any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\r\n\t" for c in source)
    if len(title) > MOST_TITLE or len(source) > MOST_SOURCE or unseen or not title.isprintable():
        raise Invalid("规则名称或依据过长，或含有控制字符", code="source-needed")
    return title, source


def publish(
    session: Session,
    *,
    title: str,
    source: str,
    effective_from: date,
    rule: CreditRule,
    actor_id: int | None,
    now: datetime,
    area: str = areas.CITY,
) -> Policy:
    """Publish a policy; an earlier one of the same day stays, with a lower version."""
    title, source = named(title, source)
    last = session.scalar(
        sa.select(sa.func.max(Policy.version)).where(
            Policy.area == area, Policy.effective_from == effective_from
        )
    )
    document = rule.to_document()
    policy = Policy(
        area=area,
        version=(last or 0) + 1,
        title=title,
        source=source,
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


def history(session: Session, area: str | None = None) -> Sequence[Policy]:
    """All policies, or those of an area, the latest effective first."""
    found = sa.select(Policy).order_by(Policy.effective_from.desc(), Policy.version.desc())
    return session.scalars(found if area is None else found.where(Policy.area == area)).all()


@dataclass(frozen=True)
class Content:
    """What a policy says, published or not."""

    title: str
    source: str
    effective_from: date
    rule: CreditRule


def read(text: str) -> Content:
    """What a JSON file says (see ``shipped/national.json``).

    Raises:
        Invalid: the file cannot be read as a policy.
    """
    try:
        content = json.loads(text)
        effective_from = date.fromisoformat(content["effective_from"])
        title, source, document = content["title"], content["source"], content["rule"]
    except KeyError as error:
        raise Invalid(f"规则文件缺少：{error.args[0]}", code="policy-file") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"规则文件无法读取：{error}", code="policy-file") from None
    if not isinstance(title, str) or not isinstance(source, str):
        raise Invalid("规则文件中的名称和依据应为文字", code="policy-file")
    return Content(*named(title, source), effective_from, CreditRule.from_document(document))


def from_file(session: Session, text: str, actor_id: int | None, now: datetime) -> Policy:
    """Publish for the city what a JSON file says.

    Raises:
        Invalid: the file cannot be read as a policy; nothing was published.
    """
    content = read(text)
    return publish(
        session,
        title=content.title,
        source=content.source,
        effective_from=content.effective_from,
        rule=content.rule,
        actor_id=actor_id,
        now=now,
    )


def to_file(policy: Policy | PolicyDraft) -> dict[str, object]:
    """What ``read`` reads back; a published policy's version is for people."""
    version = {"version": policy.version} if isinstance(policy, Policy) else {}
    return {
        "title": policy.title,
        "source": policy.source,
        "effective_from": policy.effective_from.isoformat(),
        **version,
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
