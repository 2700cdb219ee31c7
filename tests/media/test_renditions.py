"""The ladder of a video."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.probe import AudioStream, Probe, VideoStream
from media.renditions import SEGMENT_S, plan

sides = st.integers(2, 4320)
rates = st.one_of(st.floats(0.02, 240), st.sampled_from([23.976, 25, 29.97, 30, 50, 59.94]))
probes = st.builds(
    Probe,
    container=st.just("mov,mp4"),
    duration_ms=st.integers(1000, 14_400_000),
    size_bytes=st.just(1),
    stream_count=st.just(2),
    video=st.builds(
        VideoStream,
        codec=st.just("h264"),
        width=sides,
        height=sides,
        fps=rates,
        rotation=st.sampled_from([0, 90, 180, 270]),
        pixel_aspect=st.floats(0.25, 4),
    ),
    audio=st.none() | st.just(AudioStream("aac", 2)),
)


@given(probes)
def test_no_rendition_is_larger_than_its_source_and_all_sizes_are_even(probe: Probe) -> None:
    """4:2:0 needs even sides; upscaling only costs the learner's line."""
    width, height = probe.video.upright
    for rendition in plan(probe).renditions:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert rendition.width <= max(2, width)
        assert rendition.height <= max(2, height)


@given(probes)
def test_the_best_comes_first_and_there_are_one_to_three(probe: Probe) -> None:
    """Two processors must keep up."""
    ladder = plan(probe).renditions
    assert 1 <= len(ladder) <= 3
    sizes = [(r.width * r.height, r.video_kbps) for r in ladder]
    assert sizes == sorted(sizes, reverse=True)


@given(probes)
def test_segments_last_four_to_five_seconds_in_all_renditions_alike(probe: Probe) -> None:
    """A key frame at the same place in each: a player may change rendition at any segment."""
    assert SEGMENT_S - 0.01 <= plan(probe).segment_s <= SEGMENT_S + 1


@given(probes)
def test_sound_is_kept_where_there_is_any(probe: Probe) -> None:
    assert (plan(probe).sound is not None) == (probe.audio is not None)


@pytest.mark.parametrize(
    ("source", "ladder"),
    [
        ((3840, 2160), [(1920, 1080), (1280, 720), (640, 360)]),
        ((1920, 1080), [(1920, 1080), (1280, 720), (640, 360)]),
        ((1080, 1920), [(1080, 1920), (720, 1280), (360, 640)]),
        ((1280, 720), [(1280, 720), (640, 360)]),
        ((854, 480), [(854, 480), (640, 360)]),
        ((1024, 768), [(960, 720), (480, 360)]),
        ((640, 360), [(640, 360)]),
        ((321, 181), [(320, 180)]),
    ],
)
def test_usual_sizes(
    make_probe: Callable[..., Probe], source: tuple[int, int], ladder: list[tuple[int, int]]
) -> None:
    planned = plan(make_probe(width=source[0], height=source[1]))
    assert [(r.width, r.height) for r in planned.renditions] == ladder


@pytest.mark.parametrize(
    ("source", "made"),
    [(0.1, 1), (2, 2), (25, 25), (29.97, 29.97), (50, 25), (59.94, 29.97), (60, 30), (240, 30)],
)
def test_frames_are_halved_not_thinned(
    make_probe: Callable[..., Probe], source: float, made: float
) -> None:
    """Of 50 frames every second is kept; 30 of 50 would jerk."""
    assert plan(make_probe(fps=source)).fps == made
