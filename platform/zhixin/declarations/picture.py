"""The way of a declaration as a picture: who has had it, who has it now and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from zhixin.declarations.models import Declaration, DeclarationStep
from zhixin.declarations.states import EDITABLE, Desk, State, Transition
from zhixin.hours.states import COUNTED, PENDING


@dataclass(frozen=True)
class Station:
    """One stop of the way.

    Attributes:
        desk: whose it is; None: the hours at the end.
        look: "done", "now", "bad", "skipped" or "" (still to come).
        at: when it was passed.
        due_on: until when it has time, while it is here.
        late: that day is over.
    """

    desk: Desk | None
    look: str
    at: datetime | None = None
    due_on: date | None = None
    late: bool = False


def stations(
    declaration: Declaration, steps: Sequence[DeclarationStep], today: date
) -> list[Station]:
    """Learner, employer, bureau, hours; of the employer only what followed the last submission.

    The award must be loaded with the declaration: an auditor may still look at it, or have
    taken it back.
    """
    state = State(declaration.state)
    last = {Transition(step.transition): step.at for step in _round(steps)}
    sent = last.get(Transition.SUBMIT) or last.get(Transition.SUBMIT_DIRECTLY)
    due, late = declaration.due_on, overdue(declaration, today)

    def look(here: bool, done: bool, bad: bool = False) -> str:
        return "bad" if bad else "now" if here else "done" if done else ""

    written = Station(
        Desk.LEARNER,
        look(state in EDITABLE, sent is not None, state is State.WITHDRAWN),
        None if state in EDITABLE else sent,
    )
    asked = state in (State.SUBMITTED, State.ESCALATED)
    employer = Station(
        Desk.EMPLOYER,
        "skipped"
        if Transition.SUBMIT_DIRECTLY in last
        else look(asked, Transition.ENDORSE in last, Transition.DECLINE in last),
        last.get(Transition.ENDORSE) or last.get(Transition.DECLINE),
        *((due, late) if state is State.SUBMITTED else ()),
    )
    if Transition.ESCALATE in last and Transition.ENDORSE not in last:
        employer = Station(Desk.EMPLOYER, "bad", last[Transition.ESCALATE], late=True)
    bureau = Station(
        Desk.BUREAU,
        look(
            state in (State.ENDORSED, State.ESCALATED),
            state is State.VERIFIED,
            state is State.REFUSED,
        ),
        last.get(Transition.VERIFY) or last.get(Transition.REFUSE),
        *((due, late) if state in (State.ENDORSED, State.ESCALATED) else ()),
    )
    return [written, employer, bureau, _hours(declaration, last.get(Transition.VERIFY))]


def _hours(declaration: Declaration, at: datetime | None) -> Station:
    award = declaration.award
    if award is None:
        return Station(None, "")
    if award.state in COUNTED:
        return Station(None, "done", at)
    return Station(None, "now" if award.state in PENDING else "bad")


def overdue(declaration: Declaration, today: date) -> bool:
    """Is the day over by which the desk should have decided?"""
    return declaration.due_on is not None and declaration.due_on < today


def _round(steps: Sequence[DeclarationStep]) -> Sequence[DeclarationStep]:
    """From the last submission on."""
    starts = [
        place
        for place, step in enumerate(steps)
        if step.transition in (Transition.SUBMIT, Transition.SUBMIT_DIRECTLY)
    ]
    return steps[starts[-1] :] if starts else steps
