"""What templates need: built assets by name, languages, times and hours as people write them."""

from __future__ import annotations

import json
import mimetypes
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from flask import (
    Flask,
    Response,
    current_app,
    has_request_context,
    request,
    send_from_directory,
    session,
    url_for,
)
from flask_babel import Babel, get_locale
from flask_login import current_user
from markupsafe import Markup
from werkzeug.security import safe_join

from zhixin import richtext
from zhixin.clock import LOCAL, local
from zhixin.config import ROOT
from zhixin.punctuation import Punctuation, mark

LANGUAGES = {"zh": "中文", "en": "English"}


def resource_dir(name: str) -> Path:
    """``templates`` or ``static``: inside the installed package, or at the project's root."""
    packaged = Path(__file__).parent / name
    return packaged if packaged.is_dir() else ROOT / name


@cache
def _manifest() -> dict[str, str]:
    path = resource_dir("static") / "dist" / "manifest.json"
    built: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return built


def asset_url(name: str) -> str:
    """Address of a built asset: ``app.css`` → ``/static/dist/app-HASH.css``."""
    return url_for("static", filename=f"dist/{_manifest().get(name, name)}")


def icon(name: str) -> Markup:
    """An icon of the sprite; it takes the text's colour and size and says nothing aloud."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        asset_url("icons.svg"), name
    )


def has_endpoint(name: str) -> bool:
    return name in current_app.view_functions


#: How built assets may be compressed, the smallest first, and what their names then end with.
CODINGS = {"br": ".br", "gzip": ".gz"}


def static_file(filename: str) -> Response:
    """A static file, compressed as the build left it where the browser reads that."""
    folder = Path(current_app.static_folder or "")
    for coding, suffix in CODINGS.items():
        packed = safe_join(str(folder), filename + suffix)
        if request.accept_encodings.quality(coding) and packed and Path(packed).is_file():
            kind = mimetypes.guess_type(filename)[0]
            answer = send_from_directory(folder, filename + suffix, mimetype=kind, conditional=True)
            answer.headers["Content-Encoding"] = coding
            del answer.headers["Content-Disposition"]  # its name is the packed file's
            break
    else:
        answer = current_app.send_static_file(filename)
    answer.vary.add("Accept-Encoding")
    return answer


def select_locale() -> str:
    if not has_request_context():
        return "zh"  # jobs and commands speak the first language
    if current_user and current_user.is_authenticated:
        return str(current_user.locale)
    chosen = session.get("locale")
    return chosen if chosen in LANGUAGES else "zh"


def is_english() -> bool:
    return str(get_locale() or "zh").startswith("en")


def format_time(instant: datetime | str | None, *, seconds: bool = False) -> str:
    """An instant on the city's wall clock: 2026-11-23 17:46."""
    if instant is None:
        return "—"
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return local(instant).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def format_date(instant: datetime | str | None) -> str:
    return format_time(instant)[:10]


def format_duration(ms: int | None) -> str:
    """Milliseconds as 1:02:03 or 4:05."""
    if ms is None:
        return "—"
    minutes, second = divmod(ms // 1000, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def format_hours(hours: Decimal | str | int | None) -> str:
    """Hours without idle zeros: 4.5, 12."""
    if hours is None:
        return "—"
    text = f"{Decimal(hours):.2f}".rstrip("0").rstrip(".")
    return text or "0"


def init_app(app: Flask) -> None:
    app.config.update(
        BABEL_DEFAULT_LOCALE="zh",
        BABEL_DEFAULT_TIMEZONE=str(LOCAL),
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent / "translations"),
        SEND_FILE_MAX_AGE_DEFAULT=31536000,  # names carry content hashes
    )
    app.view_functions["static"] = static_file
    Babel(app, locale_selector=select_locale)
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.add_extension(Punctuation)
    app.jinja_env.globals.update(
        asset_url=asset_url,
        languages=LANGUAGES,
        icon=icon,
        has_endpoint=has_endpoint,
        is_english=is_english,
        punctuation_mark=lambda chinese: mark(chinese, is_english()),
        current_path=lambda: request.full_path.rstrip("?"),
    )
    app.jinja_env.filters.update(
        time=format_time,
        date=format_date,
        duration=format_duration,
        hours=format_hours,
        rich=richtext.render,
        rich_line=richtext.inline,
        rich_gaps=richtext.with_gaps,
        plain=richtext.plain,
        headline=richtext.headline,
    )

    @app.context_processor
    def _locale() -> dict[str, str]:
        return {"locale": "en" if is_english() else "zh-CN"}
