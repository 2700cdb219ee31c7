"""Administrators' pages and their reach."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from zhixin import db
from zhixin.audit.models import Trace
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.people import administration, identity_number, organisations
from zhixin.people.models import Organisation, OrganisationKind, Person, Role

NUMBER = identity_number.make("500103", date(1990, 1, 2), 7)
FACTS = {"name": "李娜", "employer_id": "", "title_level": "senior", "title_name": "高级工程师"}


@contextmanager
def _queries(connection: sa.Connection):
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith(("SELECT", "WITH")):
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


def test_the_list_of_people_asks_a_bounded_number_of_questions(
    connection, create_person, sign_in, districts, administrator
) -> None:
    """As many queries for twenty people as for two."""
    client = sign_in(administrator)

    def count() -> int:
        with _queries(connection) as seen:
            assert client.get("/admin/people").status_code == 200
        return len(seen)

    create_person("p-0", Role.AUTHOR, employer=districts[2])
    before = count()
    for number in range(1, 20):
        create_person(f"p-{number}", Role.AUTHOR, Role.LEARNER, employer=districts[number % 3])
    assert count() <= before + 1


def test_people_are_found_by_name_role_and_organisation(
    session, create_person, districts, administrator
) -> None:
    """Text is literal (no wildcards); an organisation includes those below it."""
    first, second, employer = districts
    create_person("wang", name="王小明", employer=employer)
    create_person("li_na", Role.AUTHOR, name="李娜", employer=second)

    def names(**filters):
        return [p.sign_in_name for p in administration.find_people(session, None, **filters).people]

    assert names(text="小明") == ["wang"]
    assert names(text="I_N") == ["li_na"]
    assert names(text="%") == []
    assert names(role=Role.AUTHOR) == ["li_na"]
    assert names(organisation_id=first.id) == ["wang"]


def test_pages_beyond_the_end_show_the_last(session, create_person) -> None:
    """An old link to page nine is no error."""
    create_person("alice")
    assert administration.find_people(session, None, page=9).page == 1


def test_a_new_person_gets_a_password_once(sign_in, administrator, visitor) -> None:
    """The page that answers the creation shows it; it works; the number is never shown whole."""
    client = sign_in(administrator)
    data = FACTS | {"sign_in_name": "li.na", "id_number": NUMBER, "roles": ["learner", "author"]}
    answer = client.post("/admin/people/new", data=data)
    assert answer.status_code == 201
    assert NUMBER not in answer.text
    assert identity_number.mask(NUMBER) in answer.text
    password = answer.text.split("data-password>")[1].split("<")[0]
    found = db.session().scalars(sa.select(Person).where(Person.sign_in_name == "li.na")).one()
    assert found.roles == {Role.LEARNER, Role.AUTHOR}
    assert password not in client.get(f"/admin/people/{found.id}").text
    signed = visitor.post("/sign-in", data={"sign_in_name": "li.na", "password": password})
    assert signed.status_code == 303


def test_a_refused_creation_leaves_nobody(sign_in, administrator) -> None:
    """A wrong identity number: 422, its value not repeated, no account made."""
    wrong = NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")
    data = FACTS | {"sign_in_name": "li.na", "id_number": wrong, "roles": ["learner"]}
    answer = sign_in(administrator).post("/admin/people/new", data=data)
    assert answer.status_code == 422
    assert wrong not in answer.text
    assert "校验码不符" in answer.text
    assert 'value="li.na"' in answer.text  # what was typed is not lost
    people = sa.select(Person).where(Person.sign_in_name == "li.na")
    assert db.session().scalars(people).all() == []


def test_facts_are_edited_and_an_empty_number_keeps_the_old(
    create_person, sign_in, administrator, districts
) -> None:
    """Editing changes what was typed; the number only when a new one is given."""
    alice = create_person("alice")
    client = sign_in(administrator)
    data = FACTS | {"employer_id": str(districts[2].id), "id_number": NUMBER}
    assert client.post(f"/admin/people/{alice.id}", data=data).status_code == 303
    assert (
        client.post(f"/admin/people/{alice.id}", data=data | {"id_number": ""}).status_code == 303
    )
    changed = db.session().get_one(Person, alice.id)
    assert (changed.name, changed.title_name) == ("李娜", "高级工程师")
    assert changed.employer.name == "东区设计院"
    assert changed.id_number_masked == identity_number.mask(NUMBER)


def test_more_time_to_answer(create_person, sign_in, administrator) -> None:
    """An administrator gives more time for presence prompts; it is on the trail; what is none is
    refused, and a form that does not ask for it leaves it as it is."""
    alice, client = create_person("alice"), sign_in(administrator)
    path = f"/admin/people/{alice.id}"
    assert client.post(path, data=FACTS | {"extended_time_percent": "200"}).status_code == 303
    assert db.session().get_one(Person, alice.id).extended_time_percent == 200
    assert re.search(r'<option selected value="200">', client.get(path).text)
    trace = db.session().scalars(sa.select(Trace).order_by(Trace.id.desc())).first()
    assert (trace.act, trace.object_kind, trace.object_id) == ("edit", "person", str(alice.id))
    assert "extended_time_percent" in trace.reason
    assert client.post(path, data=FACTS | {"extended_time_percent": "1000"}).status_code == 422
    assert client.post(path, data=FACTS).status_code == 303
    assert db.session().get_one(Person, alice.id).extended_time_percent == 200


def test_another_persons_number_is_refused_and_nothing_is_saved(
    create_person, sign_in, administrator
) -> None:
    """One person, one account: 409, and the other typed facts are not half saved."""
    alice, bob = create_person("alice"), create_person("bob")
    client = sign_in(administrator)
    data = FACTS | {"id_number": NUMBER}
    assert client.post(f"/admin/people/{bob.id}", data=data).status_code == 303
    answer = client.post(f"/admin/people/{alice.id}", data=data)
    assert answer.status_code == 409
    assert "一人只能有一个账号" in answer.text
    db.finish(keep=False)
    assert db.session().get_one(Person, alice.id).name == "alice"


def test_roles_are_granted_once_and_revoked(
    create_person, sign_in, administrator, districts
) -> None:
    """The same grant twice is one grant; revoking takes it away."""
    alice = create_person("alice")
    client = sign_in(administrator)
    data = {"role": "auditor", "organisation_id": str(districts[0].id)}
    for _ in range(2):
        assert client.post(f"/admin/people/{alice.id}/roles", data=data).status_code == 303
    grants = db.session().get_one(Person, alice.id).grants
    assert sorted(g.role for g in grants) == ["auditor", "learner"]
    auditor = next(g.id for g in grants if g.role == "auditor")
    assert client.post(f"/admin/people/{alice.id}/roles/{auditor}/revoke").status_code == 303
    db.finish(keep=False)
    assert db.session().get_one(Person, alice.id).roles == {Role.LEARNER}


def test_an_administrator_stays_one(create_person, sign_in, administrator) -> None:
    """Nobody removes their own administrator role or closes their own account."""
    create_person("second", Role.ADMINISTRATOR)
    client = sign_in(administrator)
    grant = administrator.grants[0].id
    assert client.post(f"/admin/people/{administrator.id}/roles/{grant}/revoke").status_code == 409
    assert client.post(f"/admin/people/{administrator.id}/deactivate").status_code == 409
    assert client.get("/admin/people").status_code == 200


def test_the_last_administrator_cannot_be_removed(
    session, create_person, administrator, now
) -> None:
    """Not from the command line either: somebody must remain who is active."""
    create_person("closed", Role.ADMINISTRATOR, active=False)
    grant = administrator.grants[0].id
    with pytest.raises(administration.LastAdministrator):
        administration.revoke_role(session, administrator, grant, actor_id=None, reach=None)
    with pytest.raises(administration.LastAdministrator):
        administration.deactivate(session, administrator, actor_id=None, reach=None, now=now)


def test_closing_an_account_ends_sign_ins_and_tokens(create_person, sign_in, administrator) -> None:
    """At once, and opening it again gives neither back."""
    alice = create_person("alice")
    hers = sign_in(alice)
    client = sign_in(administrator)
    assert client.post(f"/admin/people/{alice.id}/deactivate").status_code == 303
    assert hers.get("/api/v1/me").status_code == 401
    assert client.post(f"/admin/people/{alice.id}/activate").status_code == 303
    assert hers.get("/api/v1/me").status_code == 401


def test_resetting_a_password_ends_sign_ins(create_person, sign_in, administrator, visitor) -> None:
    """The old password is void, the new one is shown once."""
    alice = create_person("alice")
    hers = sign_in(alice)
    answer = sign_in(administrator).post(f"/admin/people/{alice.id}/password")
    password = answer.text.split("data-password>")[1].split("<")[0]
    assert hers.get("/api/v1/me").status_code == 401
    signed = visitor.post("/sign-in", data={"sign_in_name": "alice", "password": password})
    assert signed.status_code == 303


def test_a_districts_administrator_sees_their_own_people(create_person, sign_in, districts) -> None:
    """People of other districts are not listed and not found."""
    first, second, employer = districts
    client = sign_in(create_person("east", Role.ADMINISTRATOR, within=first))
    mine = create_person("mine", employer=employer)
    theirs = create_person("theirs", employer=second)
    page = client.get("/admin/people").text
    assert "mine" in page
    assert "theirs" not in page
    assert client.get(f"/admin/people/{mine.id}").status_code == 200
    assert client.get(f"/admin/people/{theirs.id}").status_code == 404


def test_a_districts_administrator_grants_no_more_than_they_hold(
    session, create_person, districts
) -> None:
    """Neither everywhere nor in another district."""
    first, second, employer = districts
    reach = administration.reach(session, create_person("east", Role.ADMINISTRATOR, within=first))
    mine = create_person("mine", employer=employer)
    for beyond in (None, second.id):
        with pytest.raises(Invalid):
            administration.grant_role(session, mine, Role.AUDITOR, beyond, reach)
    administration.grant_role(session, mine, Role.AUDITOR, employer.id, reach)
    assert Role.AUDITOR in mine.roles


def test_resetting_a_superiors_password_is_no_way_up(
    session, create_person, districts, now
) -> None:
    """A city administrator employed in the district is beyond the district's reach."""
    first, _second, employer = districts
    reach = administration.reach(session, create_person("east", Role.ADMINISTRATOR, within=first))
    superior = create_person("city", Role.ADMINISTRATOR, employer=employer)
    with pytest.raises(NotAllowed):
        administration.reset_password(session, superior, reach, now)
    with pytest.raises(NotAllowed):
        administration.deactivate(session, superior, actor_id=None, reach=reach, now=now)


