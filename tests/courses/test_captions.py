"""Captions of a video, from the author's file to the learner's player."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from courses import enrolments, reviewing, submission
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion
from media import captions, cues
from media.caption_models import CaptionVersion
from media.cues import Cue
from media.models import Asset
from zhixin.people.models import Person

CHINESE = [Cue(0, 2000, "欢迎"), Cue(2000, 5000, "今天讲桥梁")]
ENGLISH = [Cue(0, 2000, "Welcome <all>")]


@pytest.fixture
def draft(create_course: Callable[..., Course]) -> Course:
    return create_course()


@pytest.fixture
def asset(session: Session, draft: Course) -> Asset:
    ids = [u.asset_id for c in draft.chapters for u in c.units if u.asset_id]
    return session.get_one(Asset, ids[0])


def _published(
    session: Session, draft: Course, reviewer: Person, now: datetime
) -> tuple[CourseVersion, Any]:
    version = submission.submit(session, draft, now)
    reviewing.approve(session, version, reviewer.id, now)
    session.commit()
    unit = next(u for u in CourseDocument.from_text(version.document).units() if u.asset_id)
    return version, unit


def test_what_was_published_stays(
    session: Session, draft: Course, asset: Asset, reviewer: Person, create_person: Any,
    sign_in: Callable[[Person], FlaskClient], now: datetime,
) -> None:  # fmt: skip
    """A learner reads the published captions, although they were rewritten and removed since; and
    nobody else reads them."""
    track = captions.bring(session, asset, "zh-Hans", CHINESE, now)
    captions.bring(session, asset, "en", ENGLISH, now)
    version, unit = _published(session, draft, reviewer, now)
    assert [each.label for each in unit.captions] == ["简体中文", "English"]
    captions.bring(session, asset, "zh-Hans", [Cue(0, 1, "改")], now)
    captions.remove(session, track, now)
    learner, other = create_person("xueyuan"), create_person("pangren")
    enrolment = enrolments.enrol(session, learner.id, version.course_id, now)
    session.commit()
    at = f"/learn/{enrolment.id}/{unit.key}"
    chinese, english = (f"{at}/captions/{each.version_id}" for each in unit.captions)
    client = sign_in(learner)
    shown = client.get(f"{chinese}.vtt")
    assert shown.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert "00:00:02.000 --> 00:00:05.000\n今天讲桥梁" in shown.text
    assert "Welcome &lt;all&gt;" in client.get(f"{english}.vtt").text
    assert "Welcome <all>" in client.get(f"{english}.srt").text
    page = client.get(at).text
    assert 'srclang="en"' in page
    assert "今天讲桥梁" in page
    assert "Welcome &lt;all&gt;" in client.get(f"{english}/transcript").text
    assert client.get(f"{at}/captions/{unit.captions[0].version_id}.ass").status_code == 404
    assert client.get(f"{at}/captions/99999.vtt").status_code == 404
    assert sign_in(other).get(f"{chinese}.vtt").status_code == 404


def test_reviewers_read_what_is_to_be_published(
    session: Session, draft: Course, asset: Asset, reviewer: Person,
    sign_in: Callable[[Person], FlaskClient], now: datetime,
) -> None:  # fmt: skip
    """On the version's page: tracks of its player, and words that lead to their moments; captions
    that the version does not refer to are not there."""
    captions.bring(session, asset, "en", ENGLISH, now)
    version = submission.submit(session, draft, now)
    stray = captions.freeze(session, captions.bring(session, asset, "ja", CHINESE, now), now)
    session.commit()
    unit = next(u for u in CourseDocument.from_text(version.document).units() if u.captions)
    client, at = sign_in(reviewer), f"/review/{version.id}/{unit.key}/captions"
    kept = f"{at}/{unit.captions[0].version_id}" if unit.captions else ""
    page = client.get(f"/review/{version.id}").text
    assert f'<track kind="captions" src="{kept}.vtt" srclang="en" label="English">' in page
    assert f'hx-get="{kept}/transcript"' in page
    assert "Welcome &lt;all&gt;" in client.get(f"{kept}.vtt").text
    lines = client.get(f"{kept}/transcript").text
    assert f'data-seek="0" data-player="player-{unit.key}"' in lines
    assert stray is not None
    for address in (f"{at}/{stray.id}.vtt", f"{at}/{stray.id}/transcript", f"{kept}.ass"):
        assert client.get(address).status_code == 404


def test_the_preview_shows_captions_as_they_are_now(
    session: Session, draft: Course, asset: Asset, writer: Person,
    sign_in: Callable[[Person], FlaskClient], now: datetime,
) -> None:  # fmt: skip
    """What learners will have: tracks, transcript, other languages; nothing is frozen by looking."""
    captions.bring(session, asset, "zh-Hans", CHINESE, now)
    english = captions.bring(session, asset, "en", ENGLISH, now)
    captions.bring(session, asset, "ja", [], now)
    unit = next(u for c in draft.chapters for u in c.units if u.asset_id)
    session.commit()
    client, at = sign_in(writer), f"/studio/units/{unit.id}/captions/{english.id}"
    page = client.get(f"/studio/courses/{draft.id}/preview/{unit.id}").text
    assert page.count("<track") == 2
    assert "今天讲桥梁" in page
    assert f'data-lines="{at}/transcript"' in page
    assert "Welcome &lt;all&gt;" in client.get(f"{at}/transcript").text
    assert session.scalar(sa.select(sa.func.count()).select_from(CaptionVersion)) == 0


def test_a_version_cannot_be_rewritten(session: Session, asset: Asset, now: datetime) -> None:
    """The database itself refuses; the same cues are the same version."""
    track = captions.bring(session, asset, "zh-Hans", CHINESE, now)
    frozen = captions.freeze(session, track, now)
    assert frozen is not None
    assert captions.freeze(session, track, now) is frozen
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(sa.update(CaptionVersion).values(cues="[]"))


def test_a_course_without_captions_keeps_its_hash(
    session: Session, draft: Course, reviewer: Person, now: datetime
) -> None:
    version, _unit = _published(session, draft, reviewer, now)
    assert "captions" not in version.document


def test_faults_keep_a_course_from_submission(
    session: Session, draft: Course, asset: Asset, now: datetime
) -> None:
    captions.bring(session, asset, "zh-Hans", [Cue(2000, 2000, "停")], now)
    with pytest.raises(submission.Incomplete, match="字幕有 1 处错误"):
        submission.submit(session, draft, now)


def test_an_author_brings_a_file_and_writes_on(
    session: Session, draft: Course, asset: Asset, writer: Person,
    sign_in: Callable[[Person], FlaskClient],
) -> None:  # fmt: skip
    """By the pages: upload in GB18030, edit, be told of another author's change, download."""
    unit = next(u for c in draft.chapters for u in c.units if u.asset_id)
    session.commit()
    client, at = sign_in(writer), f"/studio/units/{unit.id}/captions"
    file = BytesIO("1\n00:00:00,000 --> 00:00:02,000\n欢迎\n".encode("gb18030"))
    sent = client.post(at, data={"language": "zh-Hans", "file": (file, "讲.srt")})
    assert sent.status_code == 303
    refused = client.post(at, data={"language": "zh-Hans", "file": (BytesIO(b"x"), "a.srt")})
    assert refused.status_code == 422
    assert "没有在文件中找到字幕" in refused.text
    track = captions.of_asset(session, asset.id)[0]
    editor = f"{at}/{track.id}"
    assert "字幕：简体中文" in client.get(editor).text
    base = {name: track.cues[0][name] for name in ("start", "end", "text")}
    key = track.cues[0]["key"]
    first = client.post(
        editor, json={"changes": [{"key": key, "base": base, "to": {**base, "text": "大家好"}}]}
    )
    assert first.json is not None
    assert first.json["clashes"] == []
    late = client.post(
        editor,
        json={"changes": [
            {"key": key, "base": base, "to": {**base, "text": "您好"}},
            {"key": "0" * 8, "base": None, "to": {"start": 1000, "end": 900, "text": "乙"}},
        ]},
    )  # fmt: skip
    assert late.json is not None
    assert [each["theirs"]["text"] for each in late.json["clashes"]] == ["大家好"]
    assert late.json["problems"]["0" * 8][0]["fault"] is True
    assert "大家好" in client.get(f"{editor}.srt").text
    assert client.post(editor, json={"changes": [{"key": "x"}]}).status_code == 422


def test_changes_of_different_cues_both_stand(
    session: Session, asset: Asset, now: datetime
) -> None:
    """And one sent twice, as its answer was lost, is made once."""
    track = captions.bring(session, asset, "zh-Hans", CHINESE, now)
    one, two = json.loads(json.dumps(track.cues))
    changes = [{"key": one["key"], "base": one, "to": {**one, "text": "甲"}}]
    other = [{"key": two["key"], "base": two, "to": None}]
    assert captions.change(session, track, changes, now) == []
    assert captions.change(session, track, other, now) == []
    assert captions.change(session, track, changes, now) == []
    assert cues.unnamed(track.cues) == [Cue(0, 2000, "甲")]
