"""Who may open which route: every one tried as nobody, as stranger, as member and as owner.

- nobody: not signed in. What to expect follows from the view's declared access.
- stranger: signed in and holding every role but those that the route asks for.
- owner and member: two people who may both come in; the object in the address belongs to the
  owner, so the member must be told that there is no such thing.

Routes are collected from the application. A new route whose address names an object needs a
row in ``OWNED`` (or, with a reason, in ``NOBODYS``); without one a test here fails and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, Rule

from tests import declaration_scenes as declared
from tests import scenes
from zhixin import access, clock, db
from zhixin.hours import areas, drafts, policies
from zhixin.people import accounts, tokens
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, SignIn, Token


@dataclass
class World:
    """What rows need to make their people and objects."""

    create_person: Callable[..., Person]
    sign_in: Callable[[Person], FlaskClient]
    now: datetime

    def two(self, *roles: Role) -> tuple[Person, Person]:
        """An owner and a member, alike in their roles."""
        return self.create_person("owner", *roles), self.create_person("member", *roles)


class Scene(NamedTuple):
    """Two people and the address of an object that belongs to the first."""

    owner: Person
    member: Person
    address: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One route with somebody's object in its address.

    Attributes:
        scene: makes the object.
        owner: the status that its owner gets, by method, tried in this order.
        data: form fields, or a JSON body if ``json``.
        member: the status that another person of the same role gets, by any method.
        headers: what the protocol asks of every request.
    """

    scene: Callable[[World], Scene]
    owner: dict[str, int]
    data: dict[str, Any] = field(default_factory=dict)
    json: bool = False
    member: int = 404
    headers: dict[str, str] = field(default_factory=dict)


# --- people -------------------------------------------------------------------------------


def _sign_in_of_owner(world: World) -> Scene:
    owner, member = world.two()
    world.sign_in(owner)
    ids = sa.select(SignIn.id).where(SignIn.person_id == owner.id)
    return Scene(owner, member, {"sign_in_id": db.session().scalars(ids).one()})


def _token_of_owner(world: World) -> Scene:
    owner, member = world.two()
    tokens.create(db.session(), owner, "人事系统", 30, clock.now())
    db.session().commit()
    return Scene(owner, member, {"token_id": db.session().scalars(sa.select(Token.id)).one()})


def _districts() -> tuple[Organisation, Organisation]:
    session = db.session()
    city = accounts.organisation(session, OrganisationKind.CITY, "示例市")
    east = accounts.organisation(session, OrganisationKind.DISTRICT, "东区", city)
    west = accounts.organisation(session, OrganisationKind.DISTRICT, "西区", city)
    session.commit()
    return east, west


def _person_of_a_district(world: World) -> Scene:
    """Owner: the administrator of the person's district; member: that of another."""
    east, west = _districts()
    owner = world.create_person("owner", Role.ADMINISTRATOR, within=east)
    member = world.create_person("member", Role.ADMINISTRATOR, within=west)
    person = world.create_person("person", Role.AUTHOR, employer=east, within=east)
    return Scene(owner, member, {"person_id": person.id, "grant_id": person.grants[0].id})


def _district(world: World) -> Scene:
    east, west = _districts()
    owner = world.create_person("owner", Role.ADMINISTRATOR, within=east)
    member = world.create_person("member", Role.ADMINISTRATOR, within=west)
    return Scene(owner, member, {"organisation_id": east.id})


PEOPLE = {
    "people.end_sign_in": Case(_sign_in_of_owner, {"POST": 303}),
    "people.revoke_token": Case(_token_of_owner, {"POST": 303}),
    "admin.person": Case(
        _person_of_a_district, {"GET": 200, "POST": 422}, {"name": "", "title_level": "none"}
    ),
    "admin.grant_role": Case(_person_of_a_district, {"POST": 303}, {"role": "learner"}),
    "admin.revoke_role": Case(_person_of_a_district, {"POST": 303}),
    "admin.deactivate": Case(_person_of_a_district, {"POST": 303}),
    "admin.activate": Case(_person_of_a_district, {"POST": 303}),
    "admin.reset_password": Case(_person_of_a_district, {"POST": 200}),
    "admin.end_sign_ins": Case(_person_of_a_district, {"POST": 303}),
    "admin.rename_organisation": Case(_district, {"POST": 303}, {"name": "东新区"}),
}

