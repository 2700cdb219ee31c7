"""The paper editor as its author, a stranger and nobody see it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from assessments import drafting
from assessments.models import Paper
from zhixin.people.models import Role

SINGLE = {
    "id": "s",
    "kind": "single",
    "stem": "一年至少\n多少学时？",
    "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
    "correct": ["b"],
    "explanation": "见第八条",
}


class Fields(HTMLParser):
    """What a browser would send for a page's last form that has a ``stem``."""

    def __init__(self, page: str):
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self._text: str | None = None
        self.feed(page[page.index('<form class="form"') :])

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag == "textarea":
            self._text = facts["name"]
        choice = facts.get("type") in ("radio", "checkbox")
        if tag == "input" and facts.get("name") and (not choice or "checked" in facts):
            self.pairs.append((facts["name"], facts.get("value", "")))

    def handle_data(self, data):
        if self._text:
            self.pairs.append((self._text, data))

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._text = None


@pytest.fixture
def paper(create_paper):
    return create_paper(SINGLE)


@pytest.fixture
def client(sign_in, author):
    return sign_in(author)


@pytest.fixture
def stored(session, paper):
    """The paper as the database has it now."""

    def stored():
        return session.get(Paper, paper.id, populate_existing=True)

    return stored


def filled(page: str, texts: list[str], correct: list[int], **changes: str):
    """A form filled in: option texts in their rows, rows that are right."""
    pairs = Fields(page).pairs
    ids = [value for name, value in pairs if name == "option-id"]
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in ("option", "correct"):
            sent.setdefault(name, []).append(value)
    sent["option"] = texts + [""] * (len(ids) - len(texts))
    sent["correct"] = [ids[place] for place in correct]
    return sent | {name: [value] for name, value in changes.items()}


def test_the_editor_shows_the_paper(client, paper):
    """Questions in order with their keys, escaped and with line breaks."""
    page = client.get(f"/papers/{paper.id}").text
    assert "一年至少<br />\n多少学时？" in page
    assert "正确答案" in page
    assert "共 1 题，满分 1 分" in page
    assert "及格线（%）" in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("post", ""),
        ("get", "/questions/new"),
        ("post", "/questions"),
        ("get", "/questions/s"),
        ("post", "/questions/s"),
        ("post", "/questions/s/move"),
        ("post", "/questions/s/delete"),
    ],
)
def test_only_the_owner_may_edit(app, client, create_person, sign_in, paper, stored, method, path):
    """Another author finds nothing, a learner may not, nobody signs in first."""
    facts = {"data": {"kind": "single", "stem": "改", "title": "改"}} if method == "post" else {}
    address = f"/papers/{paper.id}{path}"
    before = stored().document
    other = sign_in(create_person("tonghang", Role.AUTHOR))
    assert getattr(other, method)(address, **facts).status_code == 404
    learner = sign_in(create_person("xueyuan"))
    assert getattr(learner, method)(address, **facts).status_code == 403
    nobody = getattr(app.test_client(), method)(address, **facts)
    assert nobody.status_code in ((302,) if method == "get" else (400, 401))
    assert stored().document == before
    assert client.get(f"/papers/{paper.id + 10**6}{path}").status_code in (404, 405)


def test_a_question_is_added(client, paper, stored):
    """Empty rows are left out; the page comes back to the question."""
    page = client.get(f"/papers/{paper.id}/questions/new?kind=multiple").text
    sent = filled(page, ["甲", "", "乙", "丙"], [0, 2], stem="哪些？", explanation="说明")
    answer = client.post(f"/papers/{paper.id}/questions", data=sent)
    assert answer.status_code == 303
    assert answer.location.startswith(f"/papers/{paper.id}#question-")
    added = drafting.questions_of(stored())[1]
    assert [option["text"] for option in added["options"]] == ["甲", "乙", "丙"]
    assert added["correct"] == [added["options"][0]["id"], added["options"][1]["id"]]
    assert (added["kind"], added["explanation"], added["points"]) == ("multiple", "说明", "1")


