"""Certificates: issued from the ledger, verified by anyone."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.certificates import api, views

    app.register_blueprint(views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
