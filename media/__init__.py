"""Media: upload, probe, transcode, playback, watch evidence."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from media import api, storage, tasks, views  # noqa: F401 - tasks register themselves

    app.extensions["media_store"] = storage.MediaStore(app.extensions["settings"].media_dir)
    app.register_blueprint(views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
