"""What an author does about the work on a video: stop it, or ask for it again."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from media import assets, refinements, refining, tasks
from media.models import AssetState
from media.storage import MediaStore
from zhixin import access, clock, db, jobs
from zhixin.people.models import Role

blueprint = Blueprint("media_work", __name__, url_prefix="/media/assets")


@blueprint.post("/<int:asset_id>/cancel")
@access.only(Role.AUTHOR)
def cancel(asset_id: int) -> ResponseReturnValue:
    """Stop the work; the file stays, and so does what can be played already."""
    session = db.session()
    asset = assets.get(session, asset_id, access.person().id)
    if asset.state == AssetState.READY:
        refinements.cancel(session, asset.id)
        flash(_("已停止制作较低的清晰度，视频以原样播放"), "success")
    else:
        assets.cancel(session, asset)
        flash(_("已取消转码，视频文件仍保留"), "success")
    return _back()


@blueprint.post("/<int:asset_id>/retry")
@access.only(Role.AUTHOR)
def retry(asset_id: int) -> ResponseReturnValue:
    """Into the queue once more."""
    session = db.session()
    asset = assets.get(session, asset_id, access.person().id)
    store: MediaStore = current_app.extensions["media_store"]
    has_source = store.has(asset.source)
    if asset.state == AssetState.READY:
        refinements.retry(session, asset.id, clock.now(), has_source=has_source)
        jobs.enqueue(session, refining.refine, asset.id)
    else:
        assets.retry(session, asset, clock.now(), has_source=has_source)
        jobs.enqueue(session, tasks.prepare, asset.id)
    flash(_("已重新排队"), "success")
    return _back()


def _back() -> ResponseReturnValue:
    """To the page where the button was, if that is a path on this site."""
    path = request.form.get("back", "")
    parts = urlsplit(path)
    here = path.startswith("/") and not path.startswith("//") and not parts.netloc
    if not here or re.search(r"[\\\s\x00-\x1f]", path):
        path = "/"
    return redirect(path, 303)
