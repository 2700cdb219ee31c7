"""Captions by an engine: asked for, worked on by one job at a time, laid down for an author to read.

What people wrote is never replaced: where there are captions in the language, nothing is asked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from media import caption_files, captions, probe, speech
from media.caption_models import CaptionTrack, Origin
from media.cues import Cue
from media.errors import CaptionsRefused, MediaRejected
from media.keeping import meanwhile
from media.models import Asset, AssetState
from media.speech import Engine, SpeechFailed
from media.speech_models import SPEECH_STEPS, UNFINISHED, SpeechRun, SpeechState, SpeechStep
from media.storage import MediaStore
from zhixin import sandbox
from zhixin.db import Database
from zhixin.errors import Conflict, DomainError

CLAIM = timedelta(minutes=1)
#: As often as a worker may die over it.
MOST_TRIES = 3
RENEW_EVERY_S = 5.0
#: Of sound as it is extracted: 16,000 samples a second of two bytes.
BYTES_A_MS = 32


class NoEngine(Conflict):
    code = "speech-none"
    title = "这台服务器没有安装语音识别"


@dataclass(frozen=True)
class Place:
    """Where the work is done, by which engine."""

    store: MediaStore
    scratch: Path
    engine: Engine | None


def ask(
    session: Session, asset: Asset, language: str, person_id: int, place: Place, now: datetime
) -> SpeechRun:
    """Ask for a video's captions in a language; what is asked for already is not asked twice.

    Raises:
        NoEngine: none is installed. CaptionsRefused: no such language. Conflict: the video is not
        ready, or has captions in this language.
    """
    if place.engine is None:
        raise NoEngine
    if language not in captions.LANGUAGES:
        raise CaptionsRefused("captions-language")
    if asset.state != AssetState.READY:
        raise Conflict("视频还没有准备好，转码完成后再识别", code="video-not-ready")
    if _written(_track(session, asset.id, language)):
        raise Conflict("这种语言已有字幕；要重新识别，请先删除原来的字幕", code="captions-there")
    unfinished = (
        SpeechRun.asset_id == asset.id,
        SpeechRun.language == language,
        SpeechRun.state.in_(UNFINISHED),
    )
    made = SpeechRun(
        asset_id=asset.id,
        language=language,
        asked_by_id=person_id,
        state=SpeechState.WAITING,
        tries=0,
        created_at=now,
    )
    if found := session.scalar(sa.select(SpeechRun).where(*unfinished)):
        return found
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # asked for at the same moment
        return session.scalars(sa.select(SpeechRun).where(*unfinished)).one()
    return made


def _track(session: Session, asset_id: int, language: str) -> CaptionTrack | None:
    tracks = captions.of_asset(session, asset_id)
    return next((each for each in tracks if each.language == language), None)


def _written(track: CaptionTrack | None) -> bool:
    return track is not None and bool(track.cues)


def of_asset(session: Session, asset_id: int) -> Sequence[SpeechRun]:
    """What is being written down, and in each language the last that was not; not what is done."""
    rows = session.scalars(
        sa.select(SpeechRun).where(SpeechRun.asset_id == asset_id).order_by(SpeechRun.id)
    )
    last = {each.language: each for each in rows}
    return [each for each in last.values() if each.state != SpeechState.DONE]


def waiting(session: Session, now: datetime) -> Sequence[int]:
    """What a job is to be rung for, the next first; none while another is at work: an engine takes
    all that a machine has."""
    if session.scalar(
        sa.select(SpeechRun.id)
        .where(SpeechRun.state == SpeechState.WORKING, SpeechRun.claimed_until >= now)
        .limit(1)
    ):
        return []
    return session.scalars(
        sa.select(SpeechRun.id).where(_free(now)).order_by(SpeechRun.created_at, SpeechRun.id)
    ).all()


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        SpeechRun.state.in_(SPEECH_STEPS.before(SpeechStep.CLAIM)),
        sa.or_(SpeechRun.claimed_until.is_(None), SpeechRun.claimed_until < now),
    )


def run(database: Database, place: Place, now: Callable[[], datetime]) -> None:
    """Write down what is next, unless somebody does. Holds no transaction while working."""
    mark = secrets.token_hex(16)
    with database.transaction() as session:
        taken = _claim(session, mark, now())
        if taken is None:
            return
        asset = session.get_one(Asset, taken.asset_id)
        session.expunge_all()
    keeper = _Keeper(database, taken.id, mark, now)
    try:
        if taken.tries > MOST_TRIES:
            raise SpeechFailed("speech-failed")
        found = _transcribe(place, asset, taken.language, keeper)
        with database.transaction() as session:
            if keeper.end(session, SpeechStep.FINISH):
                _lay_down(session, asset, taken.language, found, now())
    except SpeechFailed as failure:
        with database.transaction() as session:
            keeper.end(session, SpeechStep.FAIL, failure.code)


def _claim(session: Session, mark: str, now: datetime) -> SpeechRun | None:
    for run_id in waiting(session, now):
        claimed = session.execute(
            sa.update(SpeechRun)
            .where(SpeechRun.id == run_id, _free(now))
            .values(
                state=SpeechState.WORKING,
                claim=mark,
                claimed_until=now + CLAIM,
                tries=SpeechRun.tries + 1,
            )
            .execution_options(synchronize_session=False)
        )
        if claimed.rowcount == 1:  # type: ignore[attr-defined]
            return session.get_one(SpeechRun, run_id, populate_existing=True)
    return None


def _transcribe(place: Place, asset: Asset, language: str, keeper: _Keeper) -> list[Cue]:
    if place.engine is None:  # taken away since
        raise SpeechFailed("speech-none")
    try:
        place.store.require_space((asset.duration_ms or 0) * BYTES_A_MS)
        with (
            place.store.fetched(asset.source, partial(meanwhile, lost=keeper.lost)) as source,
            sandbox.scratch(place.scratch) as folder,
        ):
            sound = probe.probe(source).audio
            if sound is None:
                raise SpeechFailed("speech-no-sound")
            audio = speech.extract(source, sound.index, folder, keeper.lost)
            written = place.engine.transcribe(audio, language, keeper.lost)
        found = _fitting(caption_files.read(written, most_bytes=speech.MOST_BYTES), asset)
    except FileNotFoundError:
        raise SpeechFailed("speech-no-source") from None
    except MediaRejected:
        raise SpeechFailed("speech-failed") from None
    except CaptionsRefused:
        raise SpeechFailed("speech-unreadable") from None
    except DomainError as refused:
        full = refused.status == 507
        raise SpeechFailed("speech-no-room" if full else "speech-unreadable") from None
    if not found:
        raise SpeechFailed("speech-unreadable")
    return found


def _fitting(found: Sequence[Cue], asset: Asset) -> list[Cue]:
    """Within the video: engines hear things in the silence after its end."""
    end = asset.duration_ms or 0
    fitted = [Cue(each.start_ms, min(each.end_ms, end), each.text) for each in found]
    return [each for each in fitted if each.start_ms < each.end_ms]


def _lay_down(
    session: Session, asset: Asset, language: str, found: Sequence[Cue], now: datetime
) -> None:
    """As captions that nobody has read yet; if somebody wrote some meanwhile, theirs stay."""
    asset = session.get_one(Asset, asset.id, with_for_update=True)
    if not _written(_track(session, asset.id, language)):
        captions.bring(session, asset, language, found, now, origin=Origin.SPEECH)


class _Keeper:
    """Keeps the claim while the work goes on, and notices when it was lost."""

    def __init__(
        self, database: Database, run_id: int, mark: str, now: Callable[[], datetime]
    ) -> None:
        self._database, self._id, self._mark, self._now = database, run_id, mark, now
        self._renewed, self._lost = time.monotonic(), False

    def lost(self) -> bool:
        if time.monotonic() - self._renewed >= RENEW_EVERY_S:
            self._renewed = time.monotonic()
            with self._database.transaction() as session:
                self._lost = not self._update(session, claimed_until=self._now() + CLAIM)
        return self._lost

    def end(self, session: Session, step: SpeechStep, failure: str | None = None) -> bool:
        """Say how it ended; False: another took over, whose say it is."""
        return self._update(
            session,
            state=SPEECH_STEPS.end(step),
            failure_code=failure,
            claim=None,
            claimed_until=None,
            ended_at=self._now(),
        )

    def _update(self, session: Session, **values: object) -> bool:
        kept = session.execute(
            sa.update(SpeechRun)
            .where(SpeechRun.id == self._id, SpeechRun.claim == self._mark)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(kept.rowcount == 1)  # type: ignore[attr-defined]
