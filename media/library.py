"""An author's media: what there is, where it is used, how much room it takes; and giving it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from media import assets, collecting, files, pictures, queueing, references, uploads, usage
from media.models import Asset
from zhixin import access, clock, config, db
from zhixin.people.models import Role

blueprint = Blueprint("library", __name__, url_prefix="/studio/media")


class Shown(NamedTuple):
    """One thing of an author's with its courses, and the bytes that it takes."""

    it: collecting.Medium
    used: list[references.Use]
    size: int
    standing: queueing.Standing | None


class OfCourse(NamedTuple):
    use: references.Use
    size: int


@blueprint.get("")
@access.only(Role.AUTHOR)
def index() -> ResponseReturnValue:
    """My media."""
    session, owner_id = db.session(), access.person().id
    settings: config.Settings = current_app.extensions["settings"]
    uses = references.uses(session, owner_id)
    shown = {
        "videos": _shown(session, assets.of_owner(session, owner_id), uses),
        "pictures": _shown(session, pictures.of_owner(session, owner_id), uses),
        "files": _shown(session, files.of_owner(session, owner_id), uses),
    }
    everything = [each for kind in shown.values() for each in kind]
    return render_template(
        "studio/media.html",
        **shown,
        unfinished=uploads.unfinished(session, owner_id, clock.now()),
        usage=usage.of(session, owner_id),
        most=settings.author_bytes,
        picture_bytes=settings.picture_bytes,
        grace_days=settings.unused_media_days,
        by_course=[
            OfCourse(use, sum(e.size for e in everything if use in e.used))
            for use in uses
            if any(use in e.used for e in everything)
        ],
        size_text=size_text,
    )


@blueprint.post("/videos/<int:asset_id>/discard")
@access.only(Role.AUTHOR)
def discard_video(asset_id: int) -> ResponseReturnValue:
    """Delete a video that no course uses."""
    return _discard(db.session(), assets.get(db.session(), asset_id, access.person().id))


@blueprint.post("/pictures/<picture_id>/discard")
@access.only(Role.AUTHOR)
def discard_picture(picture_id: str) -> ResponseReturnValue:
    """Delete a picture that no course uses."""
    return _discard(db.session(), pictures.get(db.session(), picture_id, access.person().id))


@blueprint.post("/files/<file_id>/discard")
@access.only(Role.AUTHOR)
def discard_file(file_id: str) -> ResponseReturnValue:
    """Delete a file that no course uses."""
    return _discard(db.session(), files.get(db.session(), file_id, access.person().id))


@blueprint.post("/uploads/<upload_id>/discard")
@access.only(Role.AUTHOR)
def discard_upload(upload_id: str) -> ResponseReturnValue:
    """Give up an unfinished upload."""
    session = db.session()
    upload = uploads.get(session, upload_id, access.person().id, clock.now())
    uploads.terminate(session, current_app.extensions["media_store"], upload)
    return redirect(url_for("library.index"), 303)


def size_text(size: int) -> str:
    """Bytes as people read them."""
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return (
                f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:.2f} TB"


def _discard(session: Session, medium: collecting.Medium) -> ResponseReturnValue:
    uses = references.uses(session, access.person().id)
    collecting.discard(session, medium, uses, clock.now())
    flash(_("已删除"), "success")
    return redirect(url_for("library.index"), 303)


def _shown(
    session: Session, media: Sequence[collecting.Medium], uses: list[references.Use]
) -> list[Shown]:
    now = clock.now()
    return [
        Shown(
            each,
            [use for use in uses if collecting.is_in(each, use.found)],
            each.source_bytes + (each.rendition_bytes or 0)
            if isinstance(each, Asset)
            else each.size_bytes,
            queueing.standing(session, each, now)
            if isinstance(each, Asset) and each.state not in collecting.AT_REST
            else None,
        )
        for each in media
    ]
