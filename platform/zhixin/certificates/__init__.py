"""Certificates: issued from the ledger, verified by anyone."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.certificates import api, check_views, my_api, tasks, views  # noqa: F401 - they register themselves

    app.register_blueprint(views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
    app.jinja_env.globals["certificate_text"] = check_views.certificate_text
