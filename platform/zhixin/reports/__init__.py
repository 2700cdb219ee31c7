"""Reports: what a year came to, by field, organisation and kind, against the plan's targets."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.reports import views, words

    app.register_blueprint(views.blueprint)
    words.init_app(app)
