"""The kinds of questions, one module a family: model, what is shown, and what an answer earns."""

from assessments.questions.arranged import Matching, Ordering
from assessments.questions.base import (
    Answer,
    AnswerRefused,
    Item,
    Marking,
    Question,
    QuestionKind,
)
from assessments.questions.choice import TRUE_FALSE_OPTIONS, Choice, Option
from assessments.questions.gaps import ChoiceGap, Gapped, NumberGap, TextGap, Unit
from assessments.questions.hotspot import Circle, Hotspot, Polygon, Rect
from assessments.questions.written import Criterion, Written

__all__ = [
    "TRUE_FALSE_OPTIONS",
    "Answer",
    "AnswerRefused",
    "Choice",
    "ChoiceGap",
    "Circle",
    "Criterion",
    "Gapped",
    "Hotspot",
    "Item",
    "Marking",
    "Matching",
    "NumberGap",
    "Option",
    "Ordering",
    "Polygon",
    "Question",
    "QuestionKind",
    "Rect",
    "TextGap",
    "Unit",
    "Written",
]
