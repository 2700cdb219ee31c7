"""An award's evidence for a page: the auditor's and the learner's show the same picture."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from zhixin.audit import timeline
from zhixin.hours import evidence
from zhixin.hours.models import Award


def of(session: Session, award: Award) -> dict[str, Any]:
    """What ``templates/audit/source/_<kind>.html`` needs, or ``_plain.html`` where there is none."""
    document = evidence.load(session, award.evidence_sha256)
    watched = isinstance(document.get("watching"), dict)
    return {
        "evidence": document,
        "source_page": [f"audit/source/_{award.source_kind}.html", "audit/source/_plain.html"],
        "lanes": timeline.lanes(document, timeline.devices(session, document)) if watched else [],
        "picture": timeline.picture,
        "spans": timeline.spans,
    }
