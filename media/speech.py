"""Speech to text by an engine that the operator installed; without one there is none.

An engine is whatever has ``transcribe``. The one here is a command (``ZHIXIN_SPEECH_COMMAND``):
it reads a WAV file (16 kHz, mono) and leaves ``captions.vtt`` or ``captions.srt`` where it is
started, or writes either to its standard output. It runs as every tool on a stranger's file does:
bounded, without network, with one folder (``zhixin.sandbox``).
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import ffmpeg
import structlog

from media import binaries
from media.probe import INPUT_GUARDS
from media.running import Run, running
from zhixin import sandbox
from zhixin.config import Settings

log = structlog.get_logger()

AUDIO = "captions.wav"  # engines that name their output by their input so name it right
OUTPUTS = ("captions.vtt", "captions.srt")
STDOUT = "captions.out"
#: No captions are larger.
MOST_BYTES = 8 * 1024**2
#: Of each file that an engine writes on its way.
MOST_FILE_BYTES = 1024**3
RATE_HZ = 16_000
#: To read the sound of hours.
EXTRACT_S = 3600

Lost = Callable[[], bool]


class SpeechFailed(Exception):
    """``code`` says why, see ``media.speech_words``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Engine(Protocol):
    """Turns speech into captions."""

    def transcribe(self, audio: Path, language: str, lost: Lost) -> bytes:
        """A WebVTT or SRT file of what is said.

        Args:
            audio: a WAV file, in a folder of its own that the engine may write into.
            language: BCP 47, see ``media.captions.LANGUAGES``.
            lost: asked often; True: nobody waits for this any more.

        Raises:
            SpeechFailed: it could not.
        """


@dataclass(frozen=True)
class CommandEngine:
    """An installed command. ``{audio}`` and ``{language}`` (``zh``, ``en``) in it are filled in."""

    words: tuple[str, ...]
    reads: tuple[Path, ...]
    minutes: int
    memory_mib: int

    def transcribe(self, audio: Path, language: str, lost: Lost) -> bytes:
        folder = audio.parent
        filled = {"{audio}": str(audio), "{language}": language.partition("-")[0]}
        words = [filled.get(word, word) for word in self.words]
        found = shutil.which(words[0])
        if found is None:
            log.error("speech engine not found", command=words[0])
            raise SpeechFailed("speech-none")
        program = os.path.abspath(found)
        # The output goes to a file, lines and all; the pipe stays open to tell when it has ended.
        shell = ["/bin/sh", "-c", f'exec "$@" 3>&1 >{STDOUT}', "sh", program, *words[1:]]
        seconds = self.minutes * 60
        bounds = sandbox.Bounds(
            cpu_s=seconds * (os.cpu_count() or 1),
            memory_bytes=self.memory_mib * 1024**2,
            file_bytes=MOST_FILE_BYTES,
        )
        reads = [Path(program).resolve(), *(path.resolve() for path in self.reads)]
        with running(shell, folder=folder, reads=reads, bounds=bounds) as run:
            _finish(run, seconds, lost)
        return self._written(folder)

    def _written(self, folder: Path) -> bytes:
        for name in (*OUTPUTS, STDOUT):
            path = folder / name
            # A link leads out of the folder, where the engine itself could not read.
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                with path.open("rb") as file:
                    return file.read(MOST_BYTES + 1)
        raise SpeechFailed("speech-unreadable")


def engine(settings: Settings) -> Engine | None:
    """The installed one; None: there is none."""
    words = tuple(shlex.split(settings.speech_command))
    if not words:
        return None
    reads = tuple(Path(part) for part in settings.speech_reads.split(":") if part)
    return CommandEngine(words, reads, settings.speech_minutes, settings.speech_memory_mib)


def extract(source: Path, stream: int, folder: Path, lost: Lost) -> Path:
    """The sound of a video as an engine takes it; its clock is the video's.

    Raises:
        SpeechFailed: it can't be read.
    """
    sound = ffmpeg.input(f"file:{source.resolve()}", **INPUT_GUARDS)[str(stream)]
    sound = sound.filter("aresample", **{"sample_rate": RATE_HZ, "async": 1, "first_pts": 0})
    arguments: Sequence[str] = (
        ffmpeg.output(sound, AUDIO, **{"ac": 1, "c:a": "pcm_s16le", "map_metadata": -1})
        .global_args("-hide_banner", "-nostdin", "-v", "error", "-y")
        .compile(cmd=binaries.ffmpeg())
    )
    with running(list(arguments), folder=folder) as run:
        _finish(run, EXTRACT_S, lost)
    return folder / AUDIO


def _finish(run: Run, seconds: int, lost: Lost) -> None:
    try:
        for _line in run.lines(time.monotonic() + seconds):
            if lost():
                raise SpeechFailed("speech-lost")
    except TimeoutError:
        raise SpeechFailed("speech-timeout") from None
    except ValueError:
        raise SpeechFailed("speech-failed") from None
    if run.process.returncode != 0:
        log.warning("speech engine failed", code=run.process.returncode, log=run.errors())
        raise SpeechFailed("speech-failed")
