"""Credential files: made once the log has the entry, kept as they are, handed to their holder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.certificates import credential
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate, CredentialFile
from zhixin.errors import Conflict, NotFound
from zhixin.ledger import checkpoint, log
from zhixin.ledger.models import Entry, Submission, TreeHead


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
    head = log.head(session)
    if entry is None or head is None:
        raise NotInLogYet
    made = _make(session, certificate.core, entry, head, issuer, now)
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
    head = log.head(session)
    if head is None:
        return 0
    waiting: Sequence[Any] = session.execute(
        sa.select(Certificate.id, Certificate.core, Entry)
        .join(Submission, Submission.id == Certificate.submission_id)
        .join(Entry, Entry.index == Submission.entry_index)
        .outerjoin(CredentialFile, CredentialFile.certificate_id == Certificate.id)
        .where(
            Certificate.core.is_not(None),
            CredentialFile.certificate_id.is_(None),
            Entry.index < head.size,
            # Those of another address stay as they are; see OtherIssuer.
            Certificate.core.contains(f'"{issuer.key.did}"', autoescape=True),
        )
        .order_by(Certificate.id)
        .limit(limit)
    ).all()
    rows = [
        {
            "certificate_id": row.id,
            "document": _make(session, row.core, row.Entry, head, issuer, now),
            "made_at": now,
        }
        for row in waiting
    ]
    if rows:
        session.execute(sa.insert(CredentialFile), rows)
    return len(rows)


def _make(
    session: Session, core: str, entry: Entry, head: TreeHead, issuer: Issuer, now: datetime
) -> str:
    evidence = credential.evidence(
        issuer,
        origin=checkpoint.Checkpoint.from_note_text(
            head.checkpoint.partition("\n\n")[0] + "\n"
        ).origin,
        index=entry.index,
        size=head.size,
        entry=entry.body,
        path=log.inclusion(session, entry.index, head.size),
        checkpoint=head.checkpoint,
    )
    document = credential.file(json.loads(core), evidence, issuer, now)
    return json.dumps(document, ensure_ascii=False, indent=1)
