"""Courseware is played from addresses that are granted for a while, each file under a policy
that lets it reach nothing but its own package.

The frame is sandboxed without an origin of its own (``allow-scripts`` alone, by the page and by
each answer): a stranger's script reads no cookie, no page and no storage of ours. It finds the
SCORM API in its own window, where :data:`ADAPTER` puts it, and speaks to the page around it by
messages.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from zhixin.errors import NotAllowed

#: A long sitting; then the page is opened anew.
LIFETIME = timedelta(hours=8)
#: Of a page, where its head is looked for; the rest is passed on as it is, however long.
START_BYTES = 64 * 1024
_GRANT = re.compile(
    r"(?a)([0-9a-f]{32})\.([0-9]{1,18})\.([A-Za-z0-9_-]{1,64})\.([0-9]{1,12})\.([\w-]{24})"
)
_HEAD = re.compile(rb"(?i)<head(?:\s[^>]{0,1000})?>")
_HTML = re.compile(rb"(?i)<html(?:\s[^>]{0,1000})?>")
#: Without either: nothing may stand before the document's type, or browsers draw as of old.
_START = re.compile(rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<!doctype[^>]{0,1000}>)?")
#: What browsers are told of a file, by the ending of its name; all else is a download.
TYPES = {
    "html": "text/html", "htm": "text/html", "xhtml": "text/html", "js": "text/javascript",
    "mjs": "text/javascript", "css": "text/css", "json": "application/json",
    "xml": "application/xml", "txt": "text/plain", "png": "image/png", "jpg": "image/jpeg",
    "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml",
    "ico": "image/x-icon", "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg",
    "wav": "audio/wav", "mp4": "video/mp4", "webm": "video/webm", "vtt": "text/vtt",
    "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
    "pdf": "application/pdf", "wasm": "application/wasm",
}  # fmt: skip
PAGES = ("html", "htm", "xhtml")


class GrantExpired(NotAllowed):
    """The address is forged or too old."""

    code = "courseware-expired"
    title = "课件地址已失效，请刷新页面"


def launched(launch: str) -> tuple[str, str]:
    """Where courseware begins: the file's name, and the parameters that follow it."""
    found = re.match(r"([^?#]*)(.*)", launch, re.S)
    assert found is not None
    return found[1], found[2]


@dataclass(frozen=True, slots=True)
class Grant:
    """What an address opens. ``enrolment_id`` 0: only a look, nothing is kept."""

    courseware_id: str
    enrolment_id: int
    unit_key: str


def grant(secret: bytes, what: Grant, now: datetime) -> str:
    """A part of an address: what it opens, until when, and our signature."""
    until = int((now + LIFETIME).timestamp())
    told = f"{what.courseware_id}.{what.enrolment_id}.{what.unit_key}.{until}"
    return f"{told}.{_signature(secret, told)}"


def check(secret: bytes, text: str, now: datetime) -> Grant:
    """What a granted address opens.

    Raises:
        GrantExpired: forged, changed or too old.
    """
    if not (parts := _GRANT.fullmatch(text)):
        raise GrantExpired
    courseware_id, enrolment_id, key, until, signature = parts.groups()
    right = _signature(secret, f"{courseware_id}.{enrolment_id}.{key}.{until}")
    if not hmac.compare_digest(right, signature) or int(until) < now.timestamp():
        raise GrantExpired
    return Grant(courseware_id, int(enrolment_id), key)


def _signature(secret: bytes, told: str) -> str:
    digest = hmac.digest(secret, f"zhixin courseware|{told}".encode(), "sha256")
    return urlsafe_b64encode(digest[:18]).decode()


def policy(own: str) -> str:
    """The Content-Security-Policy of every file; ``own``: the address of the package's folder.

    No ``frame-ancestors``: frames within the courseware have no origin that could be named.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {own} 'unsafe-inline' 'unsafe-eval'",
            f"style-src {own} 'unsafe-inline'",
            f"img-src {own} data: blob:",
            f"media-src {own} data: blob:",
            f"font-src {own} data:",
            f"connect-src {own}",
            f"frame-src {own}",
            f"worker-src {own} blob:",
            f"base-uri {own}",
            "form-action 'none'",
            "sandbox allow-scripts allow-modals",
        )
    )


@cache
def _adapter() -> str:
    return files("courses.courseware").joinpath("adapter.js").read_text()


def with_adapter(page: bytes, told: Mapping[str, object]) -> bytes:
    """The start of a page of the package with the SCORM API before any script of its own.

    Args:
        told: ``edition``, ``token`` (marks our messages), ``values`` (the data model) and
            ``bounds`` (how much of it is kept).
    """
    # Plain ASCII, so that it is the same in whatever encoding the page has.
    said = json.dumps(told, sort_keys=True).replace("<", "\\u003c")
    script = f"<script>(function(told){{{_adapter()}}})({said});</script>".encode("ascii")
    found = _HEAD.search(page) or _HTML.search(page) or _START.match(page)
    assert found is not None
    return page[: found.end()] + script + page[found.end() :]
