"""The pages of learners and of both desks."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.platform.declarations.declared import picture
from zhixin import clock
from zhixin.declarations.models import Declaration
from zhixin.declarations.states import State
from zhixin.people.models import Person, Role

SignIn = Callable[[Person], FlaskClient]


def _form(**changes: str) -> dict[str, str]:
    day = (clock.local(clock.now()).date() - timedelta(days=2)).isoformat()
    usual = {
        "activity": "training", "subject_kind": "professional", "title": "研修班", "organiser": "学会",
        "starts_on": day, "ends_on": day, "amount": "2", "note": "",
    }  # fmt: skip
    return usual | changes


def _upload(client: FlaskClient, number: int, *files: tuple[bytes, str]) -> Any:
    data = {"files": [(io.BytesIO(content), name) for content, name in files]}
    return client.post(
        f"/my/declarations/{number}/proofs", data=data, follow_redirects=True,
        content_type="multipart/form-data",
    )  # fmt: skip


def _declare(client: FlaskClient, **changes: str) -> int:
    answer = client.post("/my/declarations/new", data=_form(**changes))
    assert answer.status_code == 303, answer.text
    return int(answer.location.rsplit("/", 1)[1])


def test_the_whole_way_on_pages(session: Session, city: Any, sign_in: SignIn) -> None:
    """Declared, proved, handed in, endorsed in a batch, verified; the learner sees each step."""
    alice, handler, reviewer = (sign_in(p) for p in (city.alice, city.handler, city.reviewer))
    number = _declare(alice)
    page = alice.get(f"/my/declarations/{number}").text
    assert "先由 研究院 审核" in page
    assert "请先上传证明材料" in page
    assert "已上传 1 个文件" in _upload(alice, number, (picture(), "证明.png")).text
    assert alice.post(f"/my/declarations/{number}/submit").status_code == 303
    desk = handler.get("/declarations/employer").text
    chosen = re.search(r'name="chosen" value="([\d.]+)"', desk)
    assert chosen
    answer = handler.post(
        "/declarations/employer/endorse", data={"chosen": chosen[1]}, follow_redirects=True
    )
    assert "已同意 1 份申报" in answer.text
    assert "研修班" in reviewer.get("/declarations/bureau").text
    review = reviewer.get(f"/declarations/{number}").text
    seen = re.search(r'name="seen" value="(\d+)"', review)
    assert seen
    decision = {"decision": "verify", "seen": seen[1]}
    assert reviewer.post(f"/declarations/{number}/decision", data=decision).status_code == 303
    assert "主管部门已核验" in alice.get("/my/declarations").text
    assert "8" in alice.get("/my/year").text


def test_a_return_is_read_by_the_learner(
    session: Session, submit: Any, city: Any, sign_in: SignIn
) -> None:
    """With its reason and words, on the page of hours as well."""
    number = submit().id
    decision = {"decision": "return", "seen": "1", "reason": "proof-unclear", "words": "第二页太暗"}
    sign_in(city.handler).post(f"/declarations/{number}/decision", data=decision)
    alice = sign_in(city.alice)
    page = alice.get(f"/my/declarations/{number}").text
    assert "证明材料看不清" in page
    assert "第二页太暗" in page
    assert "1 份待修改" in alice.get("/my/year").text
    assert "1 份申报被退回" in alice.get("/my/declarations").text


def test_what_is_wrong_is_said_at_its_field(city: Any, sign_in: SignIn, session: Session) -> None:
    """What was typed stays; nothing is written."""
    alice = sign_in(city.alice)
    for changes in (
        {"amount": "9"},
        {"amount": "NaN"},
        {"amount": "1e9999999"},
        {"activity": "hiking"},
        {"ends_on": "x"},
    ):
        answer = alice.post("/my/declarations/new", data=_form(**changes))
        assert answer.status_code == 422
        assert "研修班" in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(Declaration)) == 0


def test_the_second_of_the_same_leads_to_the_first(city: Any, sign_in: SignIn) -> None:
    """409, and a link."""
    alice = sign_in(city.alice)
    number = _declare(alice)
    answer = alice.post("/my/declarations/new", data=_form(title="研修班。"))
    assert answer.status_code == 409
    assert f"/my/declarations/{number}" in answer.text


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"<script>alert(1)</script>", "x.png"), (b"MZ", "证明.pdf"), (b"", "x.jpg")],
)
def test_a_hostile_file_is_refused_by_name(
    city: Any, sign_in: SignIn, content: bytes, name: str, settings: Any
) -> None:
    """Good files of the same form are taken all the same."""
    alice = sign_in(city.alice)
    number = _declare(alice)
    answer = _upload(alice, number, (content, name), (picture(), "好.png"))
    assert f"{name}：" in answer.text
    assert "已上传 1 个文件" in answer.text
    kept = [path for path in settings.proofs_dir.rglob("*") if path.is_file()]
    assert len(kept) == 1


def test_a_body_beyond_all_files_is_not_read(city: Any, sign_in: SignIn, app: Any) -> None:
    """413, as everywhere else beyond its own bound."""
    alice = sign_in(city.alice)
    number = _declare(alice)
    app.extensions["settings"] = replace(
        app.extensions["settings"], proof_bytes=1000, proof_files=1
    )
    assert _upload(alice, number, (bytes(80_000), "x.png")).status_code == 413


def test_a_proof_is_harmless_where_it_is_opened(
    city: Any, sign_in: SignIn, submit: Any, session: Session
) -> None:
    """A picture in a sandbox, nothing sniffed, a name of the server's; a PDF as an attachment."""
    from tests.platform.declarations.test_proofs import PDF

    alice = sign_in(city.alice)
    number = _declare(alice)
    page = _upload(alice, number, (picture(), "照片.png"), (PDF, "通知.pdf")).text
    urls = sorted(set(re.findall(rf'href="(/declarations/{number}/proofs/\d+)"', page)))
    image, pdf = (alice.get(url) for url in urls)
    assert (image.mimetype, pdf.mimetype) == ("image/png", "application/pdf")
    for answer in (image, pdf):
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    assert image.headers["Content-Disposition"].startswith("inline")
    assert pdf.headers["Content-Disposition"].startswith("attachment")
    assert "通知" not in pdf.headers["Content-Disposition"]
    assert alice.get(f"{urls[0]}?download=1").headers["Content-Disposition"].startswith("attach")


