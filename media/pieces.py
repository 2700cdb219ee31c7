"""A long video cut into pieces, each made by whichever worker is free.

Cuts lie where segments begin, so that pieces are joined without a seam; the sound is made whole,
as piece 0. A piece is claimed like a video: by a conditional UPDATE, for a time.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from media.assets import MOST_TRIES
from media.errors import TranscodeFailed
from media.holding import CLAIM
from media.models import Asset, AssetState
from media.piece_models import Piece, PieceState
from media.probe import Probe
from media.renditions import Plan, Span

SOUND = 0
#: The sound's part of the work, as if it were so many seconds of pictures in a hundred.
SOUND_PART = 0.05


@dataclass(frozen=True)
class Recipe:
    """What every worker has to know to make a piece like the others."""

    probe: Probe
    plan: Plan

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = _RECIPES.dump_python(self, mode="json")
        return found


_RECIPES = TypeAdapter(Recipe)


def recipe_of(asset: Asset) -> Recipe:
    return _RECIPES.validate_python(asset.recipe)


@dataclass(frozen=True)
class Taken:
    """A piece in a worker's hands. ``span`` None: the sound."""

    asset_id: int
    number: int
    mark: str
    span: Span | None


def cut(plan: Plan, duration_ms: int, piece_s: int) -> list[Span]:
    """Spans of about ``piece_s`` seconds that cover the whole; the last is never a snippet,
    because nobody knows to the frame where a file ends."""
    each = max(2, round(piece_s / plan.segment_s))
    count = max(1, int(Fraction(duration_ms, 1000) / (each * plan.segment_s) + Fraction(1, 2)))
    firsts = [i * each for i in range(count)]
    return [Span(first, end) for first, end in zip(firsts, [*firsts[1:], None], strict=True)]


def begin(
    session: Session, asset_id: int, mark: str, recipe: Recipe, spans: Sequence[Span]
) -> Asset:
    """The video with its cut: the one begun by a run that died, if it is the same, else a new one.

    Raises:
        TranscodeFailed: the claim ``mark`` was lost.
    """
    document = recipe.document()
    asset = session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)
    if asset.claim != mark:
        raise TranscodeFailed("cancelled")
    if asset.cut and asset.recipe == document and left(session, asset_id) is not None:
        return asset
    drop(session, asset_id)
    # Its name, by which its folder is known.
    asset.cut, asset.recipe = secrets.token_hex(8), document
    sound = [(SOUND, 0, None)] if recipe.plan.sound else []
    session.add_all(
        Piece(asset_id=asset_id, number=number, first=first, end=end, state=PieceState.WAITING)
        for number, first, end in [*sound, *((i, s.first, s.end) for i, s in enumerate(spans, 1))]
    )
    session.flush()
    return asset


def drop(session: Session, asset_id: int) -> None:
    session.execute(sa.delete(Piece).where(Piece.asset_id == asset_id))


