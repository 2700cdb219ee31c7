"""A learner's declarations."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from limits import parse

from zhixin import access, clock, db, rates, security
from zhixin.config import Settings
from zhixin.declarations import chain, desks, drafting, mine, picture, proofs
from zhixin.declarations.drafting import WrongFacts
from zhixin.declarations.errors import AlreadyDeclared
from zhixin.declarations.forms import DeclarationForm, shown
from zhixin.declarations.limits import Limits
from zhixin.declarations.models import Declaration
from zhixin.declarations.states import EDITABLE, Desk, State, possible
from zhixin.declarations.storage import store
from zhixin.errors import DomainError
from zhixin.people.models import Role

blueprint = Blueprint("declarations", __name__, url_prefix="/my/declarations")
#: Pictures take a second of work each.
UPLOADS = parse("60/hour")


def limits() -> Limits:
    return Limits.of(current_app.extensions["settings"])


def _today() -> date:
    return clock.local(clock.now()).date()


def _own(declaration_id: int) -> Declaration:
    return mine.get(db.session(), access.person().id, declaration_id)


def _to(declaration: Declaration) -> ResponseReturnValue:
    return redirect(url_for("declarations.declaration", declaration_id=declaration.id), 303)


@blueprint.get("", endpoint="mine")
@access.only(Role.LEARNER)
def my_declarations() -> ResponseReturnValue:
    """What I declared, the newest first."""
    page = max(1, request.args.get("page", 1, type=int))
    listing = mine.listing(db.session(), access.person().id, min(page, 100_000))
    return render_template(
        "declarations/mine.html",
        listing=listing,
        today=_today(),
        overdue=picture.overdue,
        address=lambda number: url_for("declarations.mine", page=number),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@access.only(Role.LEARNER)
def new() -> ResponseReturnValue:
    """Declare an outside activity."""
    session, person = db.session(), access.person()
    form = DeclarationForm(activities=drafting.activities(session, person.id, _asked_day()))
    if form.validate_on_submit():
        try:
            made = drafting.create(session, person, form.facts(), limits(), clock.now())
        except (WrongFacts, AlreadyDeclared) as error:
            return _form_page(form, error=_told(form, error)), error.status
        flash(_("已保存为草稿。请上传证明材料，然后提交。"), "success")
        return _to(made)
    return _form_page(form), 422 if form.errors else 200


@blueprint.route("/<int:declaration_id>/edit", methods=["GET", "POST"])
@access.only(Role.LEARNER)
def edit(declaration_id: int) -> ResponseReturnValue:
    """Mend a draft, or what was returned."""
    session, found = db.session(), _own(declaration_id)
    choices = drafting.activities(session, found.person_id, _asked_day(found.ends_on))
    form = DeclarationForm(activities=choices, data=shown(found))
    if form.validate_on_submit():
        try:
            drafting.edit(session, found, form.facts(), limits(), clock.now())
        except (WrongFacts, AlreadyDeclared) as error:
            return _form_page(form, found, error=_told(form, error)), error.status
        flash(_("已保存。修改完成后请重新提交。"), "success")
        return _to(found)
    return _form_page(form, found), 422 if form.errors else 200


def _asked_day(otherwise: date | None = None) -> date:
    """The day whose rule offers the activities: the one typed, or today."""
    try:
        return date.fromisoformat(request.form.get("ends_on", ""))
    except ValueError:
        return otherwise or _today()


def _told(form: DeclarationForm, error: DomainError) -> DomainError | None:
    """Where the error is of one field, the field says it; otherwise the page does."""
    field = error.facts.get("field")
    if field is None:
        return error
    form[field].errors = [_(error.message)]
    return None


def _form_page(
    form: DeclarationForm, found: Declaration | None = None, error: DomainError | None = None
) -> str:
    return render_template("declarations/form.html", form=form, declaration=found, error=error)


@blueprint.get("/<int:declaration_id>")
@access.only(Role.LEARNER)
def declaration(declaration_id: int) -> ResponseReturnValue:
    """Where it stands, what it says, what I can do."""
    session, found, person = db.session(), _own(declaration_id), access.person()
    steps = chain.steps_of(session, found.id)
    settings: Settings = current_app.extensions["settings"]
    return render_template(
        "declarations/declaration.html",
        declaration=found,
        steps=steps,
        stations=picture.stations(found, steps, _today()),
        files=drafting.proofs_of(session, found.id),
        possible=possible(State(found.state), Desk.LEARNER),
        editable=found.state in EDITABLE,
        employer_looks=found.state in EDITABLE and desks.employer_looks(session, person),
        proof_needed=drafting.proof_needed(found),
        settings=settings,
    )


@blueprint.post("/<int:declaration_id>/proofs")
@access.only(Role.LEARNER)
@security.admits(lambda settings: settings.proof_bytes * settings.proof_files + 64 * 1024)
@db.short_transactions  # nobody waits for the database while pictures are looked at
def add_proofs(declaration_id: int) -> ResponseReturnValue:
    """Upload files; each is checked by its content."""
    person_id, bounds = access.person().id, limits()
    _own(declaration_id)
    files = [file for file in request.files.getlist("files") if file.filename]
    added, refused = 0, []
    for file in files[: bounds.proof_files]:
        rates.spend(UPLOADS, f"proofs:{person_id}")
        name = proofs.shown_name(file.filename)
        try:
            checked = proofs.check(file.stream.read(bounds.proof_bytes + 1), bounds.proof_bytes)
            with db.database().transaction() as session:
                found = mine.get(session, person_id, declaration_id)
                drafting.attach(
                    session, found, store(), checked, name, limits=bounds, now=clock.now()
                )
            added += 1
        except DomainError as error:
            refused.append(f"{name}：{_(error.message)}")
    if not files:
        refused.append(_("请先选择文件"))
    for text in refused:
        flash(text, "error")
    if added:
        flash(_("已上传 %(n)d 个文件", n=added), "success")
    return redirect(url_for("declarations.declaration", declaration_id=declaration_id), 303)


@blueprint.post("/<int:declaration_id>/proofs/<int:proof_id>/remove")
@access.only(Role.LEARNER)
def remove_proof(declaration_id: int, proof_id: int) -> ResponseReturnValue:
    """Take a file away."""
    found = _own(declaration_id)
    drafting.detach(db.session(), found, proof_id, clock.now())
    flash(_("文件已移除"), "success")
    return _to(found)


@blueprint.post("/<int:declaration_id>/submit")
@access.only(Role.LEARNER)
def submit(declaration_id: int) -> ResponseReturnValue:
    """Hand it to the employer, or to the bureau."""
    found = _own(declaration_id)
    chain.submit(
        db.session(), found, access.person(), limits(), address=request.remote_addr, now=clock.now()
    )
    flash(_("已提交"), "success")
    return _to(found)


@blueprint.post("/<int:declaration_id>/withdraw")
@access.only(Role.LEARNER)
def withdraw(declaration_id: int) -> ResponseReturnValue:
    """Take it back before it is decided."""
    found = _own(declaration_id)
    chain.withdraw(db.session(), found, limits(), address=request.remote_addr, now=clock.now())
    flash(_("已撤回"), "success")
    return _to(found)


@blueprint.post("/<int:declaration_id>/appeal")
@access.only(Role.LEARNER)
def appeal(declaration_id: int) -> ResponseReturnValue:
    """Ask the bureau about what the employer declined."""
    found, words = _own(declaration_id), request.form.get("words", "")
    chain.appeal(db.session(), found, words, limits(), address=request.remote_addr, now=clock.now())
    flash(_("已提请主管部门复核"), "success")
    return _to(found)
