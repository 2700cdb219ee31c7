"""Declarations: outside activities that learners ask to be counted, by proof and two desks."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.declarations import desk_views, tasks, views, words  # noqa: F401 - tasks register
    from zhixin.declarations.storage import ProofStore

    app.extensions["proof_store"] = ProofStore(app.extensions["settings"].proofs_dir)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(desk_views.blueprint)
    words.init_app(app)
