"""Verification for machines."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api, db
from zhixin.certificates import verification
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
    revocation_reason: str | None


@blueprint.get(
    "/certificates/<code>", summary="Verify a certificate", responses={200: VerdictOut}, security=[]
)
@access.public
def verify(path: CodePath) -> ResponseReturnValue:
    """The facts that were really certified under this code, and whether they stand."""
    verdict = verification.look_up(db.session(), path.code)
    if verdict is None:
        raise NotFound("没有与此查验码对应的证书")
    return VerdictOut.model_validate(verdict).model_dump(mode="json")
