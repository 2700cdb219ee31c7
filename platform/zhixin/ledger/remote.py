"""Another installation's log by HTTP, for those who follow and witness it."""

from __future__ import annotations

import urllib.error
import urllib.request
from urllib.parse import urlsplit

from zhixin.ledger.follow import Unreachable

_MOST_BYTES = 20_000_000  # a full bundle of the longest entries
_TIMEOUT_S = 30


def get(url: str) -> bytes:
    """What an address answers.

    Raises:
        Unreachable: it does not answer, refuses, or answers without end.
    """
    return _ask(urllib.request.Request(_checked(url)))  # noqa: S310 - http and https only


def post(url: str, body: bytes) -> bytes:
    """What an address answers to a text that it is sent.

    Raises:
        Unreachable: as ``get``.
    """
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return _ask(urllib.request.Request(_checked(url), body, headers))  # noqa: S310


def _checked(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise Unreachable(f"不是 http 或 https 地址：{url}")
    return url


def _ask(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            content: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise Unreachable(f"{request.full_url} 回答 {error.code}") from None
    except (OSError, ValueError) as error:
        raise Unreachable(f"无法访问 {request.full_url}：{error}") from None
    if len(content) > _MOST_BYTES:
        raise Unreachable(f"{request.full_url} 的回答过长")
    return content
