"""What is offered and studied: catalogue, studio, review, enrolment, learning."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from courses import (  # tasks register themselves
        express,
        fields,
        learning,
        learning_api,
        review,
        search,
        studio,
        studio_checks,  # noqa: F401 - adds its routes to the studio's
        tasks,  # noqa: F401
        views,
        words,
    )
    from courses.classes import tasks as class_tasks  # noqa: F401
    from courses.classes import views as class_views
    from zhixin.reports.words import field_names_from

    app.extensions["course_index"] = search.CourseIndex(app.extensions["settings"].index_dir)
    words.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(learning.blueprint)
    app.register_blueprint(studio.blueprint)
    app.register_blueprint(review.blueprint)
    app.register_blueprint(class_views.blueprint)
    app.register_api(learning_api.blueprint)  # type: ignore[attr-defined]
    express.init_app(app)
    field_names_from(app, fields.names)
