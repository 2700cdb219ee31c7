"""Administrators' pages: people and organisations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, acts, clock, db
from zhixin.errors import Conflict, DomainError, Invalid
from zhixin.people import administration, cipher, organisations, sign_ins, tokens
from zhixin.people.administration import Reach
from zhixin.people.forms import FactsForm, GrantForm, NewPersonForm, OrganisationForm
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, RoleGrant
from zhixin.people.views import current_settings

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


def _reach() -> Reach:
    return administration.reach(db.session(), access.person())


def _found(person_id: int) -> tuple[Person, Reach]:
    reach = _reach()
    return administration.find_person(db.session(), person_id, reach), reach


def _choices(reach: Reach, everything: str) -> list[tuple[str, str]]:
    """Organisations to choose from, as a tree; ``everything`` names the empty choice."""
    first = [("", everything)] if reach is None else []
    return first + [
        (str(each.id), "　" * depth + each.name)
        for each, depth in organisations.tree(db.session(), reach)
    ]


def _number(text: str | None) -> int | None:
    """A number of an address's query; what is none counts as not given."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _note(act: str, kind: str, object_id: int, reason: str | None = None) -> None:
    """Onto the trail: who did it, and from where."""
    acts.note(
        db.session(), actor_id=access.person().id, act=act, object_kind=kind, object_id=object_id,
        reason=reason, address=request.remote_addr, now=clock.now(),
    )  # fmt: skip


def _note_roles(act: str, person: Person, *grants: RoleGrant) -> None:
    """Which roles, and within which organisation if not everywhere."""
    session = db.session()
    for grant in grants:
        within = session.get(Organisation, grant.organisation_id) if grant.organisation_id else None
        _note(act, "person", person.id, f"{grant.role} · {within.name}" if within else grant.role)


@blueprint.get("/people")
@access.only(Role.ADMINISTRATOR)
def people() -> ResponseReturnValue:
    """Find people by name, role and organisation."""
    session, reach = db.session(), _reach()
    asked = request.args
    role = asked.get("role")
    filters: dict[str, Any] = {
        "text": asked.get("q", "").strip()[:64],
        "role": Role(role) if role in list(Role) else None,
        "organisation_id": _number(asked.get("organisation")),
    }
    listing = administration.find_people(
        session, reach, **filters, page=_number(asked.get("page")) or 1
    )
    return render_template(
        "admin/people.html",
        listing=listing,
        filters=filters,
        roles=list(Role),
        organisations=organisations.tree(session, reach),
    )


@blueprint.route("/people/new", methods=["GET", "POST"])
@access.only(Role.ADMINISTRATOR)
def new_person() -> ResponseReturnValue:
    """Open an account; its first password is shown once."""
    reach = _reach()
    form = NewPersonForm(employers=_choices(reach, _("（无）")))
    if not form.validate_on_submit():
        page = render_template("admin/new_person.html", form=form)
        return page, 422 if form.errors else 200
    try:
        person, password = administration.create_person(
            db.session(),
            reach,
            sign_in_name=form.sign_in_name.data,
            roles=[Role(role) for role in form.roles.data],
            cipher=cipher(),
            now=clock.now(),
            **form.facts(),
        )
    except (Conflict, Invalid) as error:  # what was typed stays on the page
        return render_template("admin/new_person.html", form=form, error=error), error.status
    _note("create", "person", person.id)
    _note_roles("grant-role", person, *person.grants)
    return _person_page(person, reach, password=password), 201


@blueprint.route("/people/<int:person_id>", methods=["GET", "POST"])
@access.only(Role.ADMINISTRATOR)
def person(person_id: int) -> ResponseReturnValue:
    """One person: facts, roles, sign-ins."""
    found, reach = _found(person_id)
    if request.method == "GET":
        return _person_page(found, reach)
    form = _facts_form(found, reach)
    if not form.validate():
        return _person_page(found, reach, form=form), 422
    try:
        changed = administration.edit_person(
            db.session(), found, reach, cipher=cipher(), now=clock.now(), **form.facts()
        )
    except (Conflict, Invalid) as error:
        db.finish(keep=False)  # the page shows the person as they are
        found, reach = _found(person_id)
        return _person_page(found, reach, form=form, error=error), error.status
    if changed:
        _note("edit", "person", found.id, ", ".join(sorted(changed)))
    flash(_("资料已保存。"), "success")
    return _back(found)


def _facts_form(person: Person, reach: Reach, **options: Any) -> FactsForm:
    shown = {
        "name": person.name,
        "employer_id": person.employer_id,
        "title_level": person.title_level,
        "title_name": person.title_name,
        "extended_time_percent": person.extended_time_percent,
    }
    return FactsForm(employers=_choices(reach, _("（无）")), data=shown, **options)