QUESTION_FORM = {
    "kind": "single", "id": "q9", "stem": "题干", "option-id": ["a", "b"], "option": ["甲", "乙"],
    "correct": "a", "points": "1", "revision": "1",
}  # fmt: skip
TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}

STUDIO = {
    "studio.course": Case(scenes.studio, {"GET": 200}),
    "studio.update": Case(scenes.studio, {"POST": 422}, {"title": ""}),
    "studio.add_chapter": Case(scenes.studio, {"POST": 303}, {"title": "新章"}),
    "studio.change_chapter": Case(scenes.studio, {"POST": 303}, {"act": "up"}),
    "studio.add_unit": Case(scenes.studio, {"POST": 303}, {"kind": "page", "title": "新页"}),
    "studio.unit": Case(scenes.studio, {"GET": 200}),
    "studio.change_unit": Case(scenes.studio, {"POST": 303}, {"act": "up"}),
    "studio.save_text": Case(scenes.studio, {"POST": 422}, {"title": ""}),
    "studio.change_chapter_marks": Case(
        scenes.studio, {"POST": 422}, {"marks": "没有时刻", "revision": "0"}
    ),
    "studio.attach_file": Case(scenes.studio, {"POST": 422}),
    "studio.file": Case(scenes.studio, {"GET": 404}),
    "studio.bring_captions": Case(scenes.captioned, {"POST": 422}),
    "studio.captions": Case(scenes.captioned, {"GET": 200}),
    "studio.captions_file": Case(scenes.captioned, {"GET": 200}),
    "studio.ask_speech": Case(scenes.captioned, {"POST": 303}, {"language": "en"}),
    "studio.speech": Case(scenes.captioned, {"GET": 200}),
    "studio.confirm_captions": Case(scenes.captioned, {"POST": 303}),
    "studio.transcript": Case(scenes.captioned, {"GET": 200}),
    "studio.save_captions": Case(scenes.captioned, {"POST": 200}, {"changes": []}, json=True),
    "studio.remove_captions": Case(scenes.captioned, {"POST": 303}),
    "studio.undo": Case(scenes.studio, {"POST": 409}),
    "studio.redo": Case(scenes.studio, {"POST": 409}),
    "studio.changes": Case(scenes.studio, {"GET": 200}),
    "studio.restore": Case(scenes.studio_changed, {"POST": 303}),
    "studio.figures": Case(scenes.studio, {"GET": 200}),
    "studio.gather_figures": Case(scenes.studio, {"POST": 303}),
    "courses.answer_rating": Case(scenes.rated, {"POST": 303}, {"text": "谢谢"}),
    "studio.teaching": Case(scenes.studio, {"GET": 200}),
    "studio.change_teaching": Case(
        scenes.studio_register, {"POST": 303}, {"act": "remove", "entry_id": "1"}
    ),
    "studio.propose": Case(scenes.studio_register, {"POST": 303}, {"name": "李", "unit": "某院"}),
    "studio.people": Case(scenes.studio, {"GET": 200}),
    "studio.invite": Case(scenes.studio, {"POST": 303}, {"name": "member", "role": "viewer"}),
    "studio.remove_author": Case(scenes.studio_shared, {"POST": 303}),
    "studio.duplicate": Case(scenes.studio, {"POST": 303}),
    "studio.preview": Case(scenes.studio, {"GET": 200}),
    "studio.preview_unit": Case(scenes.studio, {"GET": 200}),
    "studio.change_conditions": Case(scenes.studio, {"POST": 303}, {"required": "1"}),
    "studio.add_check": Case(scenes.studio, {"POST": 422}, {"at": "?"}),
    "studio.change_check": Case(scenes.studio, {"POST": 422}, {"at": "?"}),
    "studio.submit": Case(scenes.studio, {"POST": 422}),
    "studio.remarks": Case(scenes.remarked, {"GET": 200}),
    "studio.answer_remark": Case(scenes.remarked, {"POST": 303}, {"text": "已改"}),
    "studio.take_back": Case(scenes.remarked, {"POST": 303}),
    "studio.export_form": Case(scenes.studio, {"GET": 200}),
    "studio.export_course": Case(scenes.studio, {"POST": 303}),
    "studio.package": Case(scenes.course_package, {"GET": 200}),
    "studio.package_progress": Case(scenes.course_package, {"GET": 200}),
    "studio.download_package": Case(scenes.course_package, {"GET": 404}),  # an import
    "studio.accept_package": Case(scenes.course_package, {"POST": 303}, {"field_code": "energy"}),
    "quality.withdraw_application": Case(scenes.put_forward, {"POST": 303}),
}

