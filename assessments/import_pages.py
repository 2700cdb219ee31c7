"""Pages of an import, wherever the questions go: a paper or a bank."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import importing
from assessments.exchange.formats import FORMATS
from assessments.import_models import ImportState, QuestionImport
from assessments.tasks import pictures, read_questions
from zhixin import access, clock, db, jobs, richtext
from zhixin.errors import DomainError, NotFound

MOST_BYTES = 40 * 1024 * 1024
#: Rows of the preview; the rest is counted.
SHOWN = 200
#: A job has it, or will.
AT_WORK = (ImportState.WAITING, ImportState.READING, ImportState.ACCEPTED, ImportState.TAKING)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where questions go, and the addresses of its pages.

    Attributes:
        target: as ``QuestionImport.target``.
        title, home: what it is called, and its page.
        form: of the page where a file is chosen; sending goes there too.
        button: what taking the questions is called.
        bank: there are knowledge points, and questions that are alike.
        hidden: fields that every form carries on.
    """

    target: str
    title: str
    home: str
    form: str
    button: str
    bank: bool = False
    hidden: Mapping[str, str] = field(default_factory=dict)


def form(to: Destination, **facts: object) -> str:
    """Where a file is chosen or text is pasted."""
    return render_template(
        "assessments/import.html",
        to=to,
        formats=FORMATS.values(),
        most_mib=MOST_BYTES // 1024 // 1024,
        **facts,
    )


def send(to: Destination, show: Callable[[int], str]) -> ResponseReturnValue:
    """Keep the file and read it: a small one at once; ``show`` is the page that shows it."""
    file, text = request.files.get("file"), request.form.get("text", "")
    content, name = (file.read(), file.filename or "") if file else (b"", "")
    if not content:
        content, name = text.encode(), ""
    try:
        made = importing.start(
            db.session(),
            owner_id=access.person().id,
            target=to.target,
            content=content,
            file_name=name,
            format=request.form.get("format") or None,
            now=clock.now(),
        )
    except NotFound:
        raise
    except DomainError as error:
        return form(to, problems=[_(error.message)], text=text), error.status
    import_id = made.id
    if len(content) <= importing.AT_ONCE:
        db.finish(keep=True)
        importing.run(db.database(), import_id, pictures(), clock.now)
    else:
        jobs.enqueue(db.session(), read_questions, import_id)
    return redirect(show(import_id), 303)


def progress(made: QuestionImport, address: str) -> ResponseReturnValue:
    """How far the work is; tells the page to load anew when it is done."""
    shown = Response(
        render_template("assessments/_import_progress.html", made=made, progress_url=address)
    )
    if made.state not in AT_WORK:
        shown.headers["HX-Refresh"] = "true"
    return shown


def result(
    to: Destination,
    made: QuestionImport,
    *,
    take: str,
    progress_url: str,
    alike: Mapping[int, Sequence[str]] | None = None,
    **facts: object,
) -> str:
    """What was understood; ``alike``: words by the place of a question."""
    reading = importing.reading_of(made) if made.result is not None else None
    return render_template(
        "assessments/import_result.html",
        to=to,
        made=made,
        format=FORMATS[made.format],
        reading=reading,
        at_work=made.state in AT_WORK,
        shown=SHOWN,
        rich=richtext.inline,
        take_url=take,
        progress_url=progress_url,
        alike=alike or {},
        **facts,
    )
