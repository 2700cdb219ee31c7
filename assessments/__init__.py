"""Question papers, attempts and grading. Knows nothing of courses or media."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from assessments import views

    app.register_blueprint(views.blueprint)
