"""The canonical record that an award stands on: RFC 8785 JSON, named by its SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zhixin.errors import NotFound
from zhixin.hours.models import Evidence


def keep(session: Session, document: Mapping[str, Any], now: datetime) -> str:
    """Store ``document``; returns its SHA-256. The same document is stored once.

    Raises:
        rfc8785.CanonicalizationError: not JSON (NaN, integers beyond 2**53, other types).
    """
    canonical = rfc8785.dumps(dict(document))
    sha256 = hashlib.sha256(canonical).hexdigest()
    if session.get(Evidence, sha256) is None:
        try:
            with session.begin_nested():
                session.add(Evidence(sha256=sha256, document=canonical.decode(), created_at=now))
        except IntegrityError:
            pass  # somebody else kept the same document just now: it is the same
    return sha256


def load(session: Session, sha256: str) -> dict[str, Any]:
    """The document of that name.

    Raises:
        NotFound: there is none, or it is no longer what its name says.
    """
    found = session.get(Evidence, sha256)
    if found is None or hashlib.sha256(found.document.encode()).hexdigest() != sha256:
        raise NotFound("证据记录缺失或已损坏", code="evidence-missing")
    document: dict[str, Any] = json.loads(found.document)
    return document
