"""Nothing that a learner under test is sent says what is right."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal

import pytest
from flask import render_template
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assessments import attempts, handing_in
from assessments.forms import answers_from_form
from tests.assessments.conftest import changed

#: What only keys, explanations and results are called.
SECRETS = ("correct", "explanation", "right", "score", "解析", "正确答案", "秘密")


@st.composite
def questions(draw):
    """Questions of every kind; explanations say 秘密."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["single", "multiple", "true_false"]))
        ids = [f"o{n}" for n in range(draw(st.integers(2, 5)))]
        ids = ["true", "false"] if kind == "true_false" else ids
        correct = draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
        asked = {"id": f"q{number}", "kind": kind, "stem": f"题 {number}", "explanation": "秘密"}
        asked["correct"] = correct if kind == "multiple" else correct[:1]
        if kind != "true_false":
            asked["options"] = [{"id": each, "text": f"选项 {each}"} for each in ids]
        made.append(asked)
    return made


@pytest.fixture
def sent(app, session, create_person, create_version, now):
    """All that is sent to a learner who answers these questions: data, then page.

    Ids, titles and seeds are made alike, so that only the keys could make a difference.
    """
    learner = create_person("xueyuan").id

    numbers = itertools.count(1)

    def sent(asked, answers):
        number = next(numbers)
        version = create_version(*asked, title=f"卷 {number}")
        attempt = attempts.open(
            session,
            person_id=learner,
            scope="version:1",
            paper_version_id=version.id,
            pass_mark=Decimal("0.6"),
            attempts_allowed=None,
            now=now,
        )
        attempt.seed, attempt.id = "the same", 10**6 + number
        session.flush()
        attempts.save(session, attempt.id, learner, changed(answers), now)
        view = attempts.view(session, attempt) | {"id": 0, "title": ""}
        with app.test_request_context():
            page = render_template("assessments/_attempt.html", attempt=view, autosave_url="/x")
        handing_in.submit(session, attempt.id, learner, None, now)
        return json.dumps(view, ensure_ascii=False), page

    return sent


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(questions(), st.data())
def test_the_view_does_not_depend_on_the_key(sent, asked, data):
    """Two papers that differ only in keys and explanations are sent byte for byte alike."""
    answers = {}
    for each in asked:
        ids = [option["id"] for option in each.get("options", ())] or ["true", "false"]
        answers[each["id"]] = data.draw(st.lists(st.sampled_from(ids), max_size=1))
    other = []
    for each in asked:
        ids = [option["id"] for option in each.get("options", ())] or ["true", "false"]
        key = [data.draw(st.sampled_from(ids))]
        other.append(each | {"correct": key, "explanation": ""})
    seen = sent(asked, answers)
    assert seen == sent(other, answers)
    for secret in SECRETS:
        assert secret not in seen[0]
        assert secret not in seen[1]


def test_the_page_sends_what_it_shows(app, session, create_person, create_version, right, now):
    """Names and values of the form's fields come back as the sheet."""
    learner, version = create_person("xueyuan").id, create_version()
    attempt = attempts.open(
        session,
        person_id=learner,
        scope="version:1",
        paper_version_id=version.id,
        pass_mark=Decimal("0.6"),
        attempts_allowed=None,
        now=now,
    )
    attempts.save(session, attempt.id, learner, changed(right | {"t": []}), now)
    with app.test_request_context():
        view = attempts.view(session, attempt)
        page = render_template("assessments/_attempt.html", attempt=view, autosave_url="/x")
    assert "已答 2/3" in page
    assert page.count(" checked") == 3
    assert 'data-autosave="/x"' in page
    for question, chosen in right.items():
        for option in chosen:
            assert f'name="q-{question}" value="{option}"' in page


def test_the_result_shows_keys_only_when_it_may(
    app, session, create_person, create_version, wrong, now
):
    """A failed attempt's page tells right from wrong; after the last one also the keys."""
    learner, version = create_person("xueyuan").id, create_version()
    facts = {
        "person_id": learner,
        "scope": "version:1",
        "paper_version_id": version.id,
        "pass_mark": Decimal("0.6"),
        "attempts_allowed": 2,
        "now": now,
    }
    pages = []
    for _each in range(2):
        attempt = attempts.open(session, **facts)
        handing_in.submit(session, attempt.id, learner, wrong, now)
        with app.test_request_context():
            result = attempts.review(session, attempt, attempts_allowed=2)
            pages.append(render_template("assessments/_result.html", result=result))
    assert "还可作答 1 次" in pages[0]
    assert "见第八条" not in pages[0]
    assert "badge--verified" not in pages[0]
    assert "得分 0 / 3（0%），及格线 60%" in pages[0]
    assert pages[1].count("见第八条") == 3
    assert pages[1].count("badge--verified") == 4


def test_answers_are_read_from_a_form():
    """Only fields of questions, each with all its values."""
    from werkzeug.datastructures import MultiDict

    form = MultiDict([("csrf_token", "x"), ("q-m", "x"), ("q-m", "z"), ("q-s", "b"), ("q-t", "")])
    assert answers_from_form(form) == {"m": ["x", "z"], "s": ["b"], "t": []}
