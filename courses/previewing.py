"""A draft as learners would meet it: nothing is frozen, booked or graded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from assessments import blueprinting, drafting, papers
from assessments.banks.drawing import NotEnough
from assessments.models import Paper
from courses import conditions, editing, kinds, meetings
from courses.documents import Unit as Frozen
from courses.models import Course, Unit, UnitKind
from media import captions, streaming
from media.file_models import Attachment
from media.models import AssetState


def unit(
    session: Session, course: Course, draft: Unit, viewer: int, now: datetime
) -> dict[str, Any]:
    """What the page of one unit shows; keys of questions are not in it."""
    facts: dict[str, Any] = {"unit": _shown(draft)}
    if draft.kind == UnitKind.VIDEO:
        video = editing.videos(session, course).get(draft.asset_id or 0)
        if video is not None and video.state == AssetState.READY:
            facts["video"] = video
            facts["playlist"] = streaming.playlist_url(video, viewer=viewer, now=now)
            facts["captions"] = [each for each in captions.of_asset(session, video.id) if each.cues]
    elif draft.paper_id:
        facts["attempt"] = _attempt(session, session.get_one(Paper, draft.paper_id))
    elif draft.file_id:
        facts["file"] = session.get(Attachment, draft.file_id)
    elif draft.courseware_id and draft.launch:
        facts["courseware"] = (draft.courseware_id, draft.launch)
    elif draft.starts_at and draft.minutes:
        facts["standing"] = meetings.standing(draft.starts_at, draft.minutes, now)
    return facts


def stops(draft: Unit) -> list[dict[str, Any]]:
    """Where the unit's video stops, with keys: for those who write them, judged in the page."""
    checks = sorted(enumerate(draft.checks or ()), key=lambda each: each[1]["at_ms"])
    return [
        {
            "place": place,
            "at": check["at_ms"] / 1000,
            "text": check["text"],
            "options": list(check["options"]),
            "right": check["right"],
            "explanation": check.get("explanation") or "",
        }
        for place, check in checks
        if check.get("everyone")
    ]


def asked(course: Course) -> set[int]:
    return conditions.asked(course)


def _shown(draft: Unit) -> Frozen:
    # Not checked: a draft may lack what a version needs.
    return Frozen.model_construct(
        key=draft.key, kind=UnitKind(draft.kind), title=draft.title, starts_at=draft.starts_at,
        body=draft.body if kinds.of(draft.kind).written else None, rich=True,
        minutes=draft.minutes, address=draft.address,
    )  # fmt: skip


def _attempt(session: Session, paper: Paper) -> dict[str, Any]:
    try:
        whole = blueprinting.example(session, paper, f"preview {paper.id}")
    except NotEnough:  # the course's list of what is missing says so
        whole = drafting.Draft.from_document(paper.document)
    seen = papers.public(whole)
    return {
        "id": 0, "number": 1, "state": "open", "title": seen["title"], "answers": {},
        "questions": seen["questions"], "answered": 0, "saved_at": None,
    }  # fmt: skip
