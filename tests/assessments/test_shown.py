"""A closed attempt's questions as they are shown with the verdict."""

from __future__ import annotations

from flask import Flask, get_template_attribute


def test_a_matching_keeps_its_second_column_beside_the_verdict(app: Flask) -> None:
    """``right`` says whether the answer was; what it was chosen from stands apart."""
    question = {
        "id": "q1", "kind": "matching", "right": True, "correct": ["b"], "explanation": "",
        "left": [{"id": "a", "text": "红"}], "right_items": [{"id": "b", "text": "停车"}],
    }  # fmt: skip
    with app.test_request_context():
        shown = get_template_attribute("assessments/_question.html", "shown")
        assert shown(question, ["b"], True).count("停车") == 3
