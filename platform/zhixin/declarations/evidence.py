"""What an award for a declaration stands on: plain JSON, people by their ids alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from zhixin.declarations.drafting import Worth
from zhixin.declarations.likeness import Alike
from zhixin.declarations.models import Declaration, DeclarationStep, Proof
from zhixin.hours.models import Policy

#: The form of the document; ``source`` tells it from a course's.
FORM = 1


def facts(declaration: Declaration, files: Sequence[Proof], worth: Worth) -> dict[str, Any]:
    """What is submitted, for the step that submits it."""
    return {
        "activity": {"code": declaration.activity, "name": declaration.activity_name},
        "unit": declaration.unit,
        "amount": str(declaration.amount),
        "subject_kind": str(declaration.subject_kind),
        "title": declaration.title,
        "organiser": declaration.organiser,
        "starts_on": declaration.starts_on.isoformat(),
        "ends_on": declaration.ends_on.isoformat(),
        "note": declaration.note,
        "hours": str(worth.hours),
        "policy": worth.policy.sha256,
        "proofs": [_proof(file) for file in files],
    }


def _proof(file: Proof) -> dict[str, Any]:
    return {
        "id": file.id,
        "sha256": file.sha256,
        "sent_sha256": file.sent_sha256,
        "media_type": file.media_type,
        "bytes": file.bytes,
    }


def document(
    session: Session,
    declaration: Declaration,
    files: Sequence[Proof],
    steps: Sequence[DeclarationStep],
    alike: Alike,
) -> dict[str, Any]:
    """The evidence: facts, files, every step with its reason, and what looked alike."""
    policy = session.get_one(Policy, declaration.policy_id)
    return {
        "source": "declaration",
        "form": FORM,
        "person_id": declaration.person_id,
        "declaration": {
            "id": declaration.id,
            "activity": {"code": declaration.activity, "name": declaration.activity_name},
            "unit": declaration.unit,
            "amount": str(declaration.amount),
            "subject_kind": str(declaration.subject_kind),
            "title": declaration.title,
            "organiser": declaration.organiser,
            "starts_on": declaration.starts_on.isoformat(),
            "ends_on": declaration.ends_on.isoformat(),
            "note": declaration.note,
            "employer_id": declaration.employer_id,
        },
        "policy": {
            "id": policy.id,
            "title": policy.title,
            "version": policy.version,
            "sha256": policy.sha256,
        },
        "proofs": [_proof(file) for file in files],
        "steps": [_step(step) for step in steps],
        "alike": {
            "declarations": sorted(alike.overlapping),
            "proofs_of": sorted(alike.reusing),
            "awards": sorted(award.id for award in alike.awards),
        },
        "hours": str(declaration.hours),
    }


def _step(step: DeclarationStep) -> dict[str, Any]:
    return {
        "number": step.number,
        "at": step.at.isoformat(),
        "desk": str(step.desk),
        "actor_id": step.actor_id,
        "transition": str(step.transition),
        "reason": step.reason,
        "words": step.words,
        "due_on": step.due_on.isoformat() if step.due_on else None,
    }