CLASSES = {
    "classes.show": Case(scenes.training, {"GET": 200}),
    "classes.add_session": Case(scenes.training, {"POST": 422}, {"begins_at": "?"}),
    "classes.add_members": Case(scenes.training, {"POST": 303}, {"names": "learner"}),
    "classes.record": Case(scenes.training, {"GET": 200, "POST": 303}),
    "classes.close": Case(scenes.training, {"POST": 409}),
    "classes.cancel": Case(scenes.training, {"POST": 303}),
    "classes.drop_session": Case(scenes.training, {"POST": 303}),
}

PAPERS = {
    "assessments.paper": Case(scenes.studio, {"GET": 200}),
    "assessments.blueprint": Case(scenes.studio, {"GET": 200}),
    "assessments.save_blueprint": Case(scenes.studio, {"POST": 422}, {"count": "x"}),
    "assessments.analysis": Case(scenes.studio, {"GET": 200}),
    "assessments.analyse": Case(scenes.studio_frozen, {"POST": 303}),
    "assessments.analysis_workbook": Case(scenes.studio_analysed, {"GET": 200}),
    "assessments.describe": Case(scenes.studio, {"POST": 422}, {"title": ""}),
    "assessments.new_question": Case(scenes.studio, {"GET": 200}),
    "assessments.add_question": Case(scenes.studio, {"POST": 303}, QUESTION_FORM),
    "assessments.question": Case(scenes.studio, {"GET": 200}),
    "assessments.update_question": Case(
        scenes.studio, {"POST": 303}, {**QUESTION_FORM, "id": "q1"}
    ),
    "assessments.move_question": Case(scenes.studio, {"POST": 303}, {"to": "0"}),
    "regrades.candidates": Case(scenes.studio, {"GET": 200}),
    "regrades.propose": Case(scenes.studio, {"POST": 422}, {"reason": ""}),
    "regrades.show": Case(scenes.regraded, {"GET": 200}),
    "regrades.forecast": Case(scenes.regraded, {"POST": 303}),
    "regrades.progress": Case(scenes.regraded, {"GET": 200}),
    "regrades.read": Case(scenes.regrade_declined, {"POST": 303}),
    "regrades.decide": Case(scenes.regraded, {"POST": 303}, {"act": "withdraw"}),
    "grading.sheet": Case(scenes.written, {"GET": 200}),
    "grading.mark": Case(scenes.written, {"POST": 303}, {"p-q1-": "3"}),
    "assessments.put_passage": Case(
        scenes.studio, {"POST": 303}, {"text": "材料", "revision": "1"}
    ),
    "assessments.delete_question": Case(scenes.studio, {"POST": 303}),
    "banks.bank": Case(scenes.bank, {"GET": 200}),
    "banks.settings": Case(scenes.bank, {"GET": 200, "POST": 422}, {"title": ""}),
    "banks.let_in": Case(scenes.bank, {"POST": 422}, {"name": "nobody"}),
    "banks.take_out": Case(scenes.bank, {"POST": 303}),
    "banks.steps": Case(scenes.bank, {"POST": 422}, {"step": "propose"}),
    "banks.copy": Case(scenes.bank, {"POST": 422}),
    "banks.export": Case(scenes.bank, {"GET": 200}),
    "banks.import_form": Case(scenes.bank, {"GET": 200}),
    "banks.send": Case(scenes.bank, {"POST": 303}, {"text": "1. 甲\n答案：乙"}),
    "banks.show_import": Case(scenes.bank, {"GET": 200}),
    "banks.import_progress": Case(scenes.bank, {"GET": 200}),
    "banks.take": Case(scenes.bank, {"POST": 303}),
    "banks.new_question": Case(scenes.bank, {"GET": 200}),
    "banks.add_question": Case(scenes.bank, {"POST": 303}, {**QUESTION_FORM, "anyway": "1"}),
    "banks.question": Case(scenes.bank, {"GET": 200}),
    "banks.edit_question": Case(scenes.bank, {"GET": 200, "POST": 422}, {"stem": ""}),
    "question_imports.form": Case(scenes.studio, {"GET": 200}),
    "question_imports.send": Case(scenes.studio, {"POST": 303}, {"text": "1. 甲\n答案：乙"}),
    "question_imports.show": Case(scenes.question_import, {"GET": 200}),
    "question_imports.progress": Case(scenes.question_import, {"GET": 200}),
    "question_imports.take": Case(scenes.question_import, {"POST": 303}),
    "question_imports.export": Case(scenes.studio, {"GET": 200}),
}

