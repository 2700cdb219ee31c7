"""Credential files: made once the log has the entry, kept as they are, handed to their holder.

Each proves its entry under the newest tree head that witnesses have cosigned, with what they have
signed, if that head has the entry already; else under the newest one. Files that nobody has asked
for wait for witnesses a while; a holder never does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.certificates import credential
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CredentialFile
from zhixin.errors import Conflict, NotFound
from zhixin.ledger import checkpoint, log, witness
from zhixin.ledger.log import LogBroken
from zhixin.ledger.models import Entry, Submission, TreeHead

#: So long a file that nobody asks for waits for a cosigned head: witnesses come by every few minutes.
PATIENCE = timedelta(hours=1)


class NotInLogYet(Conflict):
    code = "not-in-log-yet"
    title = "证书正在写入账本，几秒后即可下载"


class NoCredential(NotFound):
    """The certificate is from before there were credentials."""

    code = "no-credential"
    title = "这份证书出具时还没有数字凭证，可重新出具后下载"


class OtherIssuer(Conflict):
    """The certificate names an issuer that this installation no longer is.

    Its identifier is made of the site's address: proved under another one, the file would be
    refused by everybody who reads it.
    """

    code = "other-issuer"
    title = "本站地址已更改，这份证书的数字凭证不能再签发，请重新出具证书"


def get(session: Session, certificate: Certificate, issuer: Issuer, now: datetime) -> str:
    """The credential file of ``certificate``, made now if nobody has asked before.

    Raises:
        NoCredential: it has none.
        NotInLogYet: the ledger does not have its entry yet.
        OtherIssuer: it was issued under another address of the site.
    """
    if certificate.core is None:
        raise NoCredential
    if (found := kept(session, certificate)) is not None:
        return found
    if json.loads(certificate.core)["issuer"]["id"] != issuer.key.did:
        raise OtherIssuer
    entry = session.scalar(
        sa.select(Entry)
        .join(Submission, Submission.entry_index == Entry.index)
        .where(Submission.id == certificate.submission_id)
    )
    heads = _Heads.of(session)
    if entry is None or heads is None:
        raise NotInLogYet
    size, note = heads.over(entry.index)
    path = log.inclusion(session, entry.index, size)
    made = _make(certificate.core, entry, _Proof(size, note, path), issuer, now)
    try:
        with session.begin_nested():
            session.add(CredentialFile(certificate_id=certificate.id, document=made, made_at=now))
    except IntegrityError:
        # Somebody else made it just now: the one that is kept is the one.
        return session.get_one(CredentialFile, certificate.id).document
    return made


def kept(session: Session, certificate: Certificate) -> str | None:
    """The file if it was made already."""
    found = session.get(CredentialFile, certificate.id)
    return None if found is None else found.document


def make_waiting(session: Session, issuer: Issuer, now: datetime, limit: int = 200) -> int:
    """Make the files of certificates that the log has by now; returns how many."""
    heads = _Heads.of(session)
    if heads is None:
        return 0
    waiting: Sequence[Any] = session.execute(
        sa.select(Certificate.id, Certificate.core, Entry)
        .join(Submission, Submission.id == Certificate.submission_id)
        .join(Entry, Entry.index == Submission.entry_index)
        .outerjoin(CredentialFile, CredentialFile.certificate_id == Certificate.id)
        .where(
            Certificate.core.is_not(None),
            CredentialFile.certificate_id.is_(None),
            Entry.index < heads.newest.size,
            *([_settled(heads, now)] if witness.active(session) else []),
            # Those of another address stay as they are; see OtherIssuer.
            Certificate.core.contains(f'"{issuer.key.did}"', autoescape=True),
        )
        .order_by(Certificate.id)
        .limit(limit)
    ).all()
    proofs = heads.prove(session, [row.Entry.index for row in waiting])
    rows = [
        {
            "certificate_id": row.id,
            "document": _make(row.core, row.Entry, proofs[row.Entry.index], issuer, now),
            "made_at": now,
        }
        for row in waiting
    ]
    if rows:
        session.execute(sa.insert(CredentialFile), rows)
    return len(rows)


@dataclass(frozen=True)
class _Proof:
    """That an entry is in the tree of ``size`` entries, whose signed head is ``note``."""

    size: int
    note: str
    path: list[bytes]


@dataclass(frozen=True)
class _Heads:
    """The heads that a file may prove its entry under, with their notes."""

    newest: TreeHead
    cosigned: TreeHead | None
    note: str  # of the cosigned one, with its cosignatures

    @classmethod
    def of(cls, session: Session) -> _Heads | None:
        newest, cosigned = log.head(session), witness.newest_cosigned(session)
        if newest is None:
            return None
        return cls(newest, cosigned, witness.cosigned_note(session, cosigned) if cosigned else "")

    def over(self, index: int) -> tuple[int, str]:
        """The size and the note to prove an entry under."""
        if self.cosigned is not None and index < self.cosigned.size:
            return self.cosigned.size, self.note
        return self.newest.size, self.newest.checkpoint

    def prove(self, session: Session, indexes: Iterable[int]) -> dict[int, _Proof]:
        """The proofs of many entries: one query for each head, however many they are.

        Raises:
            LogBroken: the tiles of one are missing.
        """
        under: dict[tuple[int, str], list[int]] = {}
        for index in indexes:
            under.setdefault(self.over(index), []).append(index)
        proofs: dict[int, _Proof] = {}
        for (size, note), those in under.items():
            paths = log.inclusions(session, those, size)
            if len(paths) < len(set(those)):
                raise LogBroken("账本缺少证明所需的哈希")
            proofs |= {index: _Proof(size, note, path) for index, path in paths.items()}
        return proofs


def _settled(heads: _Heads, now: datetime) -> sa.ColumnElement[bool]:
    """What a witness has cosigned, or has left alone for long enough."""
    size = heads.cosigned.size if heads.cosigned else 0
    return sa.or_(Entry.index < size, Entry.appended_at <= now - PATIENCE)


def _make(core: str, entry: Entry, proof: _Proof, issuer: Issuer, now: datetime) -> str:
    evidence = credential.evidence(
        issuer,
        origin=checkpoint.claimed(proof.note).origin,
        index=entry.index,
        size=proof.size,
        entry=entry.body,
        path=proof.path,
        checkpoint=proof.note,
    )
    document = credential.file(json.loads(core), evidence, issuer, now)
    return json.dumps(document, ensure_ascii=False, indent=1)
