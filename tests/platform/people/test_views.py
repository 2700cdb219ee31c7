"""Pages of signing in and out, and of one's own account."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from zhixin import clock, db
from zhixin.people import sign_ins, tokens
from zhixin.people.models import Person, SignIn, SignInFailure, Token
from zhixin.people.views import safe_path

PASSWORD = "correct horse 马"
RIGHT = {"sign_in_name": "alice", "password": PASSWORD}


def _count(session, model) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model))


def test_signing_in_leads_back_to_where_one_was(create_person, visitor) -> None:
    """The page that asked for a sign-in comes after it; the API knows the person."""
    create_person("alice")
    asked = visitor.get("/account")
    assert asked.status_code == 302
    assert asked.location == "/sign-in?next=/account"
    assert 'name="next"' in visitor.get(asked.location).text
    answer = visitor.post("/sign-in", data=RIGHT | {"next": "/account"})
    assert (answer.status_code, answer.location) == (303, "/account")
    assert visitor.get("/api/v1/me").json["sign_in_name"] == "alice"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", " //evil.example", "javascript:alert(1)", "evil.example", "", None,
    ],
)  # fmt: skip
def test_next_never_leaves_the_site(target) -> None:
    """Whatever browsers would read as another host becomes the home page."""
    assert safe_path(target) == "/"


@pytest.mark.parametrize("target", ["/", "/account", "/my/year?y=2026#a", "/课程?q=安全"])
def test_next_keeps_paths_of_the_site(target) -> None:
    """Paths with queries and Chinese stay as they are."""
    assert safe_path(target) == target


def test_nothing_set_before_signing_in_survives_it(create_person, visitor) -> None:
    """Session fixation: a planted cookie's contents are gone, its CSRF secret too."""
    create_person("alice")
    with visitor.session_transaction() as cookie:
        cookie["planted"] = "x"
    visitor.post("/sign-in", data=RIGHT)
    with visitor.session_transaction() as cookie:
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != "t"


def test_a_failure_is_told_and_kept(session, create_person, visitor) -> None:
    """422 with one message for a wrong password and an unknown name; both are recorded."""
    create_person("alice")
    texts = []
    for name in ("alice", "nobody"):
        answer = visitor.post("/sign-in", data={"sign_in_name": name, "password": "wrong"})
        assert answer.status_code == 422
        assert "登录名或密码不正确" in answer.text
        assert "wrong" not in answer.text
        texts.append(answer.text.count("field__error"))
    assert texts == [0, 0]
    assert _count(db.session(), SignInFailure) == 2


def test_too_many_failures_answer_429_with_the_time_to_wait(create_person, visitor) -> None:
    """Even the right password waits, and Retry-After says how long."""
    create_person("alice")
    for _ in range(5):
        assert visitor.post("/sign-in", data=RIGHT | {"password": "no"}).status_code == 422
    answer = visitor.post("/sign-in", data=RIGHT)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert visitor.get("/api/v1/me").status_code == 401


def test_the_sign_in_page_says_who_opens_accounts(visitor) -> None:
    """Nobody registers themselves; the page names whom to ask, and holds no account's name."""
    page = visitor.get("/sign-in").text
    assert "不开放自行注册" in page
    assert "市专业技术人员继续教育办公室" in page


def test_signing_in_needs_a_csrf_token(app, create_person) -> None:
    """A foreign site cannot sign a visitor in as somebody else."""
    create_person("alice")
    assert app.test_client().post("/sign-in", data=RIGHT).status_code == 400


def test_signing_out_ends_the_row_not_only_the_cookie(app, create_person, sign_in) -> None:
    """A copy of the cookie opens nothing after signing out."""
    client = sign_in(create_person("alice"))
    copied = client.get_cookie("zhixin").value
    assert client.post("/sign-out").status_code == 303
    thief = app.test_client()
    thief.set_cookie("zhixin", copied)
    assert thief.get("/api/v1/me").status_code == 401
    assert client.get("/api/v1/me").status_code == 401


def test_the_account_page_shows_own_facts_masked(session, create_person, sign_in) -> None:
    """The masked number, never the whole one."""
    alice = create_person(
        "alice",
        id_number_cipher=b"c",
        id_number_digest=b"d",
        id_number_masked="500***********1234",
    )
    page = sign_in(alice).get("/account").text
    assert "500***********1234" in page


def test_ending_a_sign_in_elsewhere(session, create_person, sign_in) -> None:
    """The other browser is signed out, this one stays."""
    alice = create_person("alice")
    here, there = sign_in(alice), sign_in(alice)
    other = db.session().scalars(sa.select(SignIn.id).order_by(SignIn.id.desc())).first()
    assert here.post(f"/account/sign-ins/{other}/end").status_code == 303
    assert there.get("/api/v1/me").status_code == 401
    assert here.get("/api/v1/me").status_code == 200


def test_ending_all_other_sign_ins(create_person, sign_in) -> None:
    """Lost a laptop: one button."""
    alice = create_person("alice")
    here, there = sign_in(alice), sign_in(alice)
    assert here.post("/account/sign-ins/end-others").status_code == 303
    assert there.get("/api/v1/me").status_code == 401
    assert here.get("/api/v1/me").status_code == 200


