"""Courseware for browsers: its files under their grant, and what it says of a learner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from flask import Blueprint, Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerHour
from pydantic import Field

from courses import completion, enrolments, opening, progress
from courses.courseware import claims, keeping, playing
from courses.courseware.models import Courseware, CoursewareClaim, Edition
from courses.courseware.playing import Grant
from courses.learning import sampling_seed
from courses.models import UnitKind
from media import ranges
from media.storage import MediaStore
from media.vaults import CHUNK_BYTES
from zhixin import access, clock, db, rates, security
from zhixin.api import Model, api_blueprint
from zhixin.errors import NotFound
from zhixin.people.models import Role

#: A word every two seconds is lively courseware; more in an hour is a program gone wild.
SAYINGS = RateLimitItemPerHour(3_600, namespace="courseware")
blueprint = Blueprint("courseware", __name__, url_prefix="/courseware")
api = api_blueprint("courseware", "Courseware: what it says of a learner")


def address(
    courseware_id: str, launch: str, *, enrolment_id: int = 0, unit_key: str = "look"
) -> str:
    """Where a unit's courseware begins, for one learner (0: only a look) and a few hours."""
    what = Grant(courseware_id, enrolment_id, unit_key)
    granted = playing.grant(_secret(), what, clock.now())
    name, parameters = playing.launched(launch)
    return url_for("courseware.file", grant=granted, name=name) + parameters


class Frame(NamedTuple):
    """What the page around courseware needs: its address, and the mark of its messages."""

    address: str
    token: str


def frame(courseware_id: str, launch: str, enrolment_id: int = 0, unit_key: str = "look") -> Frame:
    """A frame with courseware for this response's page, for one learner or (0) only for a look."""
    begins = address(courseware_id, launch, enrolment_id=enrolment_id, unit_key=unit_key)
    folder = "/".join(begins.split("/")[:3]) + "/"
    security.may_frame(request.host_url.rstrip("/") + folder)
    return Frame(begins, begins.split("/")[2].rpartition(".")[2])


@blueprint.get("/<grant>/<path:name>")
@access.public
def file(grant: str, name: str) -> ResponseReturnValue:
    """A file of the package. Whoever holds the address may have it: it is signed, for one learner
    and unit, and no cookie is looked at."""
    what = playing.check(_secret(), grant, clock.now())
    session = db.session()
    kept = session.get(Courseware, what.courseware_id)
    if kept is None:
        raise NotFound
    place, size = keeping.place_of(kept, name)
    store: MediaStore = current_app.extensions["media_store"]
    key, kind = keeping.key_of(kept, place), name.rpartition(".")[2].lower()
    if kind in playing.PAGES:
        answer = _page(store, key, size, _told(kept, what, grant))
    else:
        media_type = playing.TYPES.get(kind, "application/octet-stream")
        answer = ranges.answer(store, key, size, media_type, etag=f"{kept.id}-{place}")
        answer.headers["Cache-Control"] = "private, max-age=3600"
    own = request.host_url.rstrip("/") + url_for("courseware.file", grant=grant, name="")
    answer.headers["Content-Security-Policy"] = playing.policy(own)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    # Its own frames have no origin either, so their requests come as from elsewhere.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Access-Control-Expose-Headers"] = "Accept-Ranges, Content-Range, ETag"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _page(store: MediaStore, key: str, size: int, told: Mapping[str, object]) -> Response:
    """A page with the SCORM API in it: always whole, and never kept by a browser."""
    try:
        content = store.vault.open(key)
    except FileNotFoundError:
        raise NotFound from None
    own = content.read(playing.START_BYTES)
    start = playing.with_adapter(own, told)
    answer = Response(_pieces(start, content))
    answer.call_on_close(content.close)
    answer.content_length = size - len(own) + len(start)
    answer.headers["Content-Type"] = "text/html"  # the page itself says in what encoding
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _pieces(start: bytes, content: BinaryIO) -> Iterator[bytes]:
    with content:
        yield start
        while piece := content.read(CHUNK_BYTES):
            yield piece


def _told(kept: Courseware, what: Grant, grant: str) -> dict[str, object]:
    session = db.session()
    claim = session.get(CoursewareClaim, (what.enrolment_id, what.unit_key))
    values = claims.start(
        claim.values if claim else None, Edition(kept.edition), claim.claimed_ms if claim else 0
    )
    token = grant.rpartition(".")[2]
    return {"edition": kept.edition, "token": token, "values": values, "bounds": claims.BOUNDS}


class ClaimPath(Model):
    enrolment_id: int
    unit_key: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class ClaimIn(Model):
    """Elements of the SCORM data model that were set, as texts."""

    values: dict[str, str]


class ClaimOut(Model):
    done: bool = Field(description="the courseware says so; it is no evidence and gives no hours")


@api.post(
    "/enrolments/<int:enrolment_id>/courseware/<string:unit_key>",
    summary="What the courseware of a unit says (SCORM data model)",
    responses={200: ClaimOut},
)
@access.only(Role.LEARNER)
def claim(path: ClaimPath, body: ClaimIn) -> ResponseReturnValue:
    """Kept for its next start. Time and scores in it are claims: nothing counts them."""
    session, now = db.session(), clock.now()
    rates.spend(SAYINGS, access.person().id)
    enrolment = enrolments.get(session, path.enrolment_id, access.person().id)
    found = opening.unit(progress.of(session, enrolment), path.unit_key)
    if found.unit.kind != UnitKind.SCORM:
        raise NotFound
    done = claims.note(session, enrolment, found.unit, body.values, now)
    if done:
        completion.check(session, enrolment.id, sampling_seed=sampling_seed(), now=now)
    return ClaimOut(done=done).model_dump(), 200


def _secret() -> bytes:
    secret = current_app.secret_key
    assert isinstance(secret, bytes)
    return secret
