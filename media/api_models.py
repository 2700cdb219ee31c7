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


class PromptOut(Model):
    """A presence prompt: choose one of ``options``."""

    id: str
    kind: str = Field(description="confirm, or question: the author's, on what was just shown")
    text: str
    options: list[str]
    seconds_left: float = Field(description="until the counting lapses; what is confirmed stays")
    tries: int = Field(description="wrong choices so far")


class ChoiceIn(Model):
    """What a person chose of a prompt's options."""

    prompt: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    choice: int = Field(ge=0, le=20, description="index in ``options``")


class ChoiceOut(Model):
    right: bool
    wait_s: float = Field(description="seconds before the next choice is taken")
    prompt: PromptOut | None = Field(description="to be answered anew, when the choice was wrong")


class BeatOut(Model):
    """What became of a beat."""

    credited_ms: int = Field(description="newly confirmed by this beat")
    refused_ms: int = Field(description="not credited; may be claimed again later")
    reason: str | None = Field(description="why something was refused")
    covered: list[tuple[float, float]] = Field(description="all that is confirmed, in seconds")
    ended: str | None = Field(description="why this playback takes no more time, if it ended")
    prompt: PromptOut | None = Field(
        description="waits for an answer; until then nothing is credited"
    )
