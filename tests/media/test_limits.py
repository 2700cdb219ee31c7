"""What a video may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from media.errors import MESSAGES, NOT_THE_FILES_FAULT, MediaRejected
from media.limits import Limits, check
from media.probe import AudioStream, Probe, probe

LIMITS = Limits(max_bytes=2_000_000_000)


def test_an_ordinary_lecture_passes(samples: Any) -> None:
    check(probe(samples.lecture()), LIMITS)


def test_the_limits_themselves_are_allowed(make_probe: Callable[..., Probe]) -> None:
    """One second and four hours, 4096 × 2304 and eight streams are within."""
    check(make_probe(duration_ms=1000, size_bytes=LIMITS.max_bytes), LIMITS)
    check(make_probe(duration_ms=14_400_000, width=4096, height=2304, stream_count=8), LIMITS)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"duration_ms": 999}, "too-short"),
        ({"duration_ms": 14_400_001}, "too-long"),
        ({"size_bytes": LIMITS.max_bytes + 1}, "too-large"),
        ({"stream_count": 9}, "too-many-streams"),
        ({"width": 7680, "height": 4320}, "resolution-too-large"),
        ({"codec": "gif"}, "codec-not-allowed"),
        ({"audio": AudioStream("dsd_lsbf", 2)}, "codec-not-allowed"),
    ],
)
def test_one_step_beyond_is_refused(
    make_probe: Callable[..., Probe], facts: dict[str, Any], code: str
) -> None:
    """The author reads what is wrong and what to do about it."""
    with pytest.raises(MediaRejected) as refused:
        check(make_probe(**facts), LIMITS)
    assert refused.value.code == code
    assert refused.value.status == 422
    assert "请" in refused.value.message


def test_ten_hours_are_too_long(samples: Any) -> None:
    with pytest.raises(MediaRejected, match="时长超过"):
        check(probe(samples.hours(10)), LIMITS)


def test_every_message_says_what_to_do() -> None:
    for code, message in MESSAGES.items():
        assert message.endswith("。"), code
        assert "请" in message or code in NOT_THE_FILES_FAULT, code
