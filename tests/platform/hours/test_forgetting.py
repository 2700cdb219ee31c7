"""``zhixin forget``: erasing the salts erases whom the log's entries are about, and nothing else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from zhixin.audit.models import Trace
from zhixin.errors import NotFound
from zhixin.hours import fold, forgetting, reckoning
from zhixin.hours.models import Award
from zhixin.ledger import openings, proofs
from zhixin.ledger.models import Entry, Opening, Submission
from zhixin.people.models import Role


@pytest.fixture
def forget(app, session, create_person, monkeypatch):
    monkeypatch.setattr("zhixin.command.make_app", lambda: app)
    create_person("wang", Role.ADMINISTRATOR)
    session.commit()

    def run(name: str, *arguments: str) -> Result:
        done = CliRunner().invoke(forgetting.forget, [name, *arguments])
        session.expire_all()
        return done

    return run


BY = ("--by", "wang", "--reason", "本人申请 12 号")


def test_nobody_can_say_any_more_whose_entry_it_is(
    session, recorded, forget, create_person
) -> None:
    """The entries stay as they are and verify; other people's still open; done twice it is done."""
    award, other = recorded(id=1), recorded(id=2, to=create_person("other"))
    person = award.person
    index = proofs.index_of(session, session.get_one(Submission, award.submission_id).key)
    before = session.execute(sa.select(Entry.index, Entry.body).order_by(Entry.index)).all()
    assert proofs.inclusion(session, index, with_opening=True)["opening"]["person"] == person.id
    person.active = False
    session.commit()
    for _time in range(2):
        assert forget(person.sign_in_name, *BY).exit_code == 0
    with pytest.raises(NotFound):
        proofs.inclusion(session, index, with_opening=True)
    assert session.scalars(sa.select(Opening.person_id)).all() == [other.person_id]
    assert fold.of_person(session, person.id) == {}
    assert session.execute(sa.select(Entry.index, Entry.body).order_by(Entry.index)).all() == before
    assert list(openings.wrong(session, 0, len(before))) == []
    assert list(reckoning.differing(session)) == []
    assert session.scalars(sa.select(Award.id)).all() == [award.id, other.id], (
        "kept by its own rule"
    )
    traces = session.scalars(sa.select(Trace).where(Trace.act == "forget")).all()
    assert [(each.object_id, each.reason) for each in traces] == [(str(person.id), BY[3])] * 2


@pytest.mark.parametrize(
    ("active", "arguments"),
    [
        (True, BY),
        (False, ("--by", "nobody", "--reason", "x")),
        (False, ("--by", "wang", "--reason", " ")),
        (False, ("--by", "wang")),
    ],
    ids=["may still sign in", "by nobody", "for no reason", "without a reason"],
)
def test_nothing_is_erased_unless(session, recorded, forget, active, arguments) -> None:
    person = recorded(id=1).person
    person.active = active
    session.commit()
    assert forget(person.sign_in_name, *arguments).exit_code != 0
    assert session.scalars(sa.select(Opening.person_id)).all() == [person.id]
    assert session.scalar(sa.select(Trace.id).where(Trace.act == "forget")) is None


def test_a_name_that_nobody_has_is_said(forget) -> None:
    done = forget("nobody-here", *BY)
    assert done.exit_code != 0
    assert "没有登录名为 nobody-here 的人" in done.output
