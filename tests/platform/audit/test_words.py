"""The trail speaks: every step of reviews and of the quality mark has words."""

from __future__ import annotations

import pytest
from flask import Flask

from courses.quality.states import ObjectionStep, RoundStep
from courses.reviews.states import CommentStep
from zhixin.audit.words import act_text, object_text

OTHERS = (
    "claim assign release lapse overdue-review approve schedule comment reply apply appoint dismiss"
    " score abstain object award"
)


@pytest.mark.parametrize("act", [*RoundStep, *ObjectionStep, *CommentStep, *OTHERS.split()])
def test_an_act_has_words(english: Flask, act: str) -> None:
    """Nobody reads a program's own name of it, in either language."""
    with english.test_request_context():
        assert act_text(act) != act


def test_the_same_word_for_different_things(app: Flask) -> None:
    """What a word means depends on what it was done to."""
    with app.test_request_context():
        assert act_text("close", "class") == "结班"
        assert act_text("close", "review-comment") == "关闭意见"
        assert object_text("quality-round") == "精品课程评选"
