"""Composition: opens the kernel, then plugs in each domain by name."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask
from flask.typing import ResponseReturnValue
from flask_openapi3 import Info, OpenAPI

import assessments
import courses
import media
from zhixin import (
    access,
    api,
    audit,
    certificates,
    config,
    db,
    declarations,
    gate,
    hours,
    jobs,
    ledger,
    observe,
    pages,
    people,
    problems,
    rates,
    reports,
    security,
)
from zhixin.routing import Id, LazyRule


class Zhixin(OpenAPI):
    """The web application: one transaction a request, committed at its edge."""

    url_rule_class = LazyRule

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view and commit. An answer of 400 or above leaves nothing written."""
        response = self.make_response(super().dispatch_request())
        db.finish(keep=response.status_code < 400)
        return response


def create_app(
    settings: config.Settings | None = None,
    *,
    bind: sa.Engine | sa.Connection | None = None,
    testing: bool = False,
) -> Flask:
    """The application, ready to serve.

    Args:
        settings: from the environment when not given.
        bind: a database to use instead of the settings' (tests).
        testing: jobs run in the caller and unforeseen errors are raised.
    """
    settings = settings or config.load()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    observe.configure_logging(settings)
    app = Zhixin(
        "zhixin",
        info=Info(title="知新 Zhixin", version="1"),
        doc_ui=False,
        security_schemes=api.SECURITY,
        validation_error_model=api.Problem,
        template_folder=str(pages.resource_dir("templates")),
        static_folder=str(pages.resource_dir("static")),
        validation_error_callback=problems.refuse_invalid,
    )
    app.url_map.converters["int"] = Id
    app.testing = testing
    app.secret_key = settings.key("secret_key")
    app.extensions["settings"] = settings
    db.init_app(app, settings, bind=bind)
    jobs.init_app(app, settings, eager=testing)
    rates.init_app(app, settings)
    problems.init_app(app)
    observe.init_app(app)
    people.init_app(app)  # who is asking comes before what they may
    security.init_app(app, settings)
    access.init_app(app)
    pages.init_app(app)
    api.init_app(app)
    gate.init_app(app, settings)  # inside of the domains' lanes, which wait for one another
    domains = (
        ledger, hours, declarations, certificates, audit, reports, media, assessments, courses,
    )  # fmt: skip
    for domain in domains:
        domain.init_app(app)
    return app