MEDIA = {
    "media_api.asset": Case(scenes.media, {"GET": 200}),
    "media_work.cancel": Case(scenes.media, {"POST": 303}),
    "media_work.retry": Case(scenes.media, {"POST": 409}),
    "media.file": Case(scenes.kept_file, {"GET": 200}),
    "library.discard_video": Case(scenes.media, {"POST": 409}),
    "library.discard_file": Case(scenes.kept_file, {"POST": 303}),
    "library.discard_picture": Case(scenes.kept_picture, {"POST": 303}),
    "library.discard_upload": Case(scenes.media, {"POST": 303}),
    "media_api.offset": Case(scenes.media, {"HEAD": 200}, headers=TUS),
    "media_api.patch": Case(
        scenes.media,
        {"PATCH": 204},
        headers={**TUS, "Content-Type": "application/offset+octet-stream"},
    ),
    "media_api.terminate": Case(scenes.media, {"DELETE": 204}, headers=TUS),
}

LEARNING = {
    "learning.resume": Case(scenes.learning, {"GET": 302}),
    "learning.unit": Case(scenes.learning, {"GET": 200}),
    "learning.file": Case(scenes.learning, {"GET": 404}),
    "learning.captions_file": Case(scenes.studied_captions, {"GET": 404}),
    "learning.transcript": Case(scenes.studied_captions, {"GET": 404}),
    "learning.read": Case(scenes.learning, {"POST": 303}),
    "learning.withdraw": Case(scenes.learning, {"POST": 303}),
    "learning.open_attempt": Case(scenes.quiz, {"POST": 303}),
    "learning.submit": Case(scenes.quiz, {"POST": 303}, {"q-q1": "a"}),
    "learning_api.open_playback": Case(scenes.learning, {"POST": 200}, {"unit": "u2"}, json=True),
    "learning_api.beat": Case(
        scenes.learning, {"POST": 200}, {"seq": 1, "played": [[0, 5]], "position": 5}, json=True
    ),
    "learning_api.answer_prompt": Case(
        scenes.prompted, {"POST": 200}, {"prompt": "prompt", "choice": 0}, json=True
    ),
    "learning_api.show_stops": Case(scenes.learning, {"GET": 200}),
    "learning_api.answer_stop": Case(
        scenes.learning_stops, {"POST": 404}, {"choice": 0, "tries": 0}, json=True
    ),
    "learning_api.close_playback": Case(scenes.learning, {"POST": 204}),
    "learning_api.save_answers": Case(
        scenes.learning,
        {"PUT": 200},
        {"changes": [{"question": "q1", "answer": ["a"], "seq": 1}]},
        json=True,
    ),
    "practice.start": Case(scenes.practice, {"POST": 404}),  # the unit is a quiz
    "practice.show": Case(scenes.practice, {"GET": 200}),
    "practice.answer": Case(scenes.practice, {"POST": 303}, {"q-q1": "a"}),
    "learning_api.show_answers": Case(scenes.learning, {"GET": 200}),
    "learning_api.submit_attempt": Case(
        scenes.learning,
        {"POST": 200},
        {"changes": [{"question": "q1", "answer": ["a"], "seq": 1}]},
        json=True,
    ),
    "courseware_api.claim": Case(
        scenes.played, {"POST": 200}, {"values": {"cmi.suspend_data": "x"}}, json=True
    ),
    "learning_api.show_progress": Case(scenes.learning, {"GET": 200}),
}

