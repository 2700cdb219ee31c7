"""Hours: credit policies, awards, a person's year."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.hours import (
        api,
        policy_views,
        reckoning,
        tasks,  # noqa: F401 - tasks register themselves
        views,
        words,
    )

    app.register_blueprint(views.blueprint)
    app.register_blueprint(policy_views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
    words.init_app(app)
    app.extensions["beside_the_log"].append(reckoning.findings)
