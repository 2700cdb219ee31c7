"""The form for captions by an engine, in a unit's page and by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from courses.models import Course
from zhixin.people.models import Person


def test_the_form_is_asked_for_again_by_itself(
    app: Flask, create_course: Callable[..., Course], writer: Person,
    sign_in: Callable[[Person], FlaskClient], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """While an engine is at work the page asks for this part alone, which leans on no other."""
    installed = dataclasses.replace(app.extensions["settings"], speech_command="true")
    monkeypatch.setitem(app.extensions, "settings", installed)
    unit = next(u for c in create_course().chapters for u in c.units if u.asset_id)
    answer = sign_in(writer).get(f"/studio/units/{unit.id}/speech")
    assert answer.status_code == 200
    assert "开始识别" in answer.get_data(as_text=True)
