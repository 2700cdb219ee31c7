"""Checking many certificates at once: right for who holds the list, useless for who guesses."""

from __future__ import annotations

import hashlib
import io
import re
import time

import openpyxl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from zhixin.audit.models import Trace
from zhixin.certificates import batch, issuing, verification
from zhixin.certificates.models import Certificate
from zhixin.certificates.verification import Claim, Status, same_name
from zhixin.errors import Invalid
from zhixin.hours import awards
from zhixin.hours.states import Transition
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, TreeHead
from zhixin.people.models import Role


@pytest.fixture
def issued(session, create_person, app, now):
    """One certificate of 欧阳明远, in the ledger."""
    given = scenes._award(session, create_person("learner", name="欧阳明远"))
    awards.decide(session, given, Transition.VERIFY, actor_id=None, reason=None, now=now)
    signer = Signer.of(app.extensions["settings"])
    log.append_waiting(session, signer, now)
    awards.mark_recorded(session)
    session.expire_all()
    made = issuing.issue_course(session, given.id, given.person_id, issuer=scenes.issuer(), now=now)
    log.append_waiting(session, signer, now)
    session.commit()
    return made


@pytest.fixture
def client(sign_in, create_person):
    return sign_in(create_person("office", Role.EMPLOYER))


def test_number_and_name_together_get_a_verdict(session, issued) -> None:
    """A name as people type it, with other spaces and widths, is the same name."""
    answers = list(
        verification.check(
            session,
            [
                Claim(issued.number.lower(), " 欧阳 明远"),
                Claim(issued.number, "欧阳明"),
                Claim("ZX-1", "欧阳明远"),
            ],
        )
    )
    assert [each.status for each in answers] == [Status.GENUINE, None, None]
    assert "*" in answers[0].facts["name"]


def test_who_guesses_learns_nothing(session, issued) -> None:
    """A number that exists and one that does not answer alike when the name is wrong."""
    wrong, none = verification.check(
        session, [Claim(issued.number, "李四"), Claim("ZX-2026-999999", "李四")]
    )
    assert (wrong.status, wrong.facts) == (none.status, none.facts) == (None, None)


def test_who_guesses_learns_nothing_by_page_or_program(client, issued) -> None:
    """Number and name apart, the two answers are the same to the letter: of one certificate that
    exists and of one that does not."""
    numbers = (issued.number, "ZX-2026-999999")
    said = []
    for number in numbers:
        page = client.post("/certificates/check", data={"lines": f"{number} 李四"})
        body = {"certificates": [{"number": number, "name": "李四"}]}
        answer = client.post("/api/v1/certificates/check", json=body)
        assert (page.status_code, answer.status_code) == (200, 200)
        text = page.text.partition("<main")[2] + answer.text
        said.append(re.sub(rf"{'|'.join(numbers)}|<input[^>]*csrf[^>]*>", "", text))
    assert said[0] == said[1]
    assert 'data-code="no-match"' in said[0]
    assert '"status":"no-match"' in said[0].replace(": ", ":")


def test_a_revoked_certificate_says_so(session, issued, now) -> None:
    """Each check is live."""
    issuing.revoke(session, issued, "姓名有误", now)
    (answer,) = verification.check(session, [Claim(issued.number, "欧阳明远")])
    assert answer.status is Status.REVOKED


def test_an_edited_ledger_entry_is_noticed_live(session, issued, connection) -> None:
    """The page proves the entry under the newest tree head each time it is opened."""
    assert verification.look_up(session, issued.code).status is Status.GENUINE
    trigger = "ledger_entry_no_update"
    on = " ON ledger_entry" if connection.dialect.name == "postgresql" else ""
    connection.exec_driver_sql(f"DROP TRIGGER {trigger}{on}")
    connection.exec_driver_sql(
        'UPDATE ledger_entry SET body = replace(body, \'"decided_at":"2026\', \'"decided_at":"2025\')'
    )
    session.expire_all()
    assert verification.look_up(session, issued.code).status is Status.ALTERED