def _person_page(
    person: Person,
    reach: Reach,
    *,
    form: FactsForm | None = None,
    error: DomainError | None = None,
    password: str | None = None,
) -> str:
    session, now = db.session(), clock.now()
    names = {each.id: each.name for each, _depth in organisations.tree(session)}
    return render_template(
        "admin/person.html",
        person=person,
        organisation_names=names,
        may_change=administration.may_change(person, reach),
        is_self=person.id == access.person().id,
        form=form or _facts_form(person, reach, formdata=None),
        grant_form=GrantForm(organisations=_choices(reach, _("全部")), formdata=None),
        sign_ins=sign_ins.of_person(session, person.id, current_settings(), now),
        tokens=[t for t in tokens.of_person(session, person.id) if not t.revoked_at],
        now=now,
        password=password,
        error=error,
    )


def _back(person: Person) -> ResponseReturnValue:
    return redirect(url_for("admin.person", person_id=person.id), 303)


@blueprint.post("/people/<int:person_id>/roles")
@access.only(Role.ADMINISTRATOR)
def grant_role(person_id: int) -> ResponseReturnValue:
    """Give a role, everywhere or within an organisation."""
    found, reach = _found(person_id)
    form = GrantForm(organisations=_choices(reach, _("全部")))
    if not form.validate():
        flash(_("请选择角色和范围。"), "error")
        return _back(found)
    given = administration.grant_role(
        db.session(), found, Role(form.role.data), form.organisation_id.data, reach
    )
    _note_roles("grant-role", found, given)
    flash(_("角色已授予。"), "success")
    return _back(found)


@blueprint.post("/people/<int:person_id>/roles/<int:grant_id>/revoke")
@access.only(Role.ADMINISTRATOR)
def revoke_role(person_id: int, grant_id: int) -> ResponseReturnValue:
    """Take a role back."""
    found, reach = _found(person_id)
    taken = administration.revoke_role(
        db.session(), found, grant_id, actor_id=access.person().id, reach=reach
    )
    _note_roles("revoke-role", found, taken)
    flash(_("角色已撤销。"), "success")
    return _back(found)


@blueprint.post("/people/<int:person_id>/deactivate")
@access.only(Role.ADMINISTRATOR)
def deactivate(person_id: int) -> ResponseReturnValue:
    """Close an account."""
    found, reach = _found(person_id)
    administration.deactivate(
        db.session(), found, actor_id=access.person().id, reach=reach, now=clock.now()
    )
    _note("deactivate", "person", found.id)
    flash(_("账号已停用，其登录和令牌都已失效。"), "success")
    return _back(found)


@blueprint.post("/people/<int:person_id>/activate")
@access.only(Role.ADMINISTRATOR)
def activate(person_id: int) -> ResponseReturnValue:
    """Open a closed account again."""
    found, reach = _found(person_id)
    administration.activate(found, reach)
    _note("activate", "person", found.id)
    flash(_("账号已启用。"), "success")
    return _back(found)


@blueprint.post("/people/<int:person_id>/password")
@access.only(Role.ADMINISTRATOR)
def reset_password(person_id: int) -> ResponseReturnValue:
    """A new random password, shown in this answer and never again."""
    found, reach = _found(person_id)
    password = administration.reset_password(db.session(), found, reach, clock.now())
    _note("reset-password", "person", found.id)
    return _person_page(found, reach, password=password)


@blueprint.post("/people/<int:person_id>/end-sign-ins")
@access.only(Role.ADMINISTRATOR)
def end_sign_ins(person_id: int) -> ResponseReturnValue:
    """Sign a person out everywhere."""
    found, reach = _found(person_id)
    ended = administration.end_sign_ins(db.session(), found, reach, clock.now())
    _note("end-sign-ins", "person", found.id)
    flash(_("已结束 %(n)d 处登录。", n=ended), "success")
    return _back(found)


@blueprint.route("/organisations", methods=["GET", "POST"], endpoint="organisations")
@access.only(Role.ADMINISTRATOR)
def organisations_page() -> ResponseReturnValue:
    """The tree of organisations, and a form for a new one."""
    session, reach = db.session(), _reach()
    form = OrganisationForm(parents=_choices(reach, _("（最上层）")))
    error, status = None, 422 if request.method == "POST" else 200
    if form.validate_on_submit():
        try:
            added = organisations.add(
                session,
                reach,
                kind=OrganisationKind(form.kind.data),
                name=form.name.data,
                parent_id=form.parent_id.data,
            )
            _note("create", "organisation", added.id, added.name)
            flash(_("单位已添加。"), "success")
            return redirect(url_for("admin.organisations"), 303)
        except (Conflict, Invalid) as refusal:
            error, status = refusal, refusal.status
    tree = organisations.tree(session, reach)
    return render_template("admin/organisations.html", form=form, tree=tree, error=error), status


@blueprint.post("/organisations/<int:organisation_id>/name")
@access.only(Role.ADMINISTRATOR)
def rename_organisation(organisation_id: int) -> ResponseReturnValue:
    """Give an organisation its new name."""
    name = request.form.get("name", "")
    organisations.rename(db.session(), _reach(), organisation_id, name)
    _note("rename", "organisation", organisation_id, name.strip())
    flash(_("单位名称已修改。"), "success")
    return redirect(url_for("admin.organisations"), 303)
