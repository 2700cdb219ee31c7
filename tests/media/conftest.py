"""Real video files, made by FFmpeg once a run: small, and each wrong in one way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from media import writeback
from media.binaries import ffmpeg
from media.probe import AudioStream, Probe, VideoStream

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size={size}:rate={rate}:duration={seconds}")
SOUND = ("-f", "lavfi", "-i", "sine=duration={seconds}")
ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "{pixels}", "-c:a", "aac")
STEREO = AudioStream("aac", 2)


class Samples:
    """Sample files by what is particular about them, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lecture(
        self,
        name: str = "lecture.mp4",
        *options: str,
        size: str = "320x180",
        rate: str = "25",
        seconds: float = 6,
        picture: bool = True,
        sound: bool = True,
        pixels: str = "yuv420p",
    ) -> Path:
        """A test picture with a tone. ``options`` of the output may overrule the usual ones."""
        path = self.folder / name
        if not path.exists():
            words = (*(PICTURE if picture else ()), *(SOUND if sound else ()), *ENCODE)
            facts = {"size": size, "rate": rate, "seconds": seconds, "pixels": pixels}
            self.make(path, *(word.format(**facts) for word in words), *options)
        return path

    def copied(self, name: str, *options: str, before: tuple[str, ...] = ()) -> Path:
        """The lecture's own packets in another wrapping."""
        path = self.folder / name
        if not path.exists():
            self.make(path, *before, "-i", str(self.lecture()), "-c", "copy", *options)
        return path

    def cut(self, whole: Path, part: float) -> Path:
        """The first ``part`` of a file."""
        path = whole.with_name(f"cut-{part}-{whole.name}")
        path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
        return path

    def written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def silent(self) -> Path:
        """A lecture without sound."""
        return self.lecture("silent.mp4", sound=False)

    def phone(self) -> Path:
        """Held upright: stored lying, with a turn noted beside."""
        return self.copied("phone.mp4", before=("-display_rotation", "90"))

    def screen(self) -> Path:
        """A screen recording: frames only where something moved."""
        return self.lecture(
            "screen.mp4", "-vf", "select='lt(n,25)+eq(n,70)+gt(n,120)'", "-fps_mode", "vfr"
        )

    def hours(self, count: int) -> Path:
        """The lecture stretched over hours: as small as before."""
        factor = count * 3600 / 6
        return self.copied(f"{count}-hours.mp4", "-an", before=("-itsscale", str(factor)))

    def make(self, path: Path, *arguments: str) -> None:
        command = [ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, timeout=60)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def make_probe() -> Callable[..., Probe]:
    """Facts of a file that need not exist: ``make_probe(width=1920, height=1080)``."""

    def make(
        *,
        codec: str = "h264",
        width: int = 320,
        height: int = 180,
        fps: float = 25.0,
        rotation: int = 0,
        pixel_aspect: float = 1.0,
        audio: AudioStream | None = STEREO,
        duration_ms: int = 60_000,
        size_bytes: int = 1_000_000,
        stream_count: int = 2,
    ) -> Probe:
        video = VideoStream(codec, width, height, fps, rotation, pixel_aspect)
        return Probe("mov,mp4", duration_ms, size_bytes, stream_count, video, audio)

    return make


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an upload brings is safe as soon as that is asked for, and it is asked for often."""

    class Disk:
        def submit(self, work: Callable[[int], None], descriptor: int) -> Future[None]:
            done: Future[None] = Future()
            done.set_result(work(descriptor))
            return done

    monkeypatch.setattr(writeback, "_disk", Disk())
    monkeypatch.setattr(writeback, "SAFE_EVERY_BYTES", 1000)