AWARDS = {
    "certificates.issue_course": Case(scenes.award, {"POST": 303}),
    "certificates.pdf": Case(scenes.award, {"GET": 200}),
    "certificates.evidence_pack": Case(scenes.award, {"POST": 409}),  # likewise
    "certificates_api.my_credential": Case(scenes.award, {"GET": 409}),
    "certificates.credential": Case(scenes.award, {"GET": 409}),  # the log has no entry yet
    "audit.award": Case(scenes.audit, {"GET": 200}),
    "audit.decide": Case(scenes.audit, {"POST": 303}, {"decision": "verify"}),
    "audit.propose": Case(
        scenes.audit_recorded, {"POST": 303}, {"kind": "reverse", "reason": "重复"}
    ),
    "audit.decide_proposal": Case(
        scenes.audit_proposed, {"POST": 303}, {"decision": "decline", "reason": "并不重复"}
    ),
    "audit.decide_appeal": Case(
        scenes.audit_appealed, {"POST": 303}, {"decision": "uphold", "reason": "证据清楚"}
    ),
    "audit.draw": Case(scenes.audit_drawn, {"GET": 200}),
    "audit.draw_population": Case(scenes.audit_drawn, {"GET": 200}),
    "audit.review_drawn": Case(scenes.audit_drawn, {"POST": 303}, {"place": "1"}),
    "own.award": Case(scenes.contested, {"GET": 200}),
    "own.appeal": Case(scenes.contested, {"POST": 303}, {"text": "网络很慢"}),
    "own.accept": Case(scenes.contested, {"POST": 303}),
}

DECLARATIONS = {
    "declarations.declaration": Case(declared.draft, {"GET": 200}),
    "declarations.edit": Case(declared.draft, {"GET": 200, "POST": 422}, {"title": ""}),
    "declarations.add_proofs": Case(declared.draft, {"POST": 303}),
    "declarations.remove_proof": Case(declared.draft, {"POST": 303}),
    "declarations.submit": Case(declared.draft, {"POST": 303}),
    "declarations.withdraw": Case(declared.draft, {"POST": 303}),
    "declarations.appeal": Case(declared.declined, {"POST": 303}, {"words": "请复核"}),
    "declaration_desks.proof": Case(declared.draft, {"GET": 200}),
    "declaration_desks.review": Case(declared.at_desk, {"GET": 200}),
    "declaration_desks.decide": Case(
        declared.at_desk, {"POST": 303}, {"decision": "endorse", "seen": "1"}
    ),
}


def _policy_draft(world: World) -> Scene:
    """Owner: the administrator of the district whose rules are drafted; member: of another."""
    east, west = _districts()
    owner = world.create_person("owner", Role.ADMINISTRATOR, within=east)
    member = world.create_person("member", Role.ADMINISTRATOR, within=west)
    content = policies.read(policies.shipped("example"))
    draft = drafts.create(db.session(), owner, areas.of(east.id), content, world.now)
    db.session().commit()
    return Scene(owner, member, {"draft_id": draft.id, "step": "submit"})


POLICIES = {
    "policies.draft": Case(_policy_draft, {"GET": 200}),
    "policies.edit": Case(_policy_draft, {"GET": 200, "POST": 422}, {"title": ""}),
    "policies.step": Case(_policy_draft, {"POST": 303}),
    "policies.publish": Case(_policy_draft, {"POST": 403}),
    "policies.dry_run": Case(_policy_draft, {"POST": 303}),
    "policies.progress": Case(_policy_draft, {"GET": 200}),
    "policies.people": Case(_policy_draft, {"GET": 200}),
    "policies.people_workbook": Case(_policy_draft, {"GET": 200}),
    "policies.draft_file": Case(_policy_draft, {"GET": 200}),
}

