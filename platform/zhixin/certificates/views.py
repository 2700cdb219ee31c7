"""A learner's certificates."""

from __future__ import annotations

import io

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, clock, config, db
from zhixin.certificates import issuing, rendering
from zhixin.certificates.models import Certificate
from zhixin.errors import NotFound
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.people.models import Role

blueprint = Blueprint("certificates", __name__)


def _settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


def address(code: str) -> str:
    """Where anyone can check the certificate: on the issuer's own host."""
    return f"{_settings().base_url.rstrip('/')}/v/{code}"


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
    return render_template(
        "certificates/mine.html",
        issued=[(c, issuing.contents(c)) for c in issued],
        awards=[award for award in recorded if f"award:{award.id}" not in held],
        years=sorted({award.year for award in recorded}, reverse=True),
    )


@blueprint.post("/my/awards/<int:award_id>/certificate")
@access.only(Role.LEARNER)
def issue_course(award_id: int) -> ResponseReturnValue:
    """Issue (or find again) the certificate of one award."""
    issuing.issue_course(
        db.session(), award_id, access.person().id, issuer=_settings().issuer, now=clock.now()
    )
    flash(_("证书已出具，可以下载 PDF"), "success")
    return redirect(url_for("certificates.mine"), 303)


@blueprint.post("/my/year/<int:year>/certificate")
@access.only(Role.LEARNER)
def issue_annual(year: int) -> ResponseReturnValue:
    """Issue (or find again) the statement of a year."""
    issuing.issue_annual(
        db.session(), access.person().id, year, issuer=_settings().issuer, now=clock.now()
    )
    flash(_("学时证明已出具，可以下载 PDF"), "success")
    return redirect(url_for("certificates.mine"), 303)


@blueprint.get("/my/certificates/<int:certificate_id>.pdf")
@access.only(Role.LEARNER)
def pdf(certificate_id: int) -> ResponseReturnValue:
    """One of my certificates as PDF."""
    certificate = db.session().get(Certificate, certificate_id)
    if certificate is None or certificate.person_id != access.person().id:
        raise NotFound
    made = rendering.pdf(issuing.contents(certificate), address=address(certificate.code))
    return send_file(
        io.BytesIO(made),
        "application/pdf",
        download_name=f"{certificate.number}.pdf",
        as_attachment=True,
    )
