"""Media: upload, probe, transcode, playback, watch evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from media.vaults import Vault
    from zhixin.config import Settings


def init_app(app: Flask) -> None:
    """Plug this domain into the application."""
    from media import (
        api,
        assets_api,
        delivery,
        express,
        files_api,
        library,
        nightly,  # noqa: F401 - tasks register themselves
        override,
        report,
        speech_tasks,  # noqa: F401
        speech_words,
        storage,
        tasks,  # noqa: F401
        views,
        watching,
        words,
        work_views,
    )
    from zhixin.audit import timeline

    settings = app.extensions["settings"]
    app.extensions["media_store"] = storage.MediaStore(settings.media_dir, _vault(settings))
    app.extensions["deliveries"] = delivery.Deliveries(
        app.extensions["db"], settings.data_dir / "deliveries", background=not app.testing
    )
    app.jinja_env.globals["video_report"] = report
    app.jinja_env.globals["speech_text"] = speech_words.speech_text
    express.init_app(app)
    override.init_app(app)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(work_views.blueprint)
    app.register_blueprint(library.blueprint)
    words.init_app(app)
    app.register_api(api.blueprint)  # type: ignore[attr-defined]
    app.register_api(assets_api.blueprint)  # type: ignore[attr-defined]
    app.register_api(files_api.blueprint)  # type: ignore[attr-defined]
    timeline.devices_from(app, watching.devices)


def _vault(settings: Settings) -> Vault | None:
    if not settings.media_s3_bucket:
        return None
    from media import s3  # boto3 takes its time

    return s3.from_settings(settings)