def test_a_form_sent_twice_adds_once(client, paper, stored):
    """The question's id is made with the form."""
    page = client.get(f"/papers/{paper.id}/questions/new").text
    sent = filled(page, ["甲", "乙"], [0], stem="题")
    for _twice in range(2):
        assert client.post(f"/papers/{paper.id}/questions", data=sent).status_code == 303
    assert len(drafting.questions_of(stored())) == 2


def test_a_true_false_question_is_added(client, paper, stored):
    """Only a statement and whether it is true."""
    page = client.get(f"/papers/{paper.id}/questions/new?kind=true_false").text
    sent = dict(Fields(page).pairs) | {"stem": "地球是圆的", "correct": "true"}
    assert client.post(f"/papers/{paper.id}/questions", data=sent).status_code == 303
    assert drafting.questions_of(stored())[1]["correct"] == ["true"]


def test_more_rows(client, paper, stored):
    """The button gives ten rows and keeps what was typed; nothing is saved."""
    page = client.get(f"/papers/{paper.id}/questions/new").text
    assert page.count('name="option"') == 6
    sent = filled(page, ["甲", "乙"], [1], stem="题干在此", more="1")
    page = client.post(f"/papers/{paper.id}/questions", data=sent).text
    assert page.count('name="option"') == 10
    assert "题干在此" in page
    assert 'value="甲"' in page
    assert page.count(" checked") == 1
    assert len(drafting.questions_of(stored())) == 1


def test_an_unsound_question_comes_back_with_what_is_wrong(client, paper, stored):
    """422, all problems in words, and the input kept."""
    page = client.get(f"/papers/{paper.id}/questions/new").text
    sent = filled(page, ["甲", "甲"], [], stem="<b>", points="很多")
    answer = client.post(f"/papers/{paper.id}/questions", data=sent)
    assert answer.status_code == 422
    assert "分值格式有误" in answer.text
    assert "题目第" not in answer.text
    assert "&lt;b&gt;" in answer.text
    assert len(drafting.questions_of(stored())) == 1


def test_a_question_is_changed(client, paper, stored):
    """Its form holds what is there; option ids stay."""
    page = client.get(f"/papers/{paper.id}/questions/s").text
    sent = filled(page, ["六十", "九十", "一百"], [1], stem="改过")
    assert client.post(f"/papers/{paper.id}/questions/s", data=sent).status_code == 303
    [changed] = drafting.questions_of(stored())
    assert changed["stem"] == "改过"
    assert [option["id"] for option in changed["options"]][:2] == ["a", "b"]
    assert changed["correct"] == ["b"]


def test_a_change_elsewhere_is_told_and_can_be_overruled(
    client, session, author, paper, stored, now
):
    """409 with the input kept; saving once more is meant."""
    page = client.get(f"/papers/{paper.id}/questions/s").text
    drafting.update_question(
        session, paper.id, author.id, SINGLE | {"stem": "别处"}, paper.revision, now
    )
    session.commit()
    sent = filled(page, ["六十", "九十"], [1], stem="这里")
    answer = client.post(f"/papers/{paper.id}/questions/s", data=sent)
    assert answer.status_code == 409
    assert "已在别处修改" in answer.text
    assert "这里" in answer.text
    assert drafting.questions_of(stored())[0]["stem"] == "别处"
    again = filled(answer.text, ["六十", "九十"], [1])
    assert client.post(f"/papers/{paper.id}/questions/s", data=again).status_code == 303
    assert drafting.questions_of(stored())[0]["stem"] == "这里"


