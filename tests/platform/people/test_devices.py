"""Devices in words."""

from __future__ import annotations

import pytest

from zhixin.people.devices import describe

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36", "Chrome · Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        (f"{PHONE} Mobile/15E148 MicroMessenger/8.0.50", "WeChat · iPhone"),
        (f"{PHONE} Version/18.0 Mobile/15E148 Safari/604.1", "Safari · iPhone"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox · Linux",
        ),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_a_sign_in_is_recognised_by_its_owner(user_agent, words) -> None:
    """The browser people know by name, on the system they know by name."""
    assert describe(user_agent) == words
