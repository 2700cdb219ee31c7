"""Verification for machines."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api, clock, db
from zhixin.certificates import batch, check_views, verification
from zhixin.errors import NotFound

blueprint = api.api_blueprint("certificates", "证书查验")


class CodePath(api.Model):
    code: str = Field(description="证书上的查验码", max_length=64)


class VerdictOut(api.Model):
    """The live verdict; personal names are masked."""

    status: verification.Status
    code: str
    facts: dict[str, Any]
    sha256: str = Field(description="SHA-256 of the certificate's frozen snapshot")
    entry_index: int | None = Field(description="Place of its entry in the ledger")
    tree_size: int | None
    tree_root: str | None
    checkpoint: str | None = Field(
        description="The newest signed checkpoint; the entry was proved to be under it just now"
    )
    cosigned: str | None = Field(
        description="The newest checkpoint that witnesses have cosigned, if the entry is under it"
    )
    revocation_reason: str | None


@blueprint.get(
    "/certificates/<code>", summary="Verify a certificate", responses={200: VerdictOut}, security=[]
)
@access.public
def verify(path: CodePath) -> ResponseReturnValue:
    """The facts that were really certified under this code, and whether they stand."""
    check_views.spend_look_up()
    verdict = verification.look_up(db.session(), path.code)
    if verdict is None:
        raise NotFound("没有与此查验码对应的证书")
    return VerdictOut.model_validate(verdict).model_dump(mode="json")


class ClaimIn(api.Model):
    number: str = Field(max_length=32, examples=["ZX-2026-000001"])
    name: str = Field(max_length=64, description="The holder's full name")


class ClaimsIn(api.Model):
    certificates: list[ClaimIn] = Field(min_length=1, max_length=batch.MOST_ROWS)


class CheckedOut(api.Model):
    """``no-match``: no such certificate of that person; which of the two is wrong isn't told."""

    number: str
    status: str = Field(
        description="A verdict's status, `no-match`, or `incomplete` without number or name"
    )
    kind: str | None = None
    year: int | None = None
    hours: str | None = None
    issued_at: str | None = None


class ChecksOut(api.Model):
    """In the order of the request."""

    certificates: list[CheckedOut]


@blueprint.post(
    "/certificates/check", summary="Check many certificates", responses={200: ChecksOut}
)
@access.only(*batch.ROLES)
def check(body: ClaimsIn) -> ResponseReturnValue:
    """Numbers with full names, as on the papers; for employers, bureaus, auditors and
    administrators. Limits: see `docs/integrator/verify.md`."""
    asked = [(n, verification.Claim(c.number, c.name)) for n, c in enumerate(body.certificates, 1)]
    rows = batch.check(
        db.session(), asked, actor_id=access.person().id, address=request.remote_addr,
        now=clock.now(),
    )  # fmt: skip
    return ChecksOut(certificates=[_checked(row) for row in rows]).model_dump(mode="json")


def _checked(row: batch.Row) -> CheckedOut:
    facts = (row.answer.facts if row.answer else None) or {}
    told = {name: facts.get(name) for name in ("kind", "year", "hours", "issued_at")}
    return CheckedOut(number=row.claim.number, status=row.code, **told)
