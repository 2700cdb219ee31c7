"""What is offered and studied: catalogue, studio, review, enrolment, learning."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from courses import (  # tasks register themselves
        answer_lane,
        caption_views,
        express,
        fields,
        grading_desk,
        hand_in_lane,
        learning,
        learning_api,
        practice_views,
        question_pictures,
        regrade_views,
        review,
        review_captions,  # noqa: F401 - adds its routes to review's
        review_comments,  # noqa: F401 - adds its routes to review's and the studio's
        review_rules,  # noqa: F401 - adds its routes to review's
        search,
        studio,
        tasks,  # noqa: F401
        views,
        words,
    )
    from courses.classes import seminars
    from courses.classes import tasks as class_tasks  # noqa: F401
    from courses.classes import views as class_views
    from courses.courseware import views as courseware_views
    from courses.courseware.models import Courseware
    from courses.insight import tasks as insight_tasks  # noqa: F401
    from courses.insight import views as insight_views  # noqa: F401 - adds its routes to the studio's
    from courses.media_uses import of_owner
    from courses.packages import tasks as package_tasks  # noqa: F401
    from courses.packages import views as package_views  # noqa: F401 - adds its routes to the studio's
    from courses.quality import (
        author_views,  # noqa: F401 - these add their routes to the public ones'
        office_views,  # noqa: F401
        panel_views,  # noqa: F401
    )
    from courses.quality import public_views as quality_views
    from courses.quality import tasks as quality_tasks  # noqa: F401
    from courses.quality import words as quality_words
    from courses.ratings import views as rating_views  # noqa: F401 - adds its routes to the public ones
    from courses.registers import (
        author_views as register_author_views,  # noqa: F401 - adds its routes to the studio's
    )
    from courses.registers import office_views as register_views
    from courses.registers import (
        public_views as register_public_views,  # noqa: F401 - adds its routes to the public ones
    )
    from courses.stops import api as stops_api  # noqa: F401 - adds its routes to learning's
    from media import collecting, references
    from zhixin.reports.words import field_names_from, seminars_from

    app.extensions["course_index"] = search.CourseIndex(app.extensions["settings"].index_dir)
    words.init_app(app)
    caption_views.init_app(app)
    question_pictures.init_app(app)
    fields.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(learning.blueprint)
    app.register_blueprint(practice_views.blueprint)
    app.register_blueprint(studio.blueprint)
    app.register_blueprint(register_views.blueprint)
    app.jinja_env.globals["entry_state_text"] = register_views.entry_state_text
    app.register_blueprint(review.blueprint)
    quality_words.init_app(app)
    app.register_blueprint(quality_views.blueprint)
    app.register_blueprint(grading_desk.blueprint)
    app.register_blueprint(regrade_views.blueprint)
    app.register_blueprint(class_views.blueprint)
    app.register_blueprint(courseware_views.blueprint)
    app.register_api(courseware_views.api)  # type: ignore[attr-defined]
    app.jinja_env.globals["courseware_frame"] = courseware_views.frame
    app.jinja_env.globals["courseware_address"] = courseware_views.address
    app.register_api(learning_api.blueprint)  # type: ignore[attr-defined]
    express.init_app(app)
    answer_lane.init_app(app)
    hand_in_lane.init_app(app)
    field_names_from(app, fields.names)
    seminars_from(app, seminars.of_year)
    references.uses_from(app, of_owner)
    root = collecting.Root("courseware", Courseware.id)
    collecting.also(app, collecting.Kind(Courseware, (root,)))