OWNED: dict[str, Case] = {
    **DECLARATIONS,
    **POLICIES,
    **PEOPLE,
    **STUDIO,
    **CLASSES,
    **PAPERS,
    **MEDIA,
    **LEARNING,
    **AWARDS,
}

#: Addresses with a part that names nobody's object, and why.
NOBODYS = {
    "hours.my_year": "a year of the person's own",
    "policies.policy": "published rules are every administrator's to read",
    "policies.file": "published rules are every administrator's to read",
    "hours_api.my_year": "a year of the person's own",
    "certificates.issue_annual": "a year of the person's own",
    "certificates.issue_extract": "years of the person's own",
    "reports.year": "a year's figures within the person's own area",
    "reports.workbook": "a year's figures within the person's own area",
    "media.picture": "a picture of a page: its random name is known from there alone",
    "learning.enrol": "a published course, open to every learner",
    "courses.textbook_file": "a published course, open to whoever is signed in",
    **dict.fromkeys(
        (
            "registers.index",
            "registers.new",
            "registers.entry",
            "registers.step",
            "registers.portrait",
            "registers.file",
            "registers.template",
            "registers.take",
        ),
        "city-wide administrators only, see tests/courses/registers",
    ),
    "courses.rate": "a published course; who may is looked up by the person",
    "courses.moderate_rating": "city-wide reviewers and administrators, see tests/courses/ratings",
    "review.version": "every reviewer reads what waits for review",
    "review.captions_file": "every reviewer reads what waits for review",
    "review.transcript": "every reviewer reads what waits for review",
    "quality.application": "a published round, open to every author; the course is checked",
    "quality.apply": "a published round, open to every author; the course is checked",
    "quality.panel_desk": "appointed reviewers only, see tests/courses/quality",
    "quality.sheet": "appointed reviewers only, see tests/courses/quality",
    "quality.score": "appointed reviewers only, see tests/courses/quality",
    "quality.office_round": "city-wide administrators only, see tests/courses/quality",
    "quality.step": "city-wide administrators only, see tests/courses/quality",
    "quality.appoint": "city-wide administrators only, see tests/courses/quality",
    "quality.answer_objection": "city-wide administrators only, see tests/courses/quality",
    "quality.withdraw_mark": "city-wide administrators only, see tests/courses/quality",
    "review.take": "every reviewer may take what waits for review",
    "review.assign": "city-wide administrators only, see tests/courses/reviews",
    "review.release": "the seat is checked against the person, see tests/courses/reviews",
    "review.decide": "the seat is found by the person",
    "review.schedule": "by those who approved it, see tests/courses/reviews",
    "review.comment": "the seat is found by the person",
    "review.settle": "the remark is checked against the course, see tests/courses/reviews",
}


# --- the routes of the application ------------------------------------------------------------


