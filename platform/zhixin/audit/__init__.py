"""The auditor's desk: queues, evidence, decisions, the trail."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin import acts
    from zhixin.audit import (  # noqa: F401 - tasks register themselves, views their routes
        draw_views,
        own,
        tasks,
        trail,
        views,
        words,
    )

    app.register_blueprint(views.blueprint)
    app.register_blueprint(own.blueprint)
    words.init_app(app)
    acts.keep_by(app, trail.note)
