"""``zhixin certificate revoke``: a person takes a paper out of force, and answers for it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from zhixin.audit.models import Trace
from zhixin.certificates import verification
from zhixin.certificates.commands import certificate
from zhixin.certificates.verification import Status
from zhixin.ledger.models import EntryKind, Submission
from zhixin.people.models import Role


@pytest.fixture
def revoke(app, session, course, create_person, monkeypatch):
    """Run the command; 王主任 is an administrator, the certificate is in the log's outbox."""
    monkeypatch.setattr("zhixin.command.make_app", lambda: app)
    create_person("wang", Role.ADMINISTRATOR, name="王主任")
    session.commit()
    number = course.number

    def run(*arguments: str, number: str = number) -> Result:
        done = CliRunner().invoke(certificate, ["revoke", number, *arguments])
        session.expire_all()
        return done

    return run


def _traces(session) -> list[Trace]:
    return list(session.scalars(sa.select(Trace).where(Trace.act == "revoke")))


def test_who_revoked_and_why_is_on_the_trail(session, course, revoke, sign_in, create_person):
    """The administrator's name, the number, the reason, where auditors read."""
    code, number = course.code, course.number
    assert revoke("--by", "Wang", "--reason", " 姓名有误 ").exit_code == 0
    assert verification.look_up(session, code).status is Status.REVOKED
    (trace,) = _traces(session)
    assert (trace.object_kind, trace.object_id, trace.reason) == ("certificate", number, "姓名有误")
    page = sign_in(create_person("auditor", Role.AUDITOR)).get("/audit/trail").text
    assert all(text in page for text in ("王主任", "撤销证书", number, "姓名有误"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--by", "wang"),
        ("--by", "wang", "--reason", "  "),
        ("--reason", "姓名有误"),
        ("--by", "learner", "--reason", "姓名有误"),
        ("--by", "nobody", "--reason", "姓名有误"),
    ],
    ids=["no reason", "an empty reason", "nobody", "no administrator", "a stranger"],
)
def test_without_a_reason_or_somebody_who_may_nothing_happens(session, course, revoke, arguments):
    """Neither to the paper, nor on the trail, nor in the ledger."""
    code = course.code
    assert revoke(*arguments).exit_code != 0
    assert verification.look_up(session, code).status is Status.WAITING
    assert _traces(session) == []
    revoked = sa.select(Submission).where(Submission.kind == EntryKind.CERTIFICATE_REVOKED)
    assert session.scalars(revoked).all() == []


def test_one_that_is_not_there_or_fell_before_leaves_no_second_trace(session, revoke):
    """The act is told once, when it was done."""
    good = ("--by", "wang", "--reason", "姓名有误")
    assert revoke(*good, number="ZX-1999-000001").exit_code == 1
    assert [revoke(*good).exit_code, revoke(*good).exit_code] == [0, 1]
    assert len(_traces(session)) == 1