def _unguard(connection) -> None:
    """Take the triggers away, as the database's owner can."""
    if connection.dialect.name == "sqlite":
        names = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for name in connection.scalars(names).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return
    for table in ("certificate", "ledger_entry", "ledger_tree_head"):
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def _forge(session, connection, certificate, old: str, new: str) -> None:
    """Change what a certificate says, its hash and its entry: by who has the password, so that
    our own tables agree with each other. The tree head stays as it was signed."""
    _unguard(connection)
    snapshot = certificate.snapshot.replace(old, new)
    assert snapshot != certificate.snapshot
    sha256 = hashlib.sha256(snapshot.encode()).hexdigest()
    body = (
        sa.update(Entry)
        .where(Entry.body.contains(certificate.sha256))
        .values(body=sa.func.replace(Entry.body, certificate.sha256, sha256))
    )
    assert connection.execute(body).rowcount == 1
    record = sa.update(Certificate).where(Certificate.id == certificate.id)
    connection.execute(record.values(snapshot=snapshot, sha256=sha256))
    session.expire_all()


def test_a_batch_holds_each_row_against_the_log(session, issued, connection, client) -> None:
    """Somebody with the password makes snapshot, hash and entry agree on more hours: a list, a
    program and a spreadsheet are told what the public page tells."""
    _forge(session, connection, issued, '"hours":"1"', '"hours":"9"')
    assert verification.look_up(session, issued.code).status is Status.ALTERED
    (answer,) = verification.check(session, [Claim(issued.number, "欧阳明远")])
    assert answer.status is Status.ALTERED
    session.commit()
    body = {"certificates": [{"number": issued.number, "name": "欧阳明远"}]}
    (told,) = client.post("/api/v1/certificates/check", json=body).get_json()["certificates"]
    assert told["status"] == "altered"
    page = client.post("/certificates/check", data={"lines": f"{issued.number} 欧阳明远"})
    assert 'data-code="altered"' in page.text


def test_an_entry_beyond_the_signed_log_proves_nothing(session, issued, connection) -> None:
    """No tree head covers it: what nobody has signed is not in the log, for a page and a list."""
    _unguard(connection)
    newest = sa.select(sa.func.max(TreeHead.size)).scalar_subquery()
    connection.execute(sa.delete(TreeHead).where(TreeHead.size == newest))
    session.expire_all()
    (answer,) = verification.check(session, [Claim(issued.number, "欧阳明远")])
    assert answer.status is verification.look_up(session, issued.code).status is Status.ALTERED


@pytest.fixture
def hundreds(session, create_person, app, now):
    """Claims to 60 certificates of one person."""
    person, signer = create_person("many", name="欧阳明远"), Signer.of(app.extensions["settings"])
    given = [scenes._award(session, person, number) for number in range(1, 61)]
    for each in given:
        awards.decide(session, each, Transition.VERIFY, actor_id=None, reason=None, now=now)
    log.append_waiting(session, signer, now)
    awards.mark_recorded(session)
    session.expire_all()
    made = [
        issuing.issue_course(session, each.id, person.id, issuer=scenes.issuer(), now=now)
        for each in given
    ]
    log.append_waiting(session, signer, now)
    session.commit()
    return [Claim(each.number, "欧阳明远") for each in made]


def test_a_long_list_is_checked_in_a_few_queries(session, hundreds, connection) -> None:
    """One more row costs no query, and no time that anybody notices."""
    asked: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *a: asked.append(a[2]))

    def check(claims: list[Claim]) -> tuple[list[Status | None], int]:
        session.expunge_all()
        asked.clear()
        found = [each.status for each in verification.check(session, claims)]
        return found, len([each for each in asked if each.startswith("SELECT")])

    _one, few = check(hundreds[:1])
    begun = time.perf_counter()
    found, many = check(hundreds)
    assert time.perf_counter() - begun < 2
    assert found == [Status.GENUINE] * len(hundreds)
    assert many == few <= 5


def test_headings_tell_the_columns(session) -> None:
    """The columns may stand anywhere, under a title and among others."""
    rows = [
        ["某单位名单"],
        ["序号", "姓名", "证书编号"],
        ["1", "欧阳明远", "ZX-2026-000001"],
        [],
        ["2", "", "ZX-2"],
    ]
    assert batch.claims(rows) == [
        (3, Claim("ZX-2026-000001", "欧阳明远")),
        (5, Claim("ZX-2", "")),
    ]