def _rules(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")


def _declared(app: Flask, endpoint: str) -> str | frozenset[str]:
    declared = access.declared(app.view_functions[endpoint])
    assert declared is not None, f"{endpoint} declares no access"
    return declared


def _methods(rule: Rule) -> list[str]:
    """GET before what changes things; HEAD only where there is no GET."""
    methods = set(rule.methods or ()) - {"OPTIONS"}
    return sorted(methods - {"HEAD"} if "GET" in methods else methods)


def _tries(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every route and method with an address; whose object it is does not matter here."""
    for rule in _rules(app):
        values = {name: 1 if _is_number(rule, name) else "x" for name in rule.arguments}
        values |= rule.defaults or {}
        built = rule.build(values, append_unknown=False)
        assert built is not None, f"{rule.rule}: no address could be made"
        for method in _methods(rule):
            yield rule, method, built[1]


def _is_number(rule: Rule, name: str) -> bool:
    return isinstance(rule._converters.get(name), IntegerConverter)


@pytest.fixture
def world(session, create_person, sign_in, now) -> World:
    return World(create_person, sign_in, now)


@pytest.fixture
def nobody(app: Flask, world: World) -> FlaskClient:
    """Not signed in, but with forms that carry a CSRF token: access is what is tried."""
    token = world.sign_in(world.create_person("somebody")).environ_base["HTTP_X_CSRFTOKEN"]
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "t"
    client.environ_base["HTTP_X_CSRFTOKEN"] = token
    return client


def test_nobody_opens_public_routes_and_no_others(app: Flask, nobody: FlaskClient) -> None:
    """Pages lead to the sign-in page; the API and everything that changes things say 401."""
    wrong = []
    for rule, method, address in _tries(app):
        answer = nobody.open(address, method=method)
        to_sign_in = answer.status_code == 302 and answer.location.startswith("/sign-in")
        if _declared(app, rule.endpoint) == access.PUBLIC:
            right = answer.status_code != 401 and not to_sign_in
        elif method == "GET" and not address.startswith("/api/"):
            right = to_sign_in
        else:
            right = answer.status_code == 401
        if not right:
            wrong.append(f"{method} {rule.rule} ({rule.endpoint}): {answer.status}")
    assert wrong == [], "\n".join(wrong)


def test_a_stranger_without_the_role_is_refused(app: Flask, world: World) -> None:
    """Holding every other role is not enough: 403, on every route that asks for a role."""
    clients: dict[frozenset[str], FlaskClient] = {}
    wrong = []
    for rule, method, address in _tries(app):
        asked = _declared(app, rule.endpoint)
        if isinstance(asked, str):
            continue
        assert asked <= set(Role), f"{rule.endpoint} asks for an unknown role: {asked}"
        if asked not in clients:
            others = [role for role in Role if role not in asked]
            stranger = world.create_person(f"stranger-{len(clients)}", *others)
            clients[asked] = world.sign_in(stranger)
        answer = clients[asked].open(address, method=method)
        if answer.status_code != 403:
            wrong.append(f"{method} {rule.rule} ({rule.endpoint}): {answer.status}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("endpoint", OWNED)
def test_only_the_owner_reaches_the_object(app: Flask, world: World, endpoint: str) -> None:
    """A member of the same role is told that there is no such thing; the owner gets through."""
    case = OWNED[endpoint]
    rules = [rule for rule in _rules(app) if rule.endpoint == endpoint]
    assert rules, f"OWNED names {endpoint}, which is no route any more"
    untried = {method for rule in rules for method in _methods(rule)} - set(case.owner)
    assert not untried, f"{endpoint}: OWNED says nothing of {untried}"
    scene = case.scene(world)
    body = {"json" if case.json else "data": case.data}
    for person, statuses in (
        (scene.member, dict.fromkeys(case.owner, case.member)),
        (scene.owner, case.owner),
    ):
        client = world.sign_in(person)
        for method, status in statuses.items():
            address = _address(rules, method, scene.address)
            sent = {} if method == "GET" else body
            answer = client.open(
                address, method=method, headers=case.headers, buffered=True, **sent
            )
            whom = person.sign_in_name
            assert answer.status_code == status, f"{method} {address} as {whom}: {answer.status}"


def _address(rules: list[Rule], method: str, values: dict[str, Any]) -> str:
    rule = next(rule for rule in rules if method in (rule.methods or ()))
    built = rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)
    assert built is not None
    return built[1]


def test_every_route_with_an_object_has_an_owner(app: Flask) -> None:
    """A new route with something in its address must say here whose it is."""
    with_object = {
        rule.endpoint
        for rule in _rules(app)
        if rule.arguments and _declared(app, rule.endpoint) != access.PUBLIC
    }
    missing = with_object - set(OWNED) - set(NOBODYS)
    assert not missing, (
        f"no row for {sorted(missing)}: add a Case to OWNED in {__file__} that makes the object "
        "and says what owner and member get (or a reason to NOBODYS)"
    )
    stale = (set(OWNED) | set(NOBODYS)) - with_object
    assert not stale, f"rows for routes that are gone or public: {sorted(stale)}"
