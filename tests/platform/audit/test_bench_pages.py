"""What the bench of an auditor's pages measures is what it says, on a small filling."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench import history
from bench.seeding import fresh, quiet
from zhixin import db
from zhixin.audit import queue
from zhixin.audit.queue import Filters, Tab
from zhixin.hours.models import Appeal
from zhixin.hours.states import State
from zhixin.people.models import Person


def test_the_queue_is_filled_as_it_is_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its first page goes from what is held, by deadline, on into the order of risk; there are
    appeals; and each address shows the page that is meant (the bench itself refuses others)."""
    monkeypatch.setattr(history, "LEARNERS", 200)
    monkeypatch.setattr(history, "ROUNDS", 1)
    monkeypatch.setattr(history, "EMPLOYERS", 4)
    monkeypatch.setattr(history, "DISTRICTS", 2)
    monkeypatch.setattr(history, "WAITING", 30)
    monkeypatch.setattr(history, "HELD", 20)
    app = fresh(quiet(tmp_path))
    found = history._measured("SQLite", app)
    assert "/audit?tab=recorded" in [row[0] for row in found.rows]
    with app.app_context():
        session = db.session()
        auditor = session.scalars(sa.select(Person).where(Person.sign_in_name == "auditor")).one()
        shown = queue.page(session, auditor, Tab.WAITING, Filters(), None).awards
        parts = [(state, list(awards)) for state, awards in groupby(shown, lambda a: a.state)]
        assert [state for state, _awards in parts] == [State.HELD, State.EARNED]
        (_held, held), (_earned, earned) = parts
        assert [each.due_at for each in held] == sorted(each.due_at for each in held)
        calm = [each.calm for each in earned]
        assert calm == sorted(calm)
        assert len(set(calm)) > 1
        against = set(session.scalars(sa.select(Appeal.against)))
        assert against == {"hold", "rejection"}
