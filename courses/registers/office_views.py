"""The registers' pages for administrators of the whole city."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import fields
from courses.registers import importing, register
from courses.registers.entries import EXPERTS, REGISTERS, TEXTBOOKS, Register
from courses.registers.models import Expert, Textbook
from courses.registers.register import Entry, EntryRefused
from courses.registers.states import EntryState, EntryStep
from courses.views import today
from media import files, pictures
from media.storage import MediaStore
from zhixin import access, clock, config, db, spreadsheets
from zhixin.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import Role
from zhixin.security import admits

blueprint = Blueprint("registers", __name__, url_prefix="/registers")

FORM_BYTES = 64 * 1024
MOST_TABLE_BYTES = 8 * 1024 * 1024


def entry_state_text(state: str) -> str:
    """Where an entry of a register stands."""
    words: dict[str, str] = {
        "proposed": _("待采纳"),
        "in-force": _("在用"),
        "declined": _("未采纳"),
        "retired": _("已停用"),
    }
    return words[state]


def of_name(which: str) -> Register:
    """The register of an address.

    Raises:
        NotFound: there is none.
    """
    found = REGISTERS.get(which)
    if found is None:
        raise NotFound("没有这个登记")
    return found


def values_of(entry: Entry | None) -> dict[str, str]:
    """An entry as its form has it."""
    if isinstance(entry, Expert):
        return {
            **{name: str(getattr(entry, name) or "") for name in EXPERTS.columns},
            "field_codes": "、".join(entry.field_codes),
        }
    if isinstance(entry, Textbook):
        return {name: str(getattr(entry, name) or "") for name in TEXTBOOKS.columns}
    return {}


def sent(register_: Register) -> dict[str, str]:
    """What a form sent; several ticked fields are one text."""
    return {name: "、".join(request.form.getlist(name)) for name in register_.columns}


def _office() -> int:
    """The administrator's id.

    Raises:
        NotAllowed: not of the whole city.
    """
    person = access.person()
    if accounts.scope(db.session(), person, Role.ADMINISTRATOR) is not None:
        raise NotAllowed("专家库和教材登记由全市范围的管理员维护")
    return person.id


def _store() -> MediaStore:
    store: MediaStore = current_app.extensions["media_store"]
    return store


def _settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


@blueprint.get("/<which>", endpoint="index")
@access.only(Role.ADMINISTRATOR)
def index(which: str) -> ResponseReturnValue:
    """What is in a register; what authors proposed comes first."""
    _office()
    return _list(of_name(which))


def _list(kept: Register, **facts: Any) -> str:
    text, state = request.args.get("q", "")[:100], request.args.get("state", "")
    page = min(max(1, request.args.get("page", 1, type=int)), 1000)
    wanted = EntryState(state) if state in set(EntryState) else None
    found = register.find(db.session(), kept, text, state=wanted, page=page)
    return render_template(
        "registers/list.html",
        register=kept,
        entries=found[: register.PAGE],
        more=len(found) > register.PAGE,
        page=page,
        text=text,
        state=wanted,
        states=list(EntryState),
        **facts,
    )


@blueprint.route("/<which>/new", methods=["GET", "POST"], endpoint="new")
@access.only(Role.ADMINISTRATOR)
def new(which: str) -> ResponseReturnValue:
    """A new entry, in force at once."""
    kept, person_id = of_name(which), _office()
    if request.method == "GET":
        return _form(kept, None)
    return _write(kept, None, person_id)


@blueprint.route("/<which>/<int:entry_id>", methods=["GET", "POST"], endpoint="entry")
@access.only(Role.ADMINISTRATOR)
def entry(which: str, entry_id: int) -> ResponseReturnValue:
    """One entry's facts. Courses that were published with it keep theirs."""
    kept, person_id = of_name(which), _office()
    found = register.get(db.session(), kept, entry_id)
    return _form(kept, found) if request.method == "GET" else _write(kept, found, person_id)


def _write(kept: Register, found: Entry | None, person_id: int) -> ResponseReturnValue:
    """Whatever is refused, what was typed stays on the screen."""
    values = sent(kept)
    try:
        made = register.write(
            db.session(), kept, values, entry=found, person_id=person_id,
            address=request.remote_addr, now=clock.now(),
        )  # fmt: skip
    except (EntryRefused, Conflict) as refusal:
        problems = (
            {each.field: each.said for each in refusal.problems}
            if isinstance(refusal, EntryRefused)
            else {"": refusal.message}
        )
        return _form(kept, found, values=values, problems=problems), refusal.status
    flash(_("已保存"), "success")
    return _to(kept, made.id)