@pytest.mark.parametrize("rows", [[], [["编号", "姓名"]], [["a", "b"]] * (batch.MOST_ROWS + 1)])
def test_nothing_and_too_much_are_refused(rows) -> None:
    """In words, before anything is asked."""
    with pytest.raises(Invalid):
        batch.claims(rows)


def test_a_spreadsheet_gets_a_verdict_per_row(client, issued, session) -> None:
    """As an employer does it: upload, read, take the answers away; the trail keeps how many."""
    book = openpyxl.Workbook()
    for row in (
        ["证书编号", "姓名"],
        [issued.number, "欧阳明远"],
        [issued.number, "张三"],
        ["", "x"],
    ):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    page = client.post(
        "/certificates/check", data={"file": (io.BytesIO(file.getvalue()), "名单.xlsx")}
    )
    assert page.status_code == 200
    codes = ["genuine", "no-match", "incomplete"]
    assert all(f'data-code="{code}"' in page.text for code in codes)
    answer = client.post(
        "/certificates/check", data={"as": "xlsx", "lines": f"{issued.number}\t欧阳明远"}
    )
    cells = [
        cell.value for cell in list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.rows)[1]
    ]
    assert cells[1:4] == [issued.number, "欧阳明远", "真实有效"]
    trace = session.scalars(sa.select(Trace).where(Trace.act == "check")).all()
    assert [each.reason for each in trace] == ["3 / 1", "1 / 0"]


def test_pasted_lines_are_read_as_people_write_them(client, issued) -> None:
    """Tabs as from Excel, commas of both widths, or a space."""
    lines = "\n".join(f"{issued.number}{between}欧阳明远" for between in ("\t", ",", "，", "  "))
    page = client.post("/certificates/check", data={"lines": lines})
    assert page.text.count('data-code="genuine"') == 4


def test_a_bad_file_says_what_is_wrong(client) -> None:
    """The page stays, with the reason."""
    page = client.post("/certificates/check", data={"file": (io.BytesIO(b"\x00\x01"), "x.xlsx")})
    assert page.status_code == 422
    assert "没有进行查验" in page.text


def test_guessing_has_an_end(client, issued) -> None:
    """Pairs that do not belong together are counted; beyond the day's count nothing is told."""
    guesses = "\n".join(f"ZX-2026-{n:06d} 张三" for n in range(batch.MISSES.amount))
    assert client.post("/certificates/check", data={"lines": guesses}).status_code == 200
    again = client.post("/certificates/check", data={"lines": f"{issued.number} 张三"})
    assert again.status_code == 429
    assert "Retry-After" in again.headers


def test_learners_and_strangers_may_not(sign_in, create_person, app) -> None:
    """Only who has papers to judge."""
    learner = sign_in(create_person("learner"))
    assert learner.get("/certificates/check").status_code == 403
    body = {"certificates": [{"number": "x", "name": "y"}]}
    assert app.test_client().post("/api/v1/certificates/check", json=body).status_code in (400, 401)
    assert learner.post("/api/v1/certificates/check", json=body).status_code == 403


def test_machines_check_as_people_do(client, issued) -> None:
    """The same verdicts by API."""
    body = {
        "certificates": [
            {"number": issued.number, "name": "欧阳明远"},
            {"number": issued.number, "name": "李四"},
        ]
    }
    found = client.post("/api/v1/certificates/check", json=body).get_json()["certificates"]
    assert [each["status"] for each in found] == ["genuine", "no-match"]
    assert found[1]["hours"] is None


def test_looking_up_codes_has_an_end(app, issued) -> None:
    """From one network, so many in a minute."""
    client = app.test_client()
    answers = {client.get("/v/XXXX").status_code for _ in range(batch.LOOK_UPS.amount + 1)}
    assert answers == {404, 429}


@given(st.text(max_size=20))
def test_a_name_is_its_own(name: str) -> None:
    """Any name equals itself with spaces between; nothing at all is nobody."""
    assert same_name(" ".join(name), name) == bool(name.strip() and "".join(name.split()))
