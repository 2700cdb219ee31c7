"""A person's own certificates for machines."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api, db
from zhixin.certificates import credential, issuing
from zhixin.certificates.api import blueprint
from zhixin.certificates.models import Certificate, CertificateKind
from zhixin.certificates.views import credential_file, issuer, my_certificate

PAGE = 100


class PageQuery(api.Model):
    before: int | None = Field(
        default=None,
        ge=1,
        le=2**62,
        description="Only certificates with a smaller id: the next page",
    )


class CertificatePath(api.Model):
    certificate_id: int = Field(ge=1, le=2**62)


class CertificateOut(api.Model):
    id: int
    number: str
    kind: CertificateKind
    title: str
    year: int
    hours: str
    issued_at: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    page: str = Field(description="The public page, where anyone can check it")
    credential: bool = Field(description="Whether it has an Open Badges 3.0 credential")


class CertificatesOut(api.Model):
    """The newest first, at most 100; ask for more by ``before`` the last one's id."""

    certificates: list[CertificateOut]


@blueprint.get("/me/certificates", summary="My certificates", responses={200: CertificatesOut})
@access.signed_in
def my_certificates(query: PageQuery) -> ResponseReturnValue:
    """What was issued to me, revoked ones too."""
    wanted = sa.select(Certificate).where(Certificate.person_id == access.person().id)
    if query.before is not None:
        wanted = wanted.where(Certificate.id < query.before)
    found = db.session().scalars(wanted.order_by(Certificate.id.desc()).limit(PAGE))
    return CertificatesOut(certificates=[_out(each) for each in found]).model_dump(mode="json")


def _out(certificate: Certificate) -> CertificateOut:
    snapshot = issuing.contents(certificate)
    return CertificateOut(
        id=certificate.id,
        number=certificate.number,
        kind=CertificateKind(certificate.kind),
        title=credential.name(snapshot),
        year=certificate.year,
        hours=snapshot["facts"]["hours"],
        issued_at=certificate.issued_at,
        revoked_at=certificate.revoked_at,
        revocation_reason=certificate.revocation_reason,
        page=issuer().page(certificate.code),
        credential=certificate.core is not None,
    )


@blueprint.get(
    "/me/certificates/<int:certificate_id>/credential", summary="The credential of one of mine"
)
@access.signed_in
def my_credential(path: CertificatePath) -> ResponseReturnValue:
    """Open Badges 3.0; 409 `not-in-log-yet` in the seconds before the ledger has its entry."""
    document = credential_file(my_certificate(path.certificate_id))
    return Response(document, mimetype="application/vc")
