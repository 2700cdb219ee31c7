"""Media: upload, probe, transcode, playback, watch evidence."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from media import api, delivery, express, storage, tasks, views, watching  # noqa: F401 - tasks register themselves
    from zhixin.audit import timeline

    settings = app.extensions["settings"]
    app.extensions["media_store"] = storage.MediaStore(settings.media_dir)
    app.extensions["deliveries"] = delivery.Deliveries(
        app.extensions["db"], settings.data_dir / "deliveries", background=not app.testing
    )
    express.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
    timeline.devices_from(app, watching.devices)