def test_questions_are_moved_and_deleted(client, create_paper, session):
    """By the buttons of the page: up, down, away."""
    paper = create_paper(*(SINGLE | {"id": each} for each in "abc"))
    address = f"/papers/{paper.id}/questions"

    def ids():
        found = session.get(Paper, paper.id, populate_existing=True)
        return [each["id"] for each in drafting.questions_of(found)]

    client.post(f"{address}/c/move", data={"to": "1"})
    assert ids() == ["a", "c", "b"]
    client.post(f"{address}/a/move", data={"to": "x"})
    assert ids() == ["a", "c", "b"]
    for _twice in range(2):
        assert client.post(f"{address}/c/delete").status_code == 303
    assert ids() == ["a", "b"]
    assert client.post(f"{address}/c/move", data={"to": "0"}).status_code == 404


def test_settings_are_saved(client, paper, stored):
    """Title, pass mark in percent, marking."""
    facts = {"title": "新标题", "pass_mark": "62.5", "marking": "partial"}
    answer = client.post(f"/papers/{paper.id}", data=facts | {"revision": paper.revision})
    assert answer.status_code == 303
    saved = stored().document
    assert (saved["title"], saved["pass_mark"], saved["marking"]) == ("新标题", "0.625", "partial")
    assert 'value="62.5"' in client.get(f"/papers/{paper.id}").text


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"title": " "}, 422, "标题"),
        ({"pass_mark": "101"}, 422, "及格线应是"),
        ({"pass_mark": "NaN"}, 422, "及格线应是"),
        ({"pass_mark": "六十"}, 422, "及格线应是"),
        ({"marking": "generous"}, 422, "多选计分方式"),
        ({"revision": "0"}, 409, "已在别处修改"),
        ({"revision": "²"}, 409, "已在别处修改"),
    ],
)
def test_impossible_settings_are_refused(client, paper, stored, changes, status, said):
    """With the right status, in words, and nothing changed."""
    before = stored().document
    facts = {"title": "新", "pass_mark": "60", "marking": "partial", "revision": paper.revision}
    answer = client.post(f"/papers/{paper.id}", data=facts | changes)
    assert answer.status_code == status
    assert said in answer.text
    assert stored().document == before


@pytest.mark.parametrize("kind", ["", "riddle"])
def test_an_unknown_kind_of_question_is_not_found(client, paper, kind):
    """A wrong address, not a server error."""
    assert client.get(f"/papers/{paper.id}/questions/new?kind={kind}").status_code == 404


@pytest.mark.parametrize(
    ("back", "kept"),
    [
        ("/studio/1?tab=quiz", True),
        ("//evil.example", False),
        ("https://evil.example", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("/\t/evil.example", False),
        ("studio", False),
        ("", False),
    ],
)
def test_the_way_back_stays_on_this_site(client, paper, back, kept):
    """``back`` is a path here or is left out."""
    page = client.get(f"/papers/{paper.id}", query_string={"back": back}).text
    assert (f'href="{back}"' in page and "返回<" in page) is kept
    # The header's language form may name this page's own address, query and all.
    main = page.split("<main", 1)[1].split("</main>", 1)[0]
    assert "evil" not in main or kept


@pytest.mark.parametrize("typed", ["1e999999999999999", "-1e999999999999999", "1e-999999", "NaN"])
def test_a_boundless_number_is_refused_with_words(client, paper, stored, typed):
    """A pass mark and a tolerance beyond all bounds are the author's mistake, not a failure."""
    sent = {"title": "测验", "pass_mark": typed, "marking": "all_or_nothing", "revision": "1"}
    answer = client.post(f"/papers/{paper.id}", data=sent)
    assert answer.status_code == 422
    assert "0 到 100" in answer.text
    gap = {"gap-kind": "number", "gap-text": "1", "gap-compare": "", "gap-units": ""}
    sent = {"kind": "blanks", "id": "n", "stem": "几？", "points": "1", "revision": "1", **gap}
    address = f"/papers/{paper.id}/questions"
    assert client.post(address, data=sent | {"gap-tolerance": f"{typed}%"}).status_code == 422
