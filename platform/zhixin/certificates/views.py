"""A learner's certificates, and what their credentials point at."""

from __future__ import annotations

import hashlib
import io
import json

import sqlalchemy as sa
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from limits import RateLimitItemPerDay

from zhixin import access, clock, db, rates
from zhixin.certificates import credential, files, issuing, pack, rendering, status_list
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate
from zhixin.errors import NotFound
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.people.models import Role

blueprint = Blueprint("certificates", __name__)
#: For how long a status list may be kept by whoever fetched it, in seconds.
STATUS_MAX_AGE = 60
#: Evidence packs for one person: each reads a year's evidence and draws a PDF.
PACKS = RateLimitItemPerDay(20, namespace="packs")


def issuer() -> Issuer:
    """This installation as issuer."""
    return Issuer.of(current_app.extensions["settings"])


@blueprint.get("/my/certificates")
@access.only(Role.LEARNER)
def mine() -> ResponseReturnValue:
    """What was issued to me, and what could be."""
    session, person = db.session(), access.person()
    issued = session.scalars(
        sa.select(Certificate)
        .where(Certificate.person_id == person.id)
        .order_by(Certificate.id.desc())
    ).all()
    recorded = session.scalars(
        sa.select(Award)
        .where(Award.person_id == person.id, Award.state == State.RECORDED)
        .order_by(Award.earned_at.desc())
    ).all()
    held = {c.subject_key for c in issued if c.revoked_at is None}
    years = sorted({award.year for award in recorded}, reverse=True)
    return render_template(
        "certificates/mine.html",
        issued=[(c, issuing.contents(c)) for c in issued],
        title=credential.name,
        awards=[
            award
            for award in recorded
            if award.source_kind in issuing.OF_SOURCE and f"award:{award.id}" not in held
        ],
        years=years,
        extracts=[(last - issuing.EXTRACT_YEARS + 1, last) for last in years[:2]],
    )


@blueprint.post("/my/awards/<int:award_id>/certificate")
@access.only(Role.LEARNER)
def issue_course(award_id: int) -> ResponseReturnValue:
    """Issue (or find again) the certificate of one award."""
    issuing.issue_course(
        db.session(), award_id, access.person().id, issuer=issuer(), now=clock.now()
    )
    return _issued(_("证书已出具，可以下载 PDF"))


@blueprint.post("/my/year/<int:year>/certificate")
@access.only(Role.LEARNER)
def issue_annual(year: int) -> ResponseReturnValue:
    """Issue (or find again) the statement of a year."""
    issuing.issue_annual(db.session(), access.person().id, year, issuer=issuer(), now=clock.now())
    return _issued(_("学时证明已出具，可以下载 PDF"))


@blueprint.post("/my/extract/<int:last>/certificate")
@access.only(Role.LEARNER)
def issue_extract(last: int) -> ResponseReturnValue:
    """Issue (or find again) the extract of five years up to ``last``."""
    issuing.issue_extract(db.session(), access.person().id, last, issuer=issuer(), now=clock.now())
    return _issued(_("学时汇总已出具，可以下载 PDF"))


def _issued(text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("certificates.mine"), 303)


def my_certificate(certificate_id: int) -> Certificate:
    """One of the signed-in person's certificates.

    Raises:
        NotFound: no such certificate, or another person's.
    """
    certificate = db.session().get(Certificate, certificate_id)
    if certificate is None or certificate.person_id != access.person().id:
        raise NotFound
    return certificate


def credential_file(certificate: Certificate) -> str:
    """Its credential file. Made at the first download, in a transaction of its own: this request
    only reads.

    Raises:
        NoCredential, NotInLogYet: see ``files.get``.
    """
    if (kept := files.kept(db.session(), certificate)) is not None:
        return kept
    with db.database().transaction() as session:
        return files.get(session, certificate, issuer(), clock.now())


@blueprint.get("/my/certificates/<int:certificate_id>.pdf")
@access.only(Role.LEARNER)
def pdf(certificate_id: int) -> ResponseReturnValue:
    """One of my certificates as PDF, with its credential attached once there is one."""
    certificate = my_certificate(certificate_id)
    try:
        attached = credential_file(certificate)
    except (files.NoCredential, files.NotInLogYet):
        attached = None
    made = rendering.pdf(
        issuing.contents(certificate),
        address=issuer().page(certificate.code),
        credential=attached,
    )
    return send_file(
        io.BytesIO(made),
        "application/pdf",
        download_name=f"{certificate.number}.pdf",
        as_attachment=True,
    )


@blueprint.get("/my/certificates/<int:certificate_id>.json", endpoint="credential")
@access.only(Role.LEARNER)
def download_credential(certificate_id: int) -> ResponseReturnValue:
    """The credential of one of my certificates: Open Badges 3.0."""
    certificate = my_certificate(certificate_id)
    return send_file(
        io.BytesIO(credential_file(certificate).encode()),
        "application/vc",
        download_name=f"{certificate.number}.json",
        as_attachment=True,
    )


@blueprint.post("/my/certificates/<int:certificate_id>/pack")
@access.only(Role.LEARNER)
@db.short_transactions
def evidence_pack(certificate_id: int) -> ResponseReturnValue:
    """All that one of my certificates stands on, in one signed archive."""
    certificate = my_certificate(certificate_id)
    rates.spend(PACKS, certificate.person_id)
    made = pack.build(db.session(), certificate, credential_file(certificate), issuer())
    return send_file(
        io.BytesIO(made),
        "application/zip",
        download_name=f"{certificate.number}.zip",
        as_attachment=True,
    )


@blueprint.get("/credentials/status/<int:number>")
@access.public
def status(number: int) -> ResponseReturnValue:
    """Which credentials of one list are revoked: a Bitstring Status List credential."""
    answer = Response(status_list.of(db.session(), number, issuer()), mimetype="application/vc")
    return _cacheable(answer, STATUS_MAX_AGE)


@blueprint.get("/credentials/context/v1")
@access.public
def context() -> ResponseReturnValue:
    """What our own words in credentials mean (JSON-LD)."""
    answer = Response(json.dumps(credential.context(issuer())), mimetype="application/ld+json")
    return _cacheable(answer, 86_400)


def _cacheable(answer: Response, seconds: int) -> Response:
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest())
    answer.cache_control.public, answer.cache_control.max_age = True, seconds
    # Wallets in browsers read both from other sites; there is nothing of a person in them.
    answer.access_control_allow_origin = "*"
    answer.make_conditional(request)
    return answer
