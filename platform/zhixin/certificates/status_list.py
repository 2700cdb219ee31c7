"""Bitstring Status Lists (W3C): which credentials are revoked, without telling whose they are.

The list is a pure function of what is revoked: its moment is that of the last revocation, and
Ed25519 signs the same twice alike. So it needs no store, and its ETag changes exactly when
something is revoked.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.certificates import data_integrity
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate
from zhixin.certificates.numbering import STATUS_LENGTH
from zhixin.errors import NotFound

#: For how long a reader may keep a list, in milliseconds.
TTL_MS = 300_000


def of(session: Session, number: int, issuer: Issuer) -> str:
    """The signed status list ``number``, in one query.

    Raises:
        NotFound: no certificate is in that list.
    """
    first, rows = _revoked(session, number)
    if first is None:
        raise NotFound
    indexes = tuple(sorted(index for index, _moment in rows))
    moment = max((moment for _index, moment in rows), default=first)
    return _signed(number, indexes, moment, issuer)


def _revoked(
    session: Session, number: int
) -> tuple[datetime | None, Sequence[tuple[int, datetime]]]:
    """When the list began, and what of it is revoked since when."""
    began = (
        sa.select(sa.func.min(Certificate.issued_at))
        .where(Certificate.status_list == number)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(began.label("began"), Certificate.status_index, Certificate.revoked_at)
        .select_from(sa.select(sa.literal(1).label("one")).subquery())
        .outerjoin(
            Certificate,
            sa.and_(Certificate.status_list == number, Certificate.revoked_at.is_not(None)),
        )
    ).all()
    return rows[0].began, [
        (row.status_index, row.revoked_at) for row in rows if row.status_index is not None
    ]


@lru_cache(maxsize=32)
def _signed(number: int, indexes: tuple[int, ...], moment: datetime, issuer: Issuer) -> str:
    url = issuer.status_list(number)
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.key.did,
        "validFrom": data_integrity.timestamp(moment),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encode(indexes),
            "ttl": TTL_MS,
        },
    }
    signed = data_integrity.sign(
        document,
        issuer.key.private_key,
        verification_method=issuer.key.verification_method,
        created=moment,
    )
    return json.dumps(signed, ensure_ascii=False)


def encode(indexes: Iterable[int]) -> str:
    """The bits as multibase base64url of GZIP; the first bit is the left-most (section 3.3)."""
    bits = bytearray(STATUS_LENGTH // 8)
    for index in indexes:
        bits[index // 8] |= 0x80 >> index % 8
    packed = gzip.compress(bytes(bits), mtime=0)
    return "u" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(encoded: str) -> bytes:
    """The bits of an ``encodedList``."""
    packed = encoded[1:] + "=" * (-len(encoded[1:]) % 4)
    return gzip.decompress(base64.urlsafe_b64decode(packed))
