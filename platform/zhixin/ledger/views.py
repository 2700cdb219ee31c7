"""The ledger's public page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template
from flask.typing import ResponseReturnValue

from zhixin import access, clock, db
from zhixin.ledger import growth, keys, log, rotation, witness

blueprint = Blueprint("ledger", __name__)

VERIFIER = Path(__file__).parent / "offline" / "zhixin_verify.py"


@blueprint.get("/ledger")
@access.public
def index() -> ResponseReturnValue:
    """How large the log is, under which signed head, by whose keys, and how to check it oneself."""
    session, settings = db.session(), current_app.extensions["settings"]
    head = log.head(session)
    return render_template(
        "ledger/index.html",
        head=head,
        note=witness.cosigned_note(session, head) if head else None,
        growth=growth.growth(session, clock.now()),
        periods=rotation.ring(session, settings).periods,
        issuer=keys.issuer(settings),
        witnesses=witness.standings(session),
        verifier_sha256=hashlib.sha256(VERIFIER.read_bytes()).hexdigest(),
        base_url=settings.base_url.rstrip("/"),
    )


@blueprint.get("/.well-known/zhixin-ledger-key")
@access.public
def well_known_key() -> ResponseReturnValue:
    """The log's keys, each with the entry where its time began, and the issuer's, one a line."""
    text = rotation.published(db.session(), current_app.extensions["settings"])
    return Response(text, mimetype="text/plain")


@blueprint.get("/.well-known/did.json")
@access.public
def did_document() -> ResponseReturnValue:
    """The issuer's DID document (did:web): with it anybody's software checks a credential."""
    document = keys.issuer(current_app.extensions["settings"]).document()
    return Response(json.dumps(document, indent=2), mimetype="application/did+json")


@blueprint.get("/ledger/zhixin_verify.py")
@access.public
def verifier() -> ResponseReturnValue:
    """The offline verifier: one file to keep, read and run."""
    headers = {"Content-Disposition": f"attachment; filename={VERIFIER.name}"}
    return Response(VERIFIER.read_bytes(), mimetype="text/x-python", headers=headers)
