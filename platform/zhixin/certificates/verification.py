"""What the platform says of a certificate: to a stranger by its code, in bulk by number and name.

A code is 98 random bits: whoever has it holds the paper. A number can be counted up, so it is
never enough: with the right full name it gets a verdict, and every other answer is the same.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.certificates import rendering
from zhixin.certificates.issuing import CODE_ALPHABET, CODE_LENGTH, contents
from zhixin.certificates.models import Certificate
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.ledger import log, merkle, witness
from zhixin.ledger.models import Entry, Submission, TreeHead

#: So many rows are asked of the database at once.
_AT_ONCE = 500
T = TypeVar("T")


class Status(StrEnum):
    GENUINE = "genuine"
    WAITING = "waiting"  # issued; the ledger takes it in within seconds
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"  # hours it stands on were reversed or corrected since
    ALTERED = "altered"  # our own record no longer matches the ledger


@dataclass(frozen=True)
class Verdict:
    """The live answer. ``facts`` are masked; ``entry_index`` is the place in the log.

    ``checkpoint``: the newest signed one, under which the entry was proved to be just now;
    ``cosigned``: the newest that witnesses have cosigned, if the entry is under it, too.
    """

    status: Status
    code: str
    facts: dict[str, Any]
    sha256: str
    entry_index: int | None
    tree_size: int | None
    tree_root: str | None
    checkpoint: str | None
    cosigned: str | None
    revoked_at: datetime | None
    revocation_reason: str | None


def normalise(code: str) -> str:
    """A code as typed from paper: spaces, dashes and case do not matter."""
    return "".join(c for c in code.upper() if c in CODE_ALPHABET)


def look_up(session: Session, code: str) -> Verdict | None:
    """The verdict on ``code``; None if no certificate has it."""
    code = normalise(code)
    if len(code) != CODE_LENGTH:
        return None
    row = session.execute(_WITH_ENTRY.where(Certificate.code == code)).one_or_none()
    if row is None:
        return None
    certificate, entry = row
    head = log.head(session)
    (status,) = _statuses(session, [(certificate, entry)], head)
    return Verdict(
        status=status,
        code=code,
        facts=rendering.public_facts(contents(certificate)),
        sha256=certificate.sha256,
        entry_index=entry.index if entry else None,
        tree_size=head.size if head else None,
        tree_root=head.root.hex() if head else None,
        checkpoint=head.checkpoint if head else None,
        cosigned=_cosigned(session, entry),
        revoked_at=certificate.revoked_at,
        revocation_reason=certificate.revocation_reason,
    )


_WITH_ENTRY = (
    sa.select(Certificate, Entry)
    .join(Submission, Submission.id == Certificate.submission_id)
    .outerjoin(Entry, Entry.index == Submission.entry_index)
)


def _included(session: Session, entries: Sequence[Entry], head: TreeHead | None) -> set[int]:
    """Which entries, as they read now, are where the newest tree head says they are."""
    if head is None:
        return set()
    there = [entry for entry in entries if 0 <= entry.index < head.size]
    paths = log.inclusions(session, [entry.index for entry in there], head.size)
    return {entry.index for entry in there if _leads_to(head, entry, paths.get(entry.index))}


def _cosigned(session: Session, entry: Entry | None) -> str | None:
    head = witness.newest_cosigned(session) if entry is not None else None
    if head is None or entry is None or not _included(session, [entry], head):
        return None
    return witness.cosigned_note(session, head)


def _leads_to(head: TreeHead, entry: Entry, path: Sequence[bytes] | None) -> bool:
    if path is None:  # tiles that it would be made of are missing
        return False
    leaf = merkle.leaf_hash(entry.body.encode())
    try:
        merkle.verify_inclusion(entry.index, head.size, leaf, path, head.root)
    except merkle.ProofError:
        return False
    return True


def _statuses(
    session: Session, rows: Sequence[tuple[Certificate, Entry | None]], head: TreeHead | None
) -> Iterator[Status]:
    """Where each certificate stands under ``head``, in a few queries for all."""
    ids = {certificate.id: _awards(certificate) for certificate, _entry in rows}
    recorded: set[int] = set()
    for some in _in_parts(sorted({award for awards in ids.values() for award in awards})):
        recorded.update(
            session.scalars(
                sa.select(Award.id).where(Award.id.in_(some), Award.state == State.RECORDED)
            )
        )
    included = _included(session, [entry for _each, entry in rows if entry is not None], head)
    for certificate, entry in rows:
        if _differs(certificate, entry, included):
            yield Status.ALTERED
        elif certificate.revoked_at is not None:
            yield Status.REVOKED
        elif not recorded.issuperset(ids[certificate.id]):
            yield Status.WITHDRAWN
        else:
            yield Status.WAITING if entry is None else Status.GENUINE


def _differs(certificate: Certificate, entry: Entry | None, included: set[int]) -> bool:
    """Whether our record of a certificate is not what the log has of it."""
    if hashlib.sha256(certificate.snapshot.encode()).hexdigest() != certificate.sha256:
        return True
    if entry is None:
        return False  # it waits for the ledger
    return entry.index not in included or (
        json.loads(entry.body)["facts"]["sha256"] != certificate.sha256
    )


def _awards(certificate: Certificate) -> list[int]:
    awards: list[int] = contents(certificate)["facts"]["awards"]
    return awards


@dataclass(frozen=True)
class Claim:
    """What somebody says: this number was issued to this person."""

    number: str
    name: str


@dataclass(frozen=True)
class Checked:
    """The answer to a claim. No status: there is no such certificate of that person, which of
    the two is wrong is not told."""

    claim: Claim
    status: Status | None
    facts: Mapping[str, Any] | None
    revoked_at: datetime | None = None


def check(session: Session, claims: Sequence[Claim]) -> Iterator[Checked]:
    """The verdict on each claim, in their order and in a bounded number of queries."""
    for some in _in_parts(claims):
        numbers = {claim.number.strip().upper() for claim in some}
        rows = [
            (certificate, entry)
            for certificate, entry in session.execute(
                _WITH_ENTRY.where(Certificate.number.in_(numbers))
            )
        ]
        # The head is read after the entries: it covers each of them.
        statuses = _statuses(session, rows, log.head(session))
        found = {
            certificate.number: (certificate, contents(certificate), status)
            for (certificate, _entry), status in zip(rows, statuses, strict=True)
        }
        for claim in some:
            yield _answer(claim, found.get(claim.number.strip().upper()))


def _in_parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _answer(claim: Claim, found: tuple[Certificate, dict[str, Any], Status] | None) -> Checked:
    if found is None or not same_name(claim.name, found[1]["person"]["name"]):
        return Checked(claim, None, None)
    certificate, snapshot, status = found
    facts = rendering.public_facts(snapshot)
    return Checked(claim, status, facts, certificate.revoked_at)


def same_name(typed: str, name: str) -> bool:
    """Whether two spellings are of one name: spaces, width, case and the kind of ``·`` do not
    matter; an empty name is nobody's."""
    return bool(_plain(typed)) and _plain(typed) == _plain(name)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join("·" if c in "·•・‧∙⋅．." else c for c in folded if not c.isspace())
