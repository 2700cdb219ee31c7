"""The ledger's public page."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from zhixin import access, db
from zhixin.ledger import log
from zhixin.ledger.keys import Signer

blueprint = Blueprint("ledger", __name__)


@blueprint.get("/ledger")
@access.public
def index() -> ResponseReturnValue:
    """How large the log is, under which signed head, and how to check it oneself."""
    return render_template(
        "ledger/index.html",
        head=log.head(db.session()),
        verifier_key=Signer.of(current_app.extensions["settings"]).verifier_key,
    )