def test_who_may_open_a_proof(
    city: Any, sign_in: SignIn, submit: Any, decide: Any, create_person: Any, session: Session
) -> None:
    """Its learner, the desks it came to, the auditor of its hours; nobody else."""
    auditor = create_person("auditor", Role.AUDITOR)
    others = [create_person("carol"), create_person("author", Role.AUTHOR), auditor, city.reviewer]
    declaration = submit()
    page = sign_in(city.alice).get(f"/my/declarations/{declaration.id}").text
    found = re.search(r'href="(/declarations/\d+/proofs/\d+)"', page)
    assert found
    for person in (city.alice, city.handler):
        assert sign_in(person).get(found[1]).status_code == 200
    for person in others:
        assert sign_in(person).get(found[1]).status_code == 404
    declaration = session.get_one(Declaration, declaration.id)
    decide(declaration, city.handler, "endorse")
    decide(declaration, city.reviewer, "verify")
    for person in (auditor, city.reviewer):
        assert sign_in(person).get(found[1]).status_code == 200


def test_looking_is_an_act(city: Any, sign_in: SignIn, submit: Any, session: Session) -> None:
    """Who looked at whose declaration is on the trail."""
    from zhixin.audit import trail

    number = submit().id
    sign_in(city.handler).get(f"/declarations/{number}")
    session.expire_all()
    assert [t.act for t, _n in trail.of(session, "declaration", number)] == ["view", "submit"]


def test_a_batch_leaves_what_cannot_be(
    city: Any, sign_in: SignIn, submit: Any, session: Session, create_person: Any, decide: Any
) -> None:
    """One was returned meanwhile, one is somebody else's: told, and the rest is endorsed."""
    good, returned = submit(), submit(title="另一个", proof="red")
    decide(returned, city.handler, "return", "proof-unclear")
    answer = sign_in(city.handler).post(
        "/declarations/employer/endorse",
        data={"chosen": ["999999.1", f"{good.id}.1", f"{returned.id}.1"]},
        follow_redirects=True,
    )
    assert "已同意 1 份申报" in answer.text
    session.expire_all()
    assert session.get_one(Declaration, good.id).state == State.ENDORSED
    assert session.get_one(Declaration, returned.id).state == State.RETURNED
    bad = sign_in(city.handler).post("/declarations/employer/endorse", data={"chosen": "x"})
    assert bad.status_code == 422


def test_what_is_late_is_red(city: Any, sign_in: SignIn, submit: Any, session: Session) -> None:
    """On the desk, with the day it was due."""
    submit().due_on = clock.local(clock.now()).date() - timedelta(days=1)
    session.commit()
    page = sign_in(city.handler).get("/declarations/employer").text
    assert "1 份申报已经逾期" in page
    assert "due--late" in page


@contextmanager
def _counted(connection: sa.Connection) -> Any:
    statements: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(connection.engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(connection.engine, "before_cursor_execute", note)


def test_a_desk_asks_as_often_for_many_as_for_few(
    city: Any, sign_in: SignIn, submit: Any, connection: sa.Connection
) -> None:
    """A bounded number of queries, whatever lies on it."""
    handler = sign_in(city.handler)
    counts = []
    for round_ in range(2):
        for place in range(1 + 9 * round_):
            submit(title=f"班 {round_} {place}", by=(city.alice, city.bob)[place % 2])
        with _counted(connection) as statements:
            page = handler.get("/declarations/employer").text
        counts.append(len(statements))
    assert page.count('name="chosen"') == 11
    assert counts[1] <= counts[0] + 1  # Bob came
    assert counts[1] < 20


def test_search_finds_people_and_activities(city: Any, sign_in: SignIn, submit: Any) -> None:
    """By a part of either; a percent sign is a percent sign."""
    submit()
    submit(by=city.bob, title="讲座", proof="red")
    handler = sign_in(city.handler)
    for text, titles in (
        ("李雷", {"讲座"}),
        ("智能", {"智能制造高级研修班（第二期）"}),
        ("%", set()),
    ):
        page = handler.get("/declarations/employer", query_string={"q": text}).text
        assert set(re.findall(r'<td data-label="活动"><a [^>]*>([^<]+)<', page)) == titles


def test_without_activities_in_the_rule_nothing_can_be_declared(
    session: Session, create_person: Any, sign_in: SignIn, now: Any
) -> None:
    """The page says so instead of offering an empty list."""
    from tests.platform.declarations.declared import RULE, publish

    publish(session, now, replace(RULE, activities={}))
    session.commit()
    page = sign_in(create_person("alice")).get("/my/declarations/new").text
    assert "没有可以申报的校外活动" in page
