"""The ledger: an append-only log of decisions that anyone can recompute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the processes of ``zhixin.ledger.sweep`` start in an instant
    from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from zhixin.ledger import api, tasks, tile_views, views  # noqa: F401 - tasks register themselves

    # What others keep beside the log, held against it by `zhixin ledger verify`: functions from
    # a session to findings.
    app.extensions["beside_the_log"] = []
    app.register_blueprint(views.blueprint)
    app.register_blueprint(tile_views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