def _form(
    kept: Register,
    found: Entry | None,
    *,
    values: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> str:
    return render_template(
        "registers/entry.html",
        register=kept,
        entry=found,
        values=values_of(found) if values is None else values,
        problems=problems or {},
        fields=fields.valid(db.session(), today()),
    )


@blueprint.post("/<which>/<int:entry_id>/step", endpoint="step")
@access.only(Role.ADMINISTRATOR)
def step(which: str, entry_id: int) -> ResponseReturnValue:
    """Accept what was proposed, decline it, retire or bring back an entry."""
    kept, person_id = of_name(which), _office()
    act = request.form.get("act", "")
    if act not in set(EntryStep):
        raise NotFound("没有这个操作")
    register.step(
        db.session(), kept, entry_id, EntryStep(act), person_id=person_id,
        reason=request.form.get("reason", ""), address=request.remote_addr, now=clock.now(),
    )  # fmt: skip
    flash(_("已保存"), "success")
    return _to(kept, entry_id)


@blueprint.post("/experts/<int:entry_id>/portrait", endpoint="portrait")
@access.only(Role.ADMINISTRATOR)
@admits(lambda settings: settings.picture_bytes + FORM_BYTES)
def portrait(entry_id: int) -> ResponseReturnValue:
    """An expert's picture, encoded anew; without a file it is taken away."""
    person_id = _office()
    register.get(db.session(), EXPERTS, entry_id)
    file, most = request.files.get("file"), _settings().picture_bytes
    brought = None
    if file is not None and file.filename:
        db.finish(keep=True)  # on its way to a bucket it takes as long as it likes
        brought = pictures.bring(
            _store(), person_id, file.stream.read(most + 1), file_name=file.filename,
            max_bytes=most, now=clock.now(),
        )  # fmt: skip
    session = db.session()
    expert = cast(Expert, register.get(session, EXPERTS, entry_id))
    expert.picture_id = pictures.keep(session, _store(), brought).id if brought else None
    expert.updated_at = clock.now()
    flash(_("已保存"), "success")
    return _to(EXPERTS, entry_id)


@blueprint.post("/textbooks/<int:entry_id>/file", endpoint="file")
@access.only(Role.ADMINISTRATOR)
@admits(lambda settings: settings.file_bytes + FORM_BYTES)
def file(entry_id: int) -> ResponseReturnValue:
    """A textbook's file, kept as it came; without a file it is taken away."""
    person_id = _office()
    register.get(db.session(), TEXTBOOKS, entry_id)
    sent, brought = request.files.get("file"), None
    if sent is not None and sent.filename:
        db.finish(keep=True)
        brought = files.bring(
            _store(), person_id, cast(BinaryIO, sent.stream), file_name=sent.filename,
            max_bytes=_settings().file_bytes, now=clock.now(),
        )  # fmt: skip
    session = db.session()
    book = cast(Textbook, register.get(session, TEXTBOOKS, entry_id))
    book.file_id = files.keep(session, _store(), brought).id if brought else None
    book.updated_at = clock.now()
    flash(_("已保存"), "success")
    return _to(TEXTBOOKS, entry_id)


@blueprint.get("/<which>/template.xlsx", endpoint="template")
@access.only(Role.ADMINISTRATOR)
def template(which: str) -> ResponseReturnValue:
    """A table to be filled in."""
    _office()
    kept = of_name(which)
    made = Response(importing.template(kept), mimetype=spreadsheets.XLSX)
    made.headers.set("Content-Disposition", "attachment", filename=f"{kept.name}.xlsx")
    return made


@blueprint.post("/<which>/import", endpoint="take")
@access.only(Role.ADMINISTRATOR)
@admits(lambda settings: MOST_TABLE_BYTES + FORM_BYTES)
def take(which: str) -> ResponseReturnValue:
    """All rows of a table, or none and every problem by its cell."""
    kept, person_id = of_name(which), _office()
    brought = request.files.get("file")
    try:
        if brought is None or not brought.filename:
            raise Invalid("请选择表格文件")
        content = brought.stream.read(MOST_TABLE_BYTES + 1)
        if len(content) > MOST_TABLE_BYTES:
            raise Invalid("表格文件超过 8 MB")
        outcome = importing.take(
            db.session(), kept, content, person_id=person_id, address=request.remote_addr,
            now=clock.now(),
        )  # fmt: skip
    except (Invalid, Conflict) as refusal:
        return _refused(kept, refusal)
    if outcome.faults:
        return _list(kept, faults=outcome.faults[: importing.SHOWN], of=len(outcome.faults)), 422
    flash(_("新增 %(n)d 条，更新 %(m)d 条", n=outcome.created, m=outcome.changed), "success")
    return redirect(url_for("registers.index", which=kept.name), 303)


def _refused(kept: Register, refusal: DomainError) -> ResponseReturnValue:
    flash(_(refusal.message), "error")
    return _list(kept), refusal.status


def _to(kept: Register, entry_id: int) -> ResponseReturnValue:
    return redirect(url_for("registers.entry", which=kept.name, entry_id=entry_id), 303)
