"""One question of each kind, and Hypothesis strategies for sheets, for tests."""

from __future__ import annotations

from typing import Any

PICTURE = "0123456789abcdef" * 2


def of_kind(kind: str, **changes: Any) -> dict[str, Any]:
    """A sound question of ``kind``; its explanation says 秘密."""
    return (
        {"id": kind, "kind": kind, "stem": f"题 {kind}", "explanation": "秘密", "points": "4"}
        | KINDS[kind]
        | changes
    )


OPTIONS = [{"id": each, "text": f"选项 {each}"} for each in "abcd"]
STEPS = [{"id": str(n), "text": text} for n, text in enumerate(("立项", "审批", "实施", "考核"))]

KINDS: dict[str, dict[str, Any]] = {
    "single": {"options": OPTIONS, "correct": ["b"]},
    "multiple": {"options": OPTIONS, "correct": ["a", "c"]},
    "true_false": {"correct": ["true"]},
    "blanks": {
        "stem": "北京的简称是 {{1}}，标准大气压是 {{2}}。",
        "gaps": [
            {"kind": "text", "accepted": ["京", "燕京"]},
            {
                "kind": "number",
                "value": "101.325",
                "tolerance": "0.5",
                "units": [{"name": "kPa"}, {"name": "Pa", "factor": "0.001"}],
            },
        ],
    },
    "cloze": {
        "stem": "温故而 {{1}} 新，可以 {{2}} 师矣。",
        "gaps": [
            {
                "kind": "choice",
                "options": [{"id": "1", "text": "知"}, {"id": "2", "text": "学"}],
                "correct": "1",
            },
            {"kind": "text", "accepted": ["为"]},
        ],
    },
    "matching": {
        "left": [{"id": "1", "text": "北京"}, {"id": "2", "text": "四川"}],
        "right": [
            {"id": "1", "text": "京"},
            {"id": "2", "text": "川"},
            {"id": "3", "text": "沪"},
        ],
        "correct": ["1", "2"],
    },
    "ordering": {"items": STEPS, "correct": ["0", "1", "2", "3"]},
    "hotspot": {
        "picture": PICTURE,
        "alt": "一台断路器",
        "areas": [
            {"shape": "circle", "x": 100, "y": 100, "r": 50},
            {"shape": "rect", "x": 500, "y": 500, "width": 100, "height": 50},
            {"shape": "polygon", "points": [[800, 0], [1000, 0], [1000, 200]]},
        ],
    },
    "short": {"sample": "秘密的范文"},
    "essay": {
        "sample": "秘密的范文",
        "rubric": [
            {"id": "1", "text": "秘密的要点一", "points": "1.5"},
            {"id": "2", "text": "秘密的要点二", "points": "2.5"},
        ],
        "max_characters": 1000,
    },
}
