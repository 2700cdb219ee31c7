"""Policies as pages: writing, reviewing, trying out, publishing, files."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from zhixin.hours import dry_runs, policies
from zhixin.hours.models import Policy, PolicyDraft, PolicyDryRun
from zhixin.hours.rules import SubjectKind, Window
from zhixin.people.models import Role

from .conftest import make_policy

FORM = {
    "revision": "1",
    "title": "本市 2027 年度规则",
    "source": "某人社发〔2026〕1 号第三条",
    "effective_from": "2027-01-01",
    "minutes_per_hour": "45",
    "step": "0.50",
    "coverage_needed": "95",
    "pass_mark": "60",
    "attempts_allowed": "",
    "yearly_total": "90",
    "general": "30",
    "professional": "60",
    "auto": "y",
    "sample_percent": "12.5",
}
PAPER = {
    "activities-0-name": "发表论文",
    "activities-0-code": "paper",
    "activities-0-unit": "item",
    "activities-0-hours_each": "20.0",
    "activities-0-professional": "y",
    "activities-0-proof_needed": "y",
}
LECTURE = {
    "activities-3-name": "讲座",
    "activities-3-code": "lecture",
    "activities-3-unit": "minutes",
    "activities-3-hours_each": "1",
    "activities-3-minutes_each": "45",
    "activities-3-general": "y",
}
EMPTY = {
    "activities-1-name": "",
    "activities-1-code": "",
    "activities-1-unit": "half-day",
    "activities-1-hours_each": "",
    "activities-1-professional": "y",
    "activities-1-proof_needed": "y",
    "caps-1-hours": "",
    "caps-1-per": "year",
    "caps-1-subject_kind": "",
    "caps-1-source_kind": "",
}
CAP = {
    "caps-0-hours": "40",
    "caps-0-per": "year",
    "caps-0-subject_kind": "",
    "caps-0-source_kind": "declaration",
    "caps-0-activity": "paper",
}


@pytest.fixture
def writer(create_person):
    return create_person("writer", Role.ADMINISTRATOR, name="起草人")


@pytest.fixture
def client(policy, writer, sign_in):
    return sign_in(writer)


@pytest.fixture
def reviewer(create_person, sign_in):
    return sign_in(create_person("reviewer", Role.ADMINISTRATOR, name="审核人"))


@pytest.fixture
def draft(client, session):
    """The address of a draft that was begun from what is in force."""
    assert client.post("/admin/policies/drafts", data={"area": "city"}).status_code == 303
    return f"/admin/policies/drafts/{session.scalars(sa.select(PolicyDraft.id)).one()}"


@pytest.fixture
def document(session):
    """What the draft says now."""

    def found():
        session.expire_all()
        return session.scalars(sa.select(PolicyDraft)).one().document

    return found


@pytest.fixture
def idle(monkeypatch):
    """No worker is there: what waits goes on waiting."""
    monkeypatch.setattr("zhixin.jobs._ring", lambda _task, _ids: None)


@pytest.fixture
def work_out(app, session, now):
    """Do what the job does."""

    def done():
        session.expire_all()
        run = session.scalars(sa.select(PolicyDryRun)).one()
        dry_runs.run(app.extensions["db"], run.id, lambda: now)
        session.expire_all()

    return done


@pytest.mark.parametrize("role", [Role.LEARNER, Role.AUTHOR, Role.REVIEWER, Role.AUDITOR])
def test_policies_are_the_administrators(policy, create_person, sign_in, role):
    """Nobody else reads or writes here."""
    client = sign_in(create_person("somebody", role))
    assert client.get("/admin/policies").status_code == 403
    assert client.post("/admin/policies/drafts", data={"area": "city"}).status_code == 403


def test_the_page_shows_what_is_in_force(client):
    """With its source and its numbers, and the history."""
    page = client.get("/admin/policies")
    assert page.status_code == 200
    for text in ("示例规则", "45 分钟 = 1 学时", "不确认在场", "当前生效"):
        assert text in page.text


def test_the_first_policy_can_be_written(writer, sign_in, session):
    """An installation without any policy says so, and begins from the national default."""
    client = sign_in(writer)
    assert "还没有生效的学时规则" in client.get("/admin/policies").text
    assert client.post("/admin/policies/drafts", data={"area": "city"}).status_code == 303
    assert session.scalars(sa.select(PolicyDraft.title)).one() == "国家规定与示例换算"


def test_a_draft_begins_with_what_is_in_force(client, draft, document, policy):
    """To be changed from there; nothing is published."""
    assert document() == policy.document
    page = client.get(f"{draft}/edit").text
    assert re.search(r'name="coverage_needed"[^>]* value="95"', page)
    assert 'name="activities-1-code"' in page  # two spare rows
    assert "没有不同" in client.get(draft).text


def test_a_draft_begins_with_an_example(client, session):
    """A shipped file, named as an example."""
    client.post("/admin/policies/drafts", data={"area": "city", "base": "example-guangdong"})
    draft = session.scalars(sa.select(PolicyDraft)).one()
    assert draft.document["windows"] == {"general": "04-30"}
    page = client.get(f"/admin/policies/drafts/{draft.id}").text
    assert "跨年：公需科目" in page
    assert "学到次年 4 月 30 日" in page


def test_the_writer_saves_numbers_and_rows(client, draft, document):
    """As short as people would write them; rows left empty are nothing."""
    data = FORM | PAPER | EMPTY | LECTURE | CAP | {"window_general": "04-30"}
    assert client.post(f"{draft}/edit", data=data).status_code == 303
    saved = document()
    assert (saved["step"], saved["coverage_needed"]) == ("0.5", "0.95")
    assert [each["code"] for each in saved["activities"]] == ["paper", "lecture"]
    assert saved["activities"][0]["hours_each"] == "20"
    assert saved["activities"][1]["subject_kinds"] == ["general"]
    assert saved["caps"] == [
        {"hours": "40", "per": "year", "activity": "paper", "source_kind": "declaration"}
    ]
    assert saved["windows"] == {"general": "04-30"}
    page = client.get(draft).text
    assert "活动：发表论文（paper）" in page
    assert "上限：申报的活动、发表论文，一年" in page


def test_presence_is_a_part_of_the_policy(client, draft, document):
    """On with its numbers, off without."""
    asked = FORM | {"presence": "y", "every_minutes": "12.5", "answer_seconds": "90"}
    assert client.post(f"{draft}/edit", data=asked).status_code == 303
    assert document()["presence"] == {"every_minutes": "12.5", "answer_seconds": 90}
    assert "平均每 12.5 分钟视频确认在场一次，90 秒内回答" in client.get(draft).text
    assert client.post(f"{draft}/edit", data=FORM | {"revision": "2"}).status_code == 303
    assert "presence" not in document()


def test_more_rows_save_nothing(client, draft, document):
    """The button adds empty rows to what was typed; without a script too."""
    before = document()
    page = client.post(f"{draft}/edit", data=FORM | PAPER | {"more": "activities"})
    assert page.status_code == 200
    assert 'value="发表论文"' in page.text
    assert 'name="activities-2-code"' in page.text
    assert document() == before


def test_a_list_has_an_end(client, draft):
    """A hundred rows are enough for every city."""
    page = client.post(f"{draft}/edit", data=FORM | {f"caps-{n}-hours": "" for n in range(300)})
    assert page.status_code in (303, 422)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "长" * 201},
        {"source": " "},
        {"effective_from": "2027-02-30"},
        {"minutes_per_hour": "0"},
        {"minutes_per_hour": "NaN"},
        {"minutes_per_hour": "sNaN"},
        {"yearly_total": "Infinity"},
        {"yearly_total": "-1"},
        {"yearly_total": "1e999999"},
        {"yearly_total": "1e9999999"},
        {"step": "0.001"},
        {"step": "1e-99999"},
        {"coverage_needed": "101"},
        {"coverage_needed": "33.333333"},
        {"pass_mark": "NaN"},
        {"sample_percent": "100.1"},
        {"attempts_allowed": "0"},
        {"attempts_allowed": "1" * 30},
        {"general": "31"},
        {"presence": "y", "every_minutes": "", "answer_seconds": "60"},
        {"presence": "y", "every_minutes": "15", "answer_seconds": ""},
        {"presence": "y", "every_minutes": "0.5", "answer_seconds": "60"},
        {"presence": "y", "every_minutes": "15", "answer_seconds": "19"},
        {"presence": "y", "every_minutes": "NaN", "answer_seconds": "60"},
        {"window_general": "2-29"},
        {"window_professional": "13-01"},
        PAPER | {"activities-0-code": ""},
        PAPER | {"activities-0-code": "论文"},
        PAPER | {"activities-0-name": ""},
        PAPER | {"activities-0-hours_each": ""},
        PAPER | {"activities-0-hours_each": "NaN"},
        PAPER | {"activities-0-unit": "week"},
        PAPER | {"activities-0-minutes_each": "45"},
        {key: value for key, value in PAPER.items() if "professional" not in key},
        PAPER | {key.replace("-0-", "-1-"): value for key, value in PAPER.items()},
        CAP,
        CAP | {"caps-0-activity": "", "caps-0-per": "month"},
        CAP | {"caps-0-activity": "", "caps-0-hours": "-1"},
        CAP | {"caps-0-activity": "", "caps-1-hours": "9", "caps-1-per": "year",
               "caps-1-subject_kind": "", "caps-1-source_kind": "declaration"},
    ],
)  # fmt: skip
def test_impossible_rules_are_refused(client, draft, document, changes):
    """422, the form again with the reason, and nothing saved."""
    before = document()
    response = client.post(f"{draft}/edit", data=FORM | changes)
    assert response.status_code == 422
    assert "请改正以下内容" in response.text
    assert document() == before


def test_a_stale_window_overwrites_nothing(client, draft):
    """Saved elsewhere meanwhile: 409."""
    assert client.post(f"{draft}/edit", data=FORM).status_code == 303
    for revision in ("1", "x", "9" * 30):
        stale = client.post(f"{draft}/edit", data=FORM | {"revision": revision})
        assert stale.status_code == 409


def test_only_the_writer_has_the_form(draft, reviewer):
    """Others read the draft."""
    assert reviewer.get(draft).status_code == 200
    assert reviewer.get(f"{draft}/edit").status_code == 404
    assert reviewer.post(f"{draft}/edit", data=FORM).status_code == 404
    assert reviewer.post(f"{draft}/submit").status_code == 404


def test_writing_needs_the_forms_token(client, draft, document):
    """A forged post from elsewhere changes nothing."""
    before = document()
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    assert client.post(f"{draft}/edit", data=FORM).status_code == 400
    assert client.post(f"{draft}/submit").status_code == 400
    assert document() == before


def test_from_draft_to_publication(idle, client, reviewer, draft, session, work_out, give):
    """Written, submitted, tried out, published by another, from its day on."""
    give(hours=Decimal(20))
    easy = FORM | {"yearly_total": "10", "general": "0", "professional": "10"}
    client.post(f"{draft}/edit", data=easy)
    assert client.post(f"{draft}/submit").status_code == 303
    page = client.get(draft).text
    assert "正在等待试算开始" in page
    assert "自己起草的规则须由另一名管理员审核发布" in page
    assert reviewer.post(f"{draft}/publish").status_code == 409  # not worked out yet
    work_out()
    page = reviewer.get(draft).text
    assert "以 2026 年已有的学时代替" in page
    assert "变为达到" in page
    assert client.post(f"{draft}/publish").status_code == 403
    assert reviewer.post(f"{draft}/publish").status_code == 303
    newest = session.scalars(sa.select(Policy).order_by(Policy.id.desc())).first()
    assert policies.rule(newest).yearly_total == 10
    assert "审核人" in client.get(draft).text
    assert FORM["title"] in client.get("/admin/policies").text
    assert client.get(f"{draft}/edit").status_code == 303


def test_the_reviewer_sees_who_is_concerned(client, reviewer, draft, give, alice):
    """Each person before and after; as a workbook too, without formulas."""
    alice.name = "=1+1"
    give(hours=Decimal(20))
    easy = FORM | {"yearly_total": "10", "general": "0", "professional": "10"}
    client.post(f"{draft}/edit", data=easy)
    client.post(f"{draft}/submit")
    page = reviewer.get(f"{draft}/people").text
    assert "=1+1" in page
    assert "70 → 0" in page
    assert "没有人受影响" in reviewer.get(f"{draft}/people?effect=more-to-go").text
    assert reviewer.get(f"{draft}/people?effect=rich").status_code == 404
    assert "=1+1" in reviewer.get(f"{draft}/people?page=99").text
    book = reviewer.get(f"{draft}/people.xlsx?effect=newly-met")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.data)).get_sheet_by_index(0).to_python()
    assert rows[1][0] == "=1+1"
    assert rows[1][3:] == ["变为达到", 20, 20, 70, 0]


def test_progress_is_shown_and_ends(idle, client, draft, session, work_out):
    """A page that waits asks again, and is told when to look."""
    client.post(f"{draft}/dry-run")
    waiting = client.get(f"{draft}/progress")
    assert 'hx-trigger="every 2s"' in waiting.text
    assert "HX-Refresh" not in waiting.headers
    session.execute(sa.update(PolicyDryRun).values(state="running", people=30_000, done=500))
    session.commit()
    assert "500 / 30000 人" in client.get(f"{draft}/progress").text
    session.execute(sa.update(PolicyDryRun).values(state="waiting"))
    session.commit()
    work_out()
    assert client.get(f"{draft}/progress").headers["HX-Refresh"] == "true"


def test_a_failed_dry_run_says_so(client, draft, session):
    """And can be tried again."""
    client.post(f"{draft}/dry-run")
    session.execute(sa.update(PolicyDryRun).values(state="failed"))
    session.commit()
    assert "试算没有完成" in client.get(draft).text
    assert client.post(f"{draft}/dry-run").status_code == 303


def test_a_reviewer_sends_a_draft_back(client, reviewer, draft):
    """With a reason, as it was written and harmless as HTML."""
    client.post(f"{draft}/submit")
    assert reviewer.post(f"{draft}/send-back", data={"reason": ""}).status_code == 422
    assert reviewer.post(f"{draft}/send-back", data={"reason": "<b>缺文号"}).status_code == 303
    page = client.get(draft).text
    assert "&lt;b&gt;缺文号" in page
    assert "审核人 退回了这份草案" in page


def test_a_writer_gives_a_draft_up(client, draft, session):
    """It is no longer listed; no way leads back."""
    client.post(f"{draft}/submit")
    assert client.post(f"{draft}/withdraw").status_code == 303
    assert client.post(f"{draft}/discard").status_code == 303
    assert "起草中" not in client.get("/admin/policies").text
    assert client.post(f"{draft}/submit").status_code == 409
    assert client.post(f"{draft}/dry-run").status_code == 409
    assert client.post(f"{draft}/publish-now").status_code == 404


def test_a_policy_goes_out_and_comes_in_as_a_file(session, client, now):
    """What one city exports another brings in."""
    windows = {SubjectKind.GENERAL: Window(month=4, day=30)}
    published = make_policy(session, now, windows=windows)
    session.commit()
    page = client.get(f"/admin/policies/{published.id}")
    assert "学到次年 4 月 30 日" in page.text
    file = client.get(f"/admin/policies/{published.id}.json")
    assert "attachment" in file.headers["Content-Disposition"]
    given = {"area": "city", "base": "file", "file": (io.BytesIO(file.data), "a.json")}
    assert client.post("/admin/policies/drafts", data=given).status_code == 303
    draft = session.scalars(sa.select(PolicyDraft)).one()
    assert draft.document == published.document
    again = client.get(f"/admin/policies/drafts/{draft.id}.json")
    assert json.loads(again.data)["rule"] == published.document


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff\xfe", b"PK\x03\x04", b"[" * 200_000, b" " * 300_000, b'{"title": "\x00"}'],
)
def test_a_file_that_is_no_policy_is_refused(client, session, content):
    """422 with a reason, nothing begun."""
    given = {"area": "city", "base": "file", "file": (io.BytesIO(content), "a.json")}
    assert client.post("/admin/policies/drafts", data=given).status_code == 422
    assert session.scalar(sa.select(sa.func.count(PolicyDraft.id))) == 0


@pytest.mark.parametrize("source", ["\ud800", "文\0件", "\x1b[0m"])
def test_a_file_says_only_what_can_be_written_down(client, policy, session, source):
    """JSON can hold halves of characters and control codes; a database and a page cannot."""
    content = {
        "title": "x", "source": source, "effective_from": "2027-01-01", "rule": policy.document
    }  # fmt: skip
    file = (io.BytesIO(json.dumps(content).encode()), "a.json")
    given = {"area": "city", "base": "file", "file": file}
    assert client.post("/admin/policies/drafts", data=given).status_code == 422
    assert session.scalar(sa.select(sa.func.count(PolicyDraft.id))) == 0


def test_an_unknown_policy_is_not_found(client):
    """Neither page nor file."""
    assert client.get("/admin/policies/999").status_code == 404
    assert client.get("/admin/policies/999.json").status_code == 404
    assert client.get("/admin/policies/drafts/999").status_code == 404


def test_the_page_takes_few_queries(session, client, now, connection):
    """However long the history."""
    for _ in range(8):
        make_policy(session, now)
    session.commit()
    client.get("/admin/policies")
    seen: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text))
    client.get("/admin/policies")
    assert len([text for text in seen if text.startswith(("SELECT", "WITH"))]) < 14
