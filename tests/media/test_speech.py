"""Speech to text by an installed command: asked for, done once, laid down for an author to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from media import captions, cues, speech, speech_tasks, tasks, transcribing
from media.caption_models import CaptionTrack, Origin
from media.cues import Cue
from media.models import Asset
from media.speech_models import SpeechRun, SpeechState
from tests.media.test_tasks import Workshop, later, workshop  # noqa: F401 - fixtures
from zhixin import clock
from zhixin.errors import Conflict

VTT = """WEBVTT

00:00.000 --> 00:02.000
{text}

00:05.000 --> 00:09.000
beyond the end

01:00.000 --> 01:02.000
nobody says this
"""


def install(
    workshop: Workshop,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    *words: str,
    minutes: int = 5,
) -> None:
    """A real command: a script of the operator's, with its libraries in a folder beside it."""
    folder = workshop.settings.data_dir / "engine"
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "engine"
    command.write_text(f"#!/bin/sh\n{script}")
    command.chmod(0o755)
    (folder / "model").write_text("大家好")
    installed = dataclasses.replace(
        workshop.settings,
        speech_command=" ".join([str(command), *words]),
        speech_reads=str(folder),
        speech_minutes=minutes,
        speech_memory_mib=512,
    )
    monkeypatch.setitem(workshop.app.extensions, "settings", installed)


def ask(workshop: Workshop, asset_id: int, language: str = "zh-Hans") -> int:  # noqa: F811
    with workshop.app.app_context(), workshop.transaction() as session:
        asset = session.get_one(Asset, asset_id)
        place = speech_tasks.place()
        run = transcribing.ask(session, asset, language, asset.owner_id, place, clock.now())
        return run.id


def track(workshop: Workshop, asset_id: int) -> CaptionTrack | None:  # noqa: F811
    with workshop.transaction() as session:
        return next(iter(captions.of_asset(session, asset_id)), None)


def ended(workshop: Workshop, run_id: int) -> tuple[SpeechState, str | None]:  # noqa: F811
    with workshop.transaction() as session:
        run = session.get_one(SpeechRun, run_id)
        return run.state, run.failure_code


@pytest.fixture
def video(workshop: Workshop, samples: Any) -> int:  # noqa: F811
    asset_id = workshop.upload(samples.lecture())
    tasks.prepare(asset_id)
    return asset_id


def test_a_command_writes_a_draft_that_nobody_has_read(
    workshop: Workshop,  # noqa: F811
    video: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets a WAV and the language; what it says after the video's end is left out; asked for
    once more it is not done twice; whoever changes a cue has not read them all."""
    script = 'head -c 12 "$1" > said; test "$2" = zh || exit 3\n'
    script += (
        f"cat > captions.vtt <<END\n{VTT.format(text='$(head -c 4 $1)$(cat ${0%/*}/model)')}END"
    )
    install(workshop, monkeypatch, script, "{audio}", "{language}")
    run_id = ask(workshop, video)
    assert ask(workshop, video) == run_id
    speech_tasks.transcribe(run_id)
    assert ended(workshop, run_id) == (SpeechState.DONE, None)
    made = track(workshop, video)
    assert made is not None
    assert (made.language, made.origin) == ("zh-Hans", Origin.SPEECH)
    duration = workshop.asset(video).duration_ms
    assert cues.unnamed(made.cues) == [
        Cue(0, 2000, "RIFF大家好"),
        Cue(5000, duration or 0, "beyond the end"),
    ]
    with workshop.transaction() as session:
        kept = captions.get(session, made.id, video, lock=True)
        cue = kept.cues[0]
        change = {"key": cue["key"], "base": cue, "to": {**cue, "text": "大家好"}}
        captions.change(session, kept, [change], clock.now())
        assert captions.unread(session, [video]) == {video: ["简体中文"]}
        captions.note_read(session, kept, clock.now())
        assert captions.unread(session, [video]) == {}
    with pytest.raises(Conflict, match="已有字幕"):
        ask(workshop, video)


def test_what_went_wrong_is_said_and_nothing_is_laid_down(
    workshop: Workshop,  # noqa: F811
    video: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And it may be tried again. Outside of its folder there is nothing for the command."""
    with pytest.raises(transcribing.NoEngine):
        ask(workshop, video)
    wanted = {
        "exit 1": "speech-failed",
        "echo nothing that is captions": "speech-unreadable",
        "true": "speech-unreadable",
        "cat /etc/passwd || exit 1": "speech-failed",
    }
    for script, code in wanted.items():
        install(workshop, monkeypatch, script)
        run_id = ask(workshop, video)
        speech_tasks.transcribe(run_id)
        assert ended(workshop, run_id) == (SpeechState.FAILED, code)
    assert track(workshop, video) is None


def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    """Its time is up, or nobody waits any more."""
    command = tmp_path / "engine"
    command.write_text("#!/bin/sh\nwhile :; do sleep 1; done")
    command.chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / speech.AUDIO).write_bytes(b"RIFF")
    engine = speech.CommandEngine((str(command),), (), 0, 256)
    with pytest.raises(speech.SpeechFailed, match="speech-timeout"):
        engine.transcribe(folder / speech.AUDIO, "en", lambda: False)
    engine = dataclasses.replace(engine, minutes=1)
    with pytest.raises(speech.SpeechFailed, match="speech-lost"):
        engine.transcribe(folder / speech.AUDIO, "en", lambda: True)


def test_a_dead_workers_run_is_found_and_done_once(
    workshop: Workshop,  # noqa: F811
    video: int,
    monkeypatch: pytest.MonkeyPatch,
    later: Callable[[timedelta], None],  # noqa: F811
) -> None:
    """While the claim runs nobody takes it, nor another's; afterwards the sweeper finds it, and
    what the dead one still says has no effect. What an author wrote meanwhile stays."""
    install(workshop, monkeypatch, "printf 'WEBVTT\\n\\n00:01.000 --> 00:02.000\\nhello\\n'")
    run_id = ask(workshop, video, "en")
    with workshop.transaction() as session:
        taken = transcribing._claim(session, "dead", clock.now())
        assert taken is not None
    other = ask(workshop, video, "zh-Hans")
    with workshop.transaction() as session:
        assert transcribing.waiting(session, clock.now()) == []
    speech_tasks.transcribe(other)
    assert ended(workshop, other)[0] == SpeechState.WAITING
    later(timedelta(minutes=2))
    with workshop.transaction() as session:
        assert transcribing.waiting(session, clock.now()) == [run_id, other]
        asset = session.get_one(Asset, video)
        captions.bring(session, asset, "zh-Hans", [Cue(0, 900, "我写的")], clock.now())
    speech_tasks.transcribe(run_id)
    speech_tasks.transcribe(other)
    with workshop.transaction() as session:
        words = {
            t.language: cues.unnamed(t.cues)[0].text for t in captions.of_asset(session, video)
        }
        assert words == {"en": "hello", "zh-Hans": "我写的"}
        gone = sa.update(SpeechRun).where(SpeechRun.id == run_id, SpeechRun.claim == "dead")
        assert session.execute(gone.values(tries=9)).rowcount == 0
