"""A wrong key, from the author's mending to the hours of whom it failed, through the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import attempts, drafting, handing_in, regrading, rekeyed
from assessments.models import Attempt, Paper, PaperVersion
from assessments.regrade_models import KeyCorrection, RegradeState, RegradeStep
from courses import authors, completion, editing, enrolments, evidence, regrades
from courses.models import Chapter, EnrolmentState, Unit, UnitKind
from tests.courses.learning.conftest import QUESTION, Offer
from tests.courses.learning.test_completion import answer, watch
from zhixin import clock, db
from zhixin.audit.models import Trace
from zhixin.hours.models import Award
from zhixin.people import accounts
from zhixin.people.models import Person, Role


@pytest.fixture
def world(
    session: Session,
    create_offer: Callable[..., Offer],
    create_person: Callable[..., Person],
    now: datetime,
) -> dict[str, Any]:
    """A course of a video and a quiz whose key is wrong; everybody has seen the video. ``jia``
    answered rightly and failed, ``yi`` answered wrongly and has the hours for it."""
    offer = create_offer(("video", "quiz"))
    people = {}
    for name, option in (("jia", "a"), ("yi", "b")):
        person = people[name] = create_person(name, Role.LEARNER)
        made = enrolments.enrol(session, person.id, offer.course.id, now)
        enrolment = enrolments.get(session, made.id, person.id)
        end = watch(session, enrolment, offer.asset, now, (0, 60))
        answer(session, enrolment, end, option=option)
        completion.check(session, enrolment.id, sampling_seed="s", now=end)
    session.commit()
    return {"offer": offer, **people}


def _told_once(
    session: Session, sign_in: Callable[[Person], FlaskClient], world: dict[str, Any]
) -> None:
    """Who passes now reads so among their courses until they say that they did; who passed
    before does not, and nobody can say it for another."""
    words = "题目的答案更正后，您通过了测验"
    gained, kept = sign_in(world["jia"]), sign_in(world["yi"])
    page = gained.get("/my/learning").text
    assert words in page
    assert words not in kept.get("/my/learning").text
    sent = {"regrade": re.findall(r'name="regrade" value="(\d+)"', page)}
    assert len(sent["regrade"]) == 1
    assert kept.post("/my/learning/regrades-read", data=sent).status_code == 303
    assert words in gained.get("/my/learning").text
    for _twice in range(2):
        assert gained.post("/my/learning/regrades-read", data=sent).status_code == 303
    assert words not in gained.get("/my/learning").text
    session.expire_all()


def test_hours_for_whom_the_wrong_key_failed(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """The author mends the key and puts it forward; the reviewer sees whom it changes, with
    hours, before anything is done; after the word of confirmation the one has the hours, the
    other keeps theirs and is listed for the auditor; every step is on the trail, evidence of
    both awards still holds, and who may not decide may not."""
    version = session.get_one(PaperVersion, world["offer"].paper_version_id)
    paper = session.get_one(Paper, version.paper_id)
    drafting.update_question(
        session, paper.id, author.id, {**QUESTION, "correct": ["a"]}, paper.revision, clock.now()
    )
    session.commit()
    writer = sign_in(author)
    page = writer.get(f"/regrades/papers/{paper.id}").text
    name = re.search(r'name="name" value="([^"]+)"', page)
    assert name is not None
    sent = {"name": name[1], "reason": "答案印错了"}
    assert (
        writer.post(f"/regrades/papers/{paper.id}", data=sent | {"reason": ""}).status_code == 422
    )
    assert writer.post(f"/regrades/papers/{paper.id}", data=sent).status_code == 303
    correction = session.scalars(sa.select(KeyCorrection)).one()
    address = f"/regrades/{correction.id}"
    assert writer.post(address, data={"act": "confirm"}).status_code == 404
    shown = writer.get(address).text
    assert "jia" not in shown  # authors need not know who answered what
    assert "确认后会改变" in shown
    reviewer = sign_in(create_person("shenhe", Role.REVIEWER))
    shown = reviewer.get(address).text
    assert "jia" in shown
    assert re.search(r"0\.0%.*100\.0%.*未通过 → .*通过.*>1<", shown, re.S)
    assert "按新答案未达到及格线，保留" in shown
    assert reviewer.post(address, data={"act": "decline"}).status_code == 422
    assert session.scalar(sa.select(sa.func.count(Award.id))) == 1
    assert reviewer.post(address, data={"act": "confirm"}).status_code == 303
    regrades.run(db.database(), correction.id, "s", clock.now)
    session.expire_all()
    assert (correction.state, correction.seen, correction.total) == (RegradeState.DONE, 2, 2)
    assert not regrades.run(db.database(), correction.id, "s", clock.now)
    awards = {each.person_id: each for each in session.scalars(sa.select(Award))}
    assert awards.keys() == {world["jia"].id, world["yi"].id}
    passed = sa.select(Attempt.passed)
    assert set(session.scalars(passed)) == {True}
    found = enrolments.find(session, world["jia"].id, world["offer"].course.id)
    assert found.state == EnrolmentState.COMPLETED
    for award in awards.values():
        assert evidence.verify(session, award.id).differences == []
    auditor = sign_in(create_person("shenji", Role.AUDITOR))
    shown = auditor.get(address).text
    assert f"/audit/awards/{awards[world['yi'].id].id}" in shown
    kept = enrolments.find(session, world["yi"].id, world["offer"].course.id)
    quiz = f"/learn/{kept.id}/u2"
    _told_once(session, sign_in, world)
    told = sign_in(world["yi"]).get(quiz).text
    assert "答案更正过，您的通过保留不变" in told
    assert told.count("本题的答案在您交卷后更正过") == 1
    acts = session.execute(
        sa.select(Trace.act, Trace.reason)
        .where(Trace.object_kind == regrades.KIND)
        .order_by(Trace.id)
    ).all()
    assert [act for act, _reason in acts] == ["regrade-propose", "regrade-confirm", "regrade-done"]
    assert acts[0].reason == "答案印错了"
    assert acts[2].reason == "改变 2 份，改为通过 1 份；按新答案未达到及格线、保留原结果 1 份"


def _confirmed(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    proposer: Person | None = None,
) -> KeyCorrection:
    """The key mended, put forward and confirmed, and not run yet."""
    now = clock.now()
    version = session.get_one(PaperVersion, world["offer"].paper_version_id)
    paper = session.get_one(Paper, version.paper_id)
    mended = {**QUESTION, "correct": ["a"]}
    drafting.update_question(session, paper.id, author.id, mended, paper.revision, now)
    (candidate,) = rekeyed.candidates(session, paper)
    correction = regrading.propose(
        session, paper, (proposer or author).id, candidate.name, "印错", now
    )
    reviewer = create_person("shenhe", Role.REVIEWER).id
    regrading.decide(session, correction, RegradeStep.CONFIRM, person_id=reviewer, now=now)
    session.commit()
    return correction


def test_a_killed_run_goes_on(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sweeper finds what was confirmed once the dead worker's claim is over, and goes on
    behind the last attempt that was done."""
    correction = _confirmed(session, world, author, create_person)
    grade, calls = regrading.regrade, []

    def dies(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt("killed")
        return grade(*args)

    monkeypatch.setattr(regrading, "regrade", dies)
    with pytest.raises(KeyboardInterrupt):
        regrades.run(db.database(), correction.id, "s", clock.now)
    session.expire_all()
    assert correction.seen == 1
    assert regrades.due(session, clock.now()) == []
    later = clock.now() + 2 * regrades.CLAIM
    assert regrades.due(session, later) == [correction.id]
    session.commit()
    assert regrades.run(db.database(), correction.id, "s", lambda: later)
    session.expire_all()
    assert (correction.state, correction.seen) == (RegradeState.DONE, 2)
    assert len(regrading.made(session, correction)) == 2


def test_one_that_cannot_be_graded_holds_no_other_up(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those behind it are graded; it is not called done, and the sweeper tries that one again."""
    correction = _confirmed(session, world, author, create_person)
    grade, first = regrading.regrade, session.scalars(sa.select(Attempt.id).order_by(Attempt.id))
    broken = first.first()

    def fails(session: Session, correction: KeyCorrection, attempt_id: int, now: datetime) -> Any:
        if attempt_id == broken:
            raise ValueError("a damaged row")
        return grade(session, correction, attempt_id, now)

    session.commit()
    monkeypatch.setattr(regrading, "regrade", fails)
    assert not regrades.run(db.database(), correction.id, "s", clock.now)
    session.expire_all()
    assert [made.attempt_id for made, _ in regrading.made(session, correction)] != []
    assert (correction.state, correction.seen) == (RegradeState.RUNNING, 0)
    session.commit()
    monkeypatch.undo()
    later = clock.now() + 2 * regrades.CLAIM
    assert regrades.run(db.database(), correction.id, "s", lambda: later)
    session.expire_all()
    assert (correction.state, correction.seen) == (RegradeState.DONE, 2)
    assert len(regrading.made(session, correction)) == 2


def test_who_is_being_asked_the_question_does_not_read_its_key(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """An auditor who studies the course too sees the regrade after handing in."""
    correction = _confirmed(session, world, author, create_person)
    both = create_person("both", Role.AUDITOR, Role.LEARNER)
    opened = attempts.open(
        session, person_id=both.id, scope="version:1", attempts_allowed=None, now=clock.now(),
        paper_version_id=world["offer"].paper_version_id, pass_mark=Decimal("0.5"),
    )  # fmt: skip
    session.commit()
    client = sign_in(both)
    refused = client.get(f"/regrades/{correction.id}")
    assert refused.status_code == 409
    assert "请交卷后再来" in refused.text
    handing_in.submit(session, opened.id, both.id, {}, clock.now())
    session.commit()
    assert client.get(f"/regrades/{correction.id}").status_code == 200


def test_whoever_may_edit_the_course_sees_it(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """A co-author sees what the owner put forward, and may not take it back; who only reads the
    course, and other authors, see nothing; who put it forward and left sees it still."""
    course = editing.get(session, world["offer"].course.id, author.id)
    proposer, helper, viewer, other = (
        create_person(name, Role.AUTHOR) for name in ("tichu", "hezuo", "kan", "bieren")
    )
    paper = session.get_one(PaperVersion, world["offer"].paper_version_id).paper_id
    unit = Unit(position=0, title="测验", kind=UnitKind.QUIZ, body="", paper_id=paper, waits=[])
    course.chapters = [Chapter(position=0, title="第一章", units=[unit])]
    session.flush()
    for person, role in ((proposer, "co-author"), (helper, "co-author"), (viewer, "viewer")):
        authors.invite(session, course, author.id, person.sign_in_name, role, clock.now())
    correction = _confirmed(session, world, author, create_person, proposer)
    authors.remove(session, course, author.id, proposer.id)
    session.commit()
    address = f"/regrades/{correction.id}"
    for person, status in (
        (author, 200), (proposer, 200), (helper, 200), (viewer, 404), (other, 404),
    ):  # fmt: skip
        client = sign_in(person)
        assert client.get(address).status_code == status
        assert (address in client.get("/regrades").text) == (status == 200)


def test_those_concerned_are_told(
    session: Session,
    world: dict[str, Any],
    author: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """A proposal stands on the desks of the reviewers who may decide it, and of nobody else; the
    decision, with its reason, stands in the studio of who put it forward until they say that they
    have read it. Nobody else can say so."""
    version = session.get_one(PaperVersion, world["offer"].paper_version_id)
    paper = session.get_one(Paper, version.paper_id)
    mended = {**QUESTION, "correct": ["a"]}
    drafting.update_question(session, paper.id, author.id, mended, paper.revision, clock.now())
    (found,) = rekeyed.candidates(session, paper)
    helper, other = create_person("hezuo", Role.AUTHOR), create_person("bieren", Role.AUTHOR)
    drafting.let_edit(session, [paper.id], [helper.id])
    made = regrading.propose(session, paper, author.id, found.name, "印错", clock.now())
    reviewer = create_person("shenhe", Role.REVIEWER)
    accounts.grant(session, world["jia"], Role.REVIEWER)  # took the paper
    session.commit()
    waits, told = "1 项改判等待您决定", "您提出的改判未获同意"
    for desk in ("/review", "/grading"):
        assert waits in sign_in(reviewer).get(desk).text
        assert waits not in sign_in(world["jia"]).get(desk).text
    assert waits not in sign_in(author).get("/grading").text
    assert told not in sign_in(author).get("/studio").text
    assert sign_in(author).post(f"/regrades/{made.id}/read").status_code == 404
    declined = {"act": "decline", "reason": "原答案没有错"}
    assert sign_in(reviewer).post(f"/regrades/{made.id}", data=declined).status_code == 303
    assert waits not in sign_in(reviewer).get("/review").text
    writer = sign_in(author)
    shown = writer.get("/studio").text
    assert told in shown
    assert "原答案没有错" in shown
    for person in (helper, other):
        client = sign_in(person)
        assert told not in client.get("/studio").text
        assert client.post(f"/regrades/{made.id}/read").status_code == 404
    assert writer.post(f"/regrades/{made.id}/read").status_code == 303
    assert told not in writer.get("/studio").text