def claim(session: Session, asset_id: int, now: datetime) -> Taken | None:
    """A piece that nobody works on, of a video that is being worked on; None: there is none."""
    free = sa.and_(
        Piece.asset_id == asset_id,
        Piece.state != PieceState.MADE,
        Piece.tries < MOST_TRIES,
        sa.or_(Piece.claimed_until.is_(None), Piece.claimed_until < now),
        sa.exists().where(Asset.id == asset_id, Asset.state == AssetState.TRANSCODING),
    )
    for number in session.scalars(sa.select(Piece.number).where(free).order_by(Piece.number)).all():
        mark = secrets.token_hex(8)
        taken = session.execute(
            sa.update(Piece)
            .where(free, Piece.number == number)
            .values(
                state=PieceState.MAKING,
                claim=mark,
                claimed_until=now + CLAIM,
                tries=Piece.tries + 1,
                progress=0,
            )
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount == 1:  # type: ignore[attr-defined]
            row = session.get_one(Piece, (asset_id, number))
            span = None if number == SOUND else Span(row.first, row.end)
            return Taken(asset_id, number, mark, span)
    return None


def renew(session: Session, taken: Taken, percent: int, now: datetime) -> bool:
    """Say that the work goes on; False when the claim, or the video's work, is over."""
    going = sa.exists().where(Asset.id == taken.asset_id, Asset.state == AssetState.TRANSCODING)
    return _change(session, taken, going, progress=percent, claimed_until=now + CLAIM)


def made(session: Session, taken: Taken) -> bool:
    """Its folder is in its place."""
    return _change(
        session, taken, state=PieceState.MADE, progress=100, claimed_until=None, claim=None
    )


def release(
    session: Session, taken: Taken, code: str, retry_at: datetime, *, counted: bool, last: bool
) -> bool:
    """Leave it to a later try, or (``last``) to nobody."""
    tries: Any = MOST_TRIES if last else Piece.tries if counted else Piece.tries - 1
    return _change(
        session,
        taken,
        state=PieceState.WAITING,
        claimed_until=retry_at,
        claim=None,
        failure_code=code,
        tries=tries,
    )


def left(session: Session, asset_id: int) -> int | None:
    """How many are not made; None: it is not cut."""
    rows = session.scalars(sa.select(Piece.state).where(Piece.asset_id == asset_id)).all()
    return sum(state != PieceState.MADE for state in rows) if rows else None


def given_up(session: Session, asset_id: int, now: datetime) -> str | None:
    """Why a piece will not be made."""
    found = session.scalars(
        sa.select(Piece).where(
            Piece.asset_id == asset_id,
            Piece.state != PieceState.MADE,
            Piece.tries >= MOST_TRIES,
            sa.or_(Piece.claim.is_(None), Piece.claimed_until < now),
        )
    ).first()
    return None if found is None else found.failure_code or "transcode-failed"


def percent(session: Session, asset_id: int, recipe: Recipe) -> float:
    """Of the whole, by the length of each piece."""
    plan, done, all_s = recipe.plan, 0.0, 0.0
    for piece in session.scalars(sa.select(Piece).where(Piece.asset_id == asset_id)):
        seconds = recipe.probe.duration_ms / 1000 * SOUND_PART
        if piece.number != SOUND:
            begin_s, end_s = Span(piece.first, piece.end).seconds(plan)
            seconds = float((end_s or recipe.probe.duration_ms / 1000) - begin_s)
        done += seconds * piece.progress / 100
        all_s += seconds
    return 100 * done / all_s if all_s else 0.0


def waiting(session: Session, now: datetime, most: int) -> Sequence[int]:
    """Videos with pieces that nobody works on, once for each such piece, ``most`` in all."""
    return session.scalars(
        sa.select(Piece.asset_id)
        .join(Asset, Asset.id == Piece.asset_id)
        .where(
            Asset.state == AssetState.TRANSCODING,
            Piece.state != PieceState.MADE,
            Piece.tries < MOST_TRIES,
            sa.or_(Piece.claimed_until.is_(None), Piece.claimed_until < now),
        )
        .order_by(Piece.asset_id, Piece.number)
        .limit(most)
    ).all()


def cuts_in_work(session: Session) -> set[str]:
    """Names of the cuts whose folders are still wanted."""
    unfinished = (AssetState.UPLOADED, AssetState.TRANSCODING)
    found = session.scalars(
        sa.select(Asset.cut).where(Asset.cut.is_not(None), Asset.state.in_(unfinished))
    )
    return {name for name in found if name}


def _change(
    session: Session, taken: Taken, *also: sa.ColumnElement[bool], **values: object
) -> bool:
    changed = session.execute(
        sa.update(Piece)
        .where(
            Piece.asset_id == taken.asset_id,
            Piece.number == taken.number,
            Piece.claim == taken.mark,
            *also,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]
