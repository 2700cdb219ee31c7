"""Questions for round trips: sound ones of every kind, made by Hypothesis."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from assessments.exchange.base import NoPictures, Questions
from assessments.papers import Paper

#: Words with what formats give a meaning to; without controls and lone halves.
_SIGNS = "甲乙丙丁 abcXYZ019.,:;()（）、。？=~#{}%@+-*|→\\/&<>'\"_$[]A.B.√×"
words = (
    st.text(alphabet=_SIGNS, min_size=1, max_size=24)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
#: Words that no format gives a meaning to.
plain = st.text(alphabet="甲乙丙丁戊己庚辛 问答学习", min_size=1, max_size=12).map(
    lambda text: "题" + " ".join(text.split())
)
points = st.sampled_from(["1", "2", "0.5", "10"])
numbers = st.decimals(-1000, 1000, places=2).map(lambda value: str(value + 0))


@st.composite
def choices(draw: Any, texts: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["single", "multiple"]))
    options = draw(st.lists(texts, min_size=2, max_size=5, unique=True))
    made = [{"id": f"o{at}", "text": text} for at, text in enumerate(options)]
    count = 1 if kind == "single" else draw(st.integers(1, len(made)))
    right = draw(st.permutations([each["id"] for each in made]))[:count]
    marking = draw(st.sampled_from([None, "partial", "all_or_nothing"]))
    extra = {} if kind == "single" or marking is None else {"marking": marking}
    return {"kind": kind, "options": made, "correct": right, **extra}


@st.composite
def gaps(draw: Any, texts: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["blanks", "cloze"]))
    made = draw(st.lists(_gap(texts, kind == "cloze"), min_size=1, max_size=3))
    marks = "".join(f"{{{{{at}}}}}与" for at in range(1, len(made) + 1))
    return {"kind": kind, "gaps": made, "marks": marks}


@st.composite
def _gap(draw: Any, texts: Any, lists: bool) -> dict[str, Any]:
    kind = draw(st.sampled_from(["text", "number", *(["choice"] if lists else [])]))
    if kind == "text":
        accepted = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
        return {"kind": "text", "accepted": accepted, "case_matters": draw(st.booleans())}
    if kind == "choice":
        options = draw(st.lists(texts, min_size=2, max_size=4, unique=True))
        made = [{"id": f"c{at}", "text": text} for at, text in enumerate(options)]
        return {"kind": "choice", "options": made, "correct": "c0"}
    gap = {"kind": "number", "value": draw(numbers), "tolerance": str(abs(Decimal(draw(numbers))))}
    if draw(st.booleans()):
        gap |= {"units": [{"name": "m"}, {"name": "cm", "factor": "0.01"}]}
    return gap


@st.composite
def arranged(draw: Any, texts: Any) -> dict[str, Any]:
    listed = draw(st.lists(texts, min_size=3, max_size=5, unique=True))
    if draw(st.booleans()):
        items = [{"id": f"i{at}", "text": text} for at, text in enumerate(listed)]
        return {"kind": "ordering", "items": items, "correct": [each["id"] for each in items]}
    rights = [{"id": f"r{at}", "text": text} for at, text in enumerate(listed)]
    lefts = [{"id": f"l{at}", "text": text} for at, text in enumerate(listed[:-1])]
    correct = [each["id"] for each in rights[: len(lefts)]]
    return {"kind": "matching", "left": lefts, "right": rights, "correct": correct}


@st.composite
def written(draw: Any, texts: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["short", "essay"]))
    return {"kind": kind, "sample": draw(st.just("") | texts)}


@st.composite
def questions(draw: Any, texts: Any = words) -> Questions:
    """A paper of one to three questions as an exporter is given them."""
    parts = (
        choices(texts)
        | gaps(texts)
        | arranged(texts)
        | written(texts)
        | st.builds(
            lambda right: {"kind": "true_false", "correct": [right]},
            st.sampled_from(["true", "false"]),
        )
    )
    documents = []
    for number in range(draw(st.integers(1, 3))):
        part = draw(parts)
        stem = draw(texts) + part.pop("marks", "")
        explanation = draw(st.just("") | texts)
        asked = {
            "id": f"q{number}",
            "stem": stem,
            "explanation": explanation,
            "points": draw(points),
        }
        documents.append({**asked, **part})
    try:
        paper = Paper.from_document({"title": "卷", "questions": documents})
    except Exception:  # what is no sound question is nobody's to export
        from hypothesis import reject

        reject()
    return Questions(paper.title, paper.questions)


NO_PICTURES = NoPictures()
