"""Form fields of attempts and of the paper editor, read as plain values."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

ANSWER = "q-"


def answers_from_form(form: MultiDict[str, str]) -> dict[str, list[str]]:
    """The sheet of a page built with ``_attempt.html``: fields ``q-<question id>``."""
    return {
        name.removeprefix(ANSWER): [value for value in form.getlist(name) if value]
        for name in form
        if name.startswith(ANSWER)
    }
