"""Witnesses of this log: whom we know, what they have cosigned, and the notes that show it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.ledger import checkpoint, cosignature
from zhixin.ledger.checkpoint import COSIGNATURE, NoteError, Verifier
from zhixin.ledger.cosignature import Cosigned
from zhixin.ledger.models import Cosignature, TreeHead, Witness

#: Clocks differ; a cosignature from further in the future is not believed.
_AHEAD = timedelta(minutes=5)


def add(session: Session, verifier_key: str, now: datetime) -> Witness:
    """Know a witness from now on; one that was retired comes back.

    Raises:
        Invalid: it is not a witness's key.
    """
    try:
        verifier = Verifier.parse(verifier_key.strip(), COSIGNATURE)
    except NoteError as error:
        raise Invalid(f"不是见证人的公钥（C2SP vkey，类型 0x04）：{error}") from None
    known = session.scalar(sa.select(Witness).where(Witness.verifier_key == str(verifier)))
    if known is None:
        known = Witness(name=verifier.name, verifier_key=str(verifier), added_at=now)
        session.add(known)
    known.retired_at = None
    session.flush()
    return known


def retire(session: Session, name_or_key: str, now: datetime) -> Witness:
    """Take no more cosignatures of a witness; what it has cosigned stays.

    Raises:
        NotFound: there is none of that name or key.
        Conflict: there are several of that name.
    """
    named = sa.or_(Witness.name == name_or_key, Witness.verifier_key == name_or_key)
    found = session.scalars(sa.select(Witness).where(named, Witness.retired_at.is_(None))).all()
    if not found:
        raise NotFound(f"没有名为 {name_or_key} 的见证人")
    if len(found) > 1:
        raise Conflict("有几位同名的见证人，请用完整的公钥指明")
    found[0].retired_at = now
    session.flush()
    return found[0]


def active(session: Session) -> list[Witness]:
    """Those whose cosignatures are taken, oldest first."""
    rows = sa.select(Witness).where(Witness.retired_at.is_(None)).order_by(Witness.id)
    return list(session.scalars(rows))


def accept(session: Session, note: str, now: datetime) -> list[Witness]:
    """Keep the cosignatures of known witnesses on a checkpoint of ours.

    A second one of the same witness on the same checkpoint changes nothing.

    Returns:
        The witnesses whose cosignature is on it.

    Raises:
        NotFound: we have signed no such checkpoint.
        Invalid: none of its signatures is a known witness's, or one of them does not hold.
    """
    try:
        claimed = checkpoint.claimed(note)
        head = session.get(TreeHead, claimed.size)
        if head is None or checkpoint.claimed(head.checkpoint) != claimed:
            raise NotFound("本账本没有签署过这个树头")
        witnesses = {row.verifier_key: row for row in active(session)}
        verifiers = [Verifier.parse(key, COSIGNATURE) for key in witnesses]
        found = cosignature.read(note, verifiers)
    except NoteError as error:
        raise Invalid(f"联署无效：{error}", code="cosignature-refused") from None
    if not found:
        raise Invalid("没有已登记的见证人的联署", code="cosignature-refused")
    if any(each.at > now + _AHEAD for each in found):
        raise Invalid("联署的时间在未来", code="cosignature-refused")
    for each in found:
        _keep(session, claimed.size, witnesses[str(each.verifier)], each, now)
    return [witnesses[str(each.verifier)] for each in found]


def _keep(session: Session, size: int, witness: Witness, found: Cosigned, now: datetime) -> None:
    if session.get(Cosignature, (size, witness.id)) is not None:
        return
    # The same may be sent twice at once: the one that is kept is the one.
    with suppress(IntegrityError), session.begin_nested():
        session.add(
            Cosignature(
                size=size,
                witness_id=witness.id,
                line=found.line,
                cosigned_at=found.at,
                received_at=now,
            )
        )


def cosigned_note(session: Session, head: TreeHead) -> str:
    """The head's signed note with the cosignatures that it has."""
    rows = sa.select(Cosignature.line).where(Cosignature.size == head.size)
    return head.checkpoint + "".join(session.scalars(rows.order_by(Cosignature.witness_id)))


def newest_cosigned(session: Session) -> TreeHead | None:
    """The newest head that a witness has cosigned; None if there is none."""
    cosigned = sa.select(sa.func.max(Cosignature.size)).scalar_subquery()
    return session.scalar(sa.select(TreeHead).where(TreeHead.size == cosigned))


def head_at(session: Session, size: int) -> TreeHead:
    """The signed head of exactly that size.

    Raises:
        NotFound: none was signed.
    """
    head = session.get(TreeHead, size)
    if head is None:
        raise NotFound(f"没有条数为 {size} 的签名树头")
    return head


@dataclass(frozen=True)
class Standing:
    """A witness and the largest head that it has cosigned."""

    witness: Witness
    size: int | None
    at: datetime | None


def standings(session: Session) -> list[Standing]:
    """Every active witness and how far it has followed."""
    largest = (
        sa.select(Cosignature.witness_id, sa.func.max(Cosignature.size).label("size"))
        .group_by(Cosignature.witness_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(Witness, Cosignature.size, Cosignature.cosigned_at)
        .outerjoin(largest, largest.c.witness_id == Witness.id)
        .outerjoin(
            Cosignature,
            sa.and_(Cosignature.witness_id == Witness.id, Cosignature.size == largest.c.size),
        )
        .where(Witness.retired_at.is_(None))
        .order_by(Witness.id)
    )
    return [Standing(*row) for row in rows]
