"""FFmpeg runs under supervision: the whole of a plan in one, or a piece, or the sound."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from media import packaging
from media.analysis import Stretch, read_looks
from media.command import LOOKS, POSTER, SOUND_FILE, THUMBS, command
from media.errors import MediaRejected, TranscodeFailed
from media.packaging import MASTER
from media.probe import Probe
from media.renditions import Plan, Span
from media.running import running

#: What the system says when there is no room.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Below this many free bytes the work stops: FFmpeg's HLS writer does not report failed
#: writes, it goes on to the end and leaves pieces.
LEAST_FREE = 32 << 20
#: How often the disk is looked at and the caller asked whether to stop, seconds.
ASK_EVERY_S = 1.0
#: So many files are written to disk at a time.
SYNCS = 8
#: Part of the promised duration that must come out: a file broken inside decodes to less.
LEAST_PART = 0.9


@dataclass(frozen=True)
class Transcoded:
    """What was made, below the target folder.

    ``segments_ms`` and the size in pixels are the first rendition's; ``files`` gives bytes by name, ``looks``
    where the picture is black or frozen.
    """

    duration_ms: int
    segments_ms: list[int]
    width: int
    height: int
    files: dict[str, int]
    looks: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)


def transcode(
    source: Path,
    target: Path,
    probe: Probe,
    plan: Plan,
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> Transcoded:
    """Make all of ``plan`` in ``target``, which the caller publishes afterwards.

    Args:
        on_progress: called with percent, 0..100, never falling.
        cancelled: asked about once a second; true stops the work.

    Raises:
        TranscodeFailed: by FFmpeg's failure, time-out, cancellation or a full disk.
        MediaRejected: much of the file could not be decoded.
    """
    _prepare(target, plan)
    watch = Watch(on_progress, timeout_s, cancelled)
    watch.run(command(source, probe, plan), target, probe.duration_ms)
    _check(target, _broken_pictures(target, plan), watch.log)
    made = finish(target, probe, plan)
    on_progress(100.0)
    return made


def piece(
    source: Path,
    target: Path,
    probe: Probe,
    plan: Plan,
    span: Span,
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> None:
    """Make the pictures of one piece in ``target``; ``packaging.join`` takes all pieces.

    The settings are those of the whole; a piece may be made anywhere, in any order, again.
    """
    _prepare(target, plan)
    begin, end = span.seconds(plan)
    length_ms = round(float((end or probe.duration_ms / 1000) - begin) * 1000)
    watch = Watch(on_progress, timeout_s, cancelled)
    watch.run(command(source, probe, plan, span, sound=False), target, length_ms)
    _check(target, _broken_pictures(target, plan, poster=False), watch.log)
    packaging.move_to(target, plan, span)
    on_progress(100.0)


def sound(
    source: Path,
    target: Path,
    probe: Probe,
    plan: Plan,
    *,
    on_progress: Callable[[float], None],
    timeout_s: float,
    cancelled: Callable[[], bool],
) -> None:
    """Make the sound of the whole in ``target``, beside which pieces are joined; then ``finish``."""
    if plan.sound:
        target.mkdir(parents=True, exist_ok=True)
        watch = Watch(on_progress, timeout_s, cancelled)
        watch.run(command(source, probe, plan, pictures=False), target, probe.duration_ms)
    on_progress(100.0)


def finish(target: Path, probe: Probe, plan: Plan) -> Transcoded:
    """Cut the sound, write the playlists, and see that all is there.

    Raises:
        TranscodeFailed: something is missing.
        MediaRejected: much of the file could not be decoded.
    """
    if plan.sound:
        if not packaging.whole(target / SOUND_FILE):
            _check(target, [SOUND_FILE])
        packaging.cut_sound(target)
    packaging.write_previews(target, plan, probe.duration_ms / 1000)
    packaging.write_masters(target, plan)
    looks = read_looks(target / LOOKS, probe.duration_ms)
    (target / LOOKS).unlink(missing_ok=True)
    _check(target, _broken(target, plan))
    made = replace(_made(target, plan), looks=looks)
    if made.duration_ms < probe.duration_ms * LEAST_PART:
        raise MediaRejected("truncated", duration_ms=made.duration_ms)
    return made


def _prepare(target: Path, plan: Plan) -> None:
    for i in range(len(plan.renditions)):
        (target / f"v{i}").mkdir(parents=True, exist_ok=True)
    (target / THUMBS).mkdir(exist_ok=True)


@dataclass
class Watch:
    """Who is told of one FFmpeg run, and when it has to end."""

    on_progress: Callable[[float], None]
    timeout_s: float
    cancelled: Callable[[], bool]
    log: str = ""

    def run(self, arguments: list[str], target: Path, length_ms: int) -> None:
        """Run ``arguments`` in ``target``.

        Raises:
            TranscodeFailed: by FFmpeg's failure, time-out, cancellation or a full disk.
            MediaRejected: most of the source could not be decoded.
        """
        best, asked = 0.0, time.monotonic()
        with running(arguments, folder=target) as run:
            try:
                for line in run.lines(time.monotonic() + self.timeout_s):
                    percent = _percent(line, length_ms)
                    if percent is not None and percent > best:
                        best = percent
                        self.on_progress(best)
                    if time.monotonic() - asked >= ASK_EVERY_S:
                        asked = time.monotonic()
                        if _full(target):
                            raise TranscodeFailed("disk-full")
                        if self.cancelled():
                            raise TranscodeFailed("cancelled")
            except TimeoutError:
                run.kill()
                raise TranscodeFailed("transcode-timeout", log=run.errors()[-2000:]) from None
            code, self.log = run.process.returncode, run.errors()[-2000:]
        log = self.log
        if "Decode error rate" in log:  # FFmpeg gave up: most of it cannot be decoded
            raise MediaRejected("truncated")
        if code:
            full = _disk_full(log, code) or _full(target)
            raise TranscodeFailed("disk-full" if full else "transcode-failed", log=log)


def _percent(line: str, duration_ms: int) -> float | None:
    name, _, value = line.partition("=")
    if name != "out_time_us" or not value.strip().lstrip("-").isdigit():
        return None
    return min(99.0, max(0.0, int(value) / 10 / duration_ms))


def _full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < LEAST_FREE


def _disk_full(stderr: str, returncode: int) -> bool:
    # FFmpeg exits with the negated errno of a failed write, as a byte. A file size limit
    # counts as a full disk: a service may have one as its quota.
    return (
        any(os.strerror(number) in stderr for number in FULL)
        or returncode in [256 - number for number in FULL]
        or returncode == -signal.SIGXFSZ
    )


def _check(target: Path, broken: list[str], log: str = "") -> None:
    if broken:
        full = _disk_full(log, 0) or _full(target)
        log = log or f"missing or cut: {', '.join(broken[:5])}"
        raise TranscodeFailed("disk-full" if full else "transcode-failed", log=log)


def _broken_pictures(target: Path, plan: Plan, *, poster: bool = True) -> list[str]:
    """Files that should be whole and are not, by name."""
    broken = [POSTER] if poster and not (target / POSTER).is_file() else []
    for i in range(len(plan.renditions)):
        broken += _broken_playlist(target, f"v{i}")
    return broken


def _broken_playlist(target: Path, name: str) -> list[str]:
    folder = target / name
    playlist = folder / "index.m3u8"
    text = playlist.read_text() if playlist.is_file() else ""
    broken = [] if text.rstrip().endswith(packaging.END) else [f"{name}/{playlist.name}"]
    names = re.findall(r"^(?!#)(\S+)$", text, re.M) + re.findall(r'URI="([^"]+)"', text)
    return broken + [f"{name}/{n}" for n in names if not packaging.whole(folder / n)]


def _broken(target: Path, plan: Plan) -> list[str]:
    broken = _broken_pictures(target, plan)
    if plan.sound:
        broken += _broken_playlist(target, "a0")
    master = target / MASTER
    listed = master.read_text().count("#EXT-X-STREAM-INF") if master.is_file() else 0
    return broken if listed == len(plan.renditions) else [MASTER, *broken]


def _made(target: Path, plan: Plan) -> Transcoded:
    best = plan.renditions[0]
    lengths = [length for _name, length in packaging.segments(target / "v0" / "index.m3u8")]
    segments_ms = [round(length * 1000) for length in lengths]
    files = {str(p.relative_to(target)): p.stat().st_size for p in target.rglob("*") if p.is_file()}
    return Transcoded(sum(segments_ms), segments_ms, best.width, best.height, files)


def publish(made: Path, final: Path) -> None:
    """Move ``made`` to its final place at once, durable; if it is there already, that one stays.

    Raises:
        TranscodeFailed: the disk turned out to be full when it came to writing.
    """
    if not final.exists():
        try:
            paths = [*made.rglob("*")]
            # Side by side a disk writes them together.
            with ThreadPoolExecutor(SYNCS) as threads:
                [*threads.map(_sync, (path for path in paths if path.is_file()))]
            for path in [*(path for path in paths if path.is_dir()), made]:
                _sync(path)
            final.parent.mkdir(parents=True, exist_ok=True)
            made.replace(final)
            _sync(final.parent)
        except OSError as error:
            if error.errno in FULL:
                raise TranscodeFailed("disk-full") from error
            if not final.exists():  # else another was quicker
                raise
    shutil.rmtree(made, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
