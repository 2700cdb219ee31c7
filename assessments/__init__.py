"""Question papers, attempts and grading. Knows nothing of courses or media."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from assessments import (
        analysis_views,  # noqa: F401 - adds its routes to views'
        blueprint_views,  # noqa: F401 - the same
        import_views,
        tasks,  # noqa: F401 - register themselves
        views,
    )
    from assessments.banks import views as bank_views
    from assessments.banks import words as bank_words

    app.register_blueprint(views.blueprint)
    app.register_blueprint(import_views.blueprint)
    app.register_blueprint(bank_views.blueprint)
    bank_words.init_app(app)