def test_changing_the_password_ends_other_sign_ins(create_person, sign_in, visitor) -> None:
    """Whoever knew the old password is out; the new one works."""
    alice = create_person("alice")
    here, there = sign_in(alice), sign_in(alice)
    new = "七个不相干的词 seven"
    changed = {"current": PASSWORD, "new": new, "again": new}
    assert here.post("/account/password", data=changed).status_code == 303
    assert there.get("/api/v1/me").status_code == 401
    assert here.get("/api/v1/me").status_code == 200
    assert visitor.post("/sign-in", data=RIGHT | {"password": new}).status_code == 303


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"current": "wrong"}, "当前密码不正确"),
        ({"new": "short", "again": "short"}, "密码至少需要 10 个字符"),
        ({"again": "another"}, "两次输入的新密码不一致"),
        ({"new": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "太容易被猜到"),
    ],
)
def test_a_refused_password_says_why_and_changes_nothing(
    create_person, sign_in, changes, message
) -> None:
    """422 with the reason at its field; the old password stays."""
    alice = create_person("alice")
    data = {"current": PASSWORD, "new": "a fine new one", "again": "a fine new one"} | changes
    answer = sign_in(alice).post("/account/password", data=data)
    assert answer.status_code == 422
    assert message in answer.text
    stored = db.session().get_one(Person, alice.id).password_hash
    assert stored == alice.password_hash


def test_guessing_the_current_password_pauses_too(create_person, sign_in) -> None:
    """A stolen session is no place to try passwords without limit."""
    client = sign_in(create_person("alice"))
    data = {"current": "wrong", "new": "a fine new one", "again": "a fine new one"}
    answers = [client.post("/account/password", data=data).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


def test_a_token_is_shown_once_and_works(app, create_person, sign_in) -> None:
    """The answer to its creation is the only place where the secret appears."""
    client = sign_in(create_person("alice"))
    answer = client.post("/account/tokens", data={"name": "人事系统", "days": "30"})
    assert answer.status_code == 201
    secret = answer.text.split("data-new-token>")[1].split("<")[0]
    assert secret not in client.get("/account").text
    machine = app.test_client()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert machine.get("/api/v1/me", headers=bearer).json["sign_in_name"] == "alice"
    token_id = db.session().scalars(sa.select(Token.id)).one()
    assert client.post(f"/account/tokens/{token_id}/revoke").status_code == 303
    assert machine.get("/api/v1/me", headers=bearer).status_code == 401


def test_a_token_opens_no_pages(app, session, create_person, now) -> None:
    """A leaked token can neither make another nor change the password."""
    secret = tokens.create(session, create_person("alice"), "x", 1, clock.now())
    session.commit()
    bearer = {"Authorization": f"Bearer {secret}"}
    client = app.test_client()
    assert client.get("/account", headers=bearer).status_code == 302
    made = client.post("/account/tokens", data={"name": "y", "days": "9"}, headers=bearer)
    assert made.status_code == 401


def test_a_bearer_header_switches_the_cookie_off(create_person, sign_in) -> None:
    """Such requests skip CSRF, so they must not lean on the browser's cookie."""
    client = sign_in(create_person("alice"))
    answer = client.post("/sign-out", headers={"Authorization": "Bearer zx_nonsense"})
    assert answer.status_code == 401


def test_a_foreign_authorization_header_does_not_skip_csrf(create_person, sign_in) -> None:
    """Only bearer tokens prove that no browser sent the request on its own."""
    client = sign_in(create_person("alice"))
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    answer = client.post("/sign-out", headers={"Authorization": "Basic eDp5"})
    assert answer.status_code == 400


def test_tokens_expire_and_are_limited(session, create_person, now) -> None:
    """Days are bounded, and so is the number of live tokens."""
    alice = create_person("alice")
    secret = tokens.create(session, alice, "x", 1, now)
    session.flush()
    assert tokens.find(session, secret, now) == alice
    assert tokens.find(session, secret, now + timedelta(days=1)) is None
    for days in (0, -1, 367):
        with pytest.raises(Exception, match="有效期"):
            tokens.create(session, alice, "x", days, now)
    for _ in range(tokens.MAX_TOKENS - 1):
        tokens.create(session, alice, "x", 1, now)
        session.flush()
    with pytest.raises(Exception, match="请先吊销"):
        tokens.create(session, alice, "x", 1, now)


def test_language_is_kept_for_visitor_and_person(create_person, sign_in, visitor) -> None:
    """A visitor's choice lives in the cookie, a person's with the account."""
    answer = visitor.post("/language", data={"locale": "en", "next": "/sign-in"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert 'lang="en"' in visitor.get("/sign-in").text.split(">")[1]
    alice = create_person("alice")
    sign_in(alice).post("/language", data={"locale": "en", "next": "//evil.example"})
    assert sign_in(alice).get("/api/v1/me").json["locale"] == "en"
    assert visitor.post("/language", data={"locale": "fr"}).status_code == 422


def test_the_load_of_a_page_notes_the_visit(session, create_person, sign_in) -> None:
    """Reading pages keeps a sign-in alive, at one write in five minutes at most."""
    client = sign_in(create_person("alice"))
    session = db.session()
    before = clock.now() - sign_ins.SEEN_EVERY - timedelta(minutes=1)
    session.execute(sa.update(SignIn).values(seen_at=before, created_at=before))
    session.commit()
    assert client.get("/account").status_code == 200
    assert db.session().scalars(sa.select(SignIn.seen_at)).one() > before
