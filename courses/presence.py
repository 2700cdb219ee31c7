"""What a course and its policy say about presence prompts, in the words of ``media.presence``."""

from __future__ import annotations

from courses.documents import CourseDocument
from media.presence import Cadence, Question
from zhixin.hours.rules import CreditRule
from zhixin.people.models import Person


def cadence(rule: CreditRule, person: Person) -> Cadence | None:
    """How often ``rule`` asks, and how long this person has to answer; None: it never asks."""
    if rule.presence is None:
        return None
    answer_ms = rule.presence.answer_seconds * 1000 * person.extended_time_percent // 100
    return Cadence(int(rule.presence.every_minutes * 60_000), answer_ms)


def questions(document: CourseDocument, asset_id: int) -> list[Question]:
    """The author's questions on a video."""
    return [
        Question(f"{unit.key}:{place}", check.at_ms, check.text, check.options, check.right)
        for unit in document.units()
        if unit.asset_id == asset_id
        for place, check in enumerate(unit.checks or ())
        if not check.everyone  # asked of everybody at its moment, see courses.stops
    ]