def test_organisations_form_a_tree(session, districts) -> None:
    """City, then districts, then employers; nothing hangs in the wrong place."""
    first, _second, employer = districts
    shown = [(each.name, depth) for each, depth in organisations.tree(session)]
    assert shown[0] == ("示例市", 0)
    assert shown.index(("东区设计院", 2)) == shown.index(("东区", 1)) + 1
    for kind, parent in (
        (OrganisationKind.CITY, first.id),
        (OrganisationKind.EMPLOYER, employer.id),
    ):
        with pytest.raises(Invalid):
            organisations.add(session, None, kind=kind, name="新单位", parent_id=parent)


def test_two_cities_of_one_name_are_refused(session, districts) -> None:
    """Where the database's UNIQUE cannot see it: NULL parents differ from each other."""
    with pytest.raises(Exception, match="同名"):
        organisations.add(session, None, kind=OrganisationKind.CITY, name="示例市", parent_id=None)


def test_organisations_are_added_and_renamed_on_their_page(
    sign_in, administrator, districts
) -> None:
    """A form for each, back to the tree."""
    client = sign_in(administrator)
    data = {"kind": "employer", "name": "东区医院", "parent_id": str(districts[0].id)}
    assert client.post("/admin/organisations", data=data).status_code == 303
    named = sa.select(Organisation).where(Organisation.name == "东区医院")
    added = db.session().scalars(named).one()
    renamed = client.post(f"/admin/organisations/{added.id}/name", data={"name": "东区人民医院"})
    assert renamed.status_code == 303
    assert "东区人民医院" in client.get("/admin/organisations").text
    again = client.post("/admin/organisations", data=data | {"name": "东区人民医院"})
    assert again.status_code == 409
    assert "同名单位" in again.text


def test_another_districts_organisation_is_not_renamed(session, create_person, districts) -> None:
    """Out of reach is not found."""
    first, second, _employer = districts
    reach = administration.reach(session, create_person("east", Role.ADMINISTRATOR, within=first))
    with pytest.raises(NotFound):
        organisations.rename(session, reach, second.id, "改名")


def test_a_bare_account_has_a_page_too(sign_in, administrator, create_person) -> None:
    """A person's page opens without employer, title and identity number."""
    client = sign_in(administrator)
    assert client.get(f"/admin/people/{create_person('bare').id}").status_code == 200
