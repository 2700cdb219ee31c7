"""Which device a sign-in came from, in words that its owner recognises.

A guess for a person's eyes: nothing may be decided by it.
"""

from __future__ import annotations

#: The first that occurs wins: most browsers also name those that they descend from.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("QQBrowser", "QQ Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def describe(user_agent: str) -> str:
    """``Chrome · Windows``; empty when nothing is recognised."""
    known = (
        next((name for mark, name in marks if mark in user_agent), None)
        for marks in (_BROWSERS, _SYSTEMS)
    )
    return " · ".join(name for name in known if name)
