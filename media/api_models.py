"""What players send and get back; the routes belong to the courses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from media.booking import MOST_INTERVALS
from zhixin.api import Model

#: Seconds. Anything a clock could say of a video; the asset's own length is checked later.
Seconds = Annotated[float, Field(ge=-1e7, le=1e7)]


class BeatIn(Model):
    """Media intervals really played and not yet confirmed, in seconds."""

    seq: int = Field(ge=1, le=2**31 - 1, description="grows with each beat of a playback")
    played: list[tuple[Seconds, Seconds]] = Field(max_length=MOST_INTERVALS)
    # Not ``Seconds`` with a tighter bound: the alias's own bound would win.
    position: float = Field(ge=0, le=1e7, description="where the player is now, in seconds")


class BeatOut(Model):
    """What became of a beat."""

    credited_ms: int = Field(description="newly confirmed by this beat")
    refused_ms: int = Field(description="not credited; may be claimed again later")
    reason: str | None = Field(description="why something was refused")
    covered: list[tuple[float, float]] = Field(description="all that is confirmed, in seconds")
    ended: str | None = Field(description="why this playback takes no more time, if it ended")
