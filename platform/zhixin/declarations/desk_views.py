"""The employer's and the bureau's desk."""

from __future__ import annotations

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

from zhixin import access, acts, clock, db
from zhixin.declarations import chain, desks, drafting, likeness, picture, seeing
from zhixin.declarations.desks import Tray
from zhixin.declarations.reasons import REASONS
from zhixin.declarations.states import EXPLAINED, Desk, State, Transition, possible
from zhixin.declarations.storage import store
from zhixin.declarations.views import limits
from zhixin.errors import DomainError, Invalid
from zhixin.people.models import Role

blueprint = Blueprint("declaration_desks", __name__, url_prefix="/declarations")
MAX_BATCH = 100


@blueprint.get("/employer")
@access.only(Role.EMPLOYER)
def employer() -> ResponseReturnValue:
    """What my organisation's people declared."""
    return _desk_page(Desk.EMPLOYER)


@blueprint.get("/bureau")
@access.only(Role.BUREAU)
def bureau() -> ResponseReturnValue:
    """What came to us from employers, and what they left."""
    return _desk_page(Desk.BUREAU)


def _desk_page(desk: Desk) -> str:
    session, person = db.session(), access.person()
    asked = request.args.get("tray")
    tray = Tray(asked) if asked in list(Tray) else Tray.WAITING
    text = request.args.get("q", "").strip()[:64]
    page = min(max(1, request.args.get("page", 1, type=int)), 100_000)
    today = clock.local(clock.now()).date()
    here = f"declaration_desks.{desk}"
    return render_template(
        "declarations/desk.html",
        desk=desk,
        tray=tray,
        trays=Tray,
        text=text,
        listing=desks.queue(session, person, desk, tray, text=text, page=page),
        counts=desks.counts(session, person, desk, today),
        today=today,
        overdue=picture.overdue,
        address=lambda number: url_for(here, tray=tray, q=text or None, page=number),
        here=here,
    )


@blueprint.post("/employer/endorse")
@access.only(Role.EMPLOYER)
def endorse() -> ResponseReturnValue:
    """Say yes to several at once; what cannot be is told and left as it is."""
    done, refused = 0, []
    for chosen in request.form.getlist("chosen")[:MAX_BATCH]:
        number, _dot, seen = chosen.partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (number, seen)):
            raise Invalid("请选择要同意的申报", code="nothing-chosen")
        if (refusal := _endorse_one(int(number), int(seen))) is None:
            done += 1
        else:
            refused.append(refusal)
    for text in refused[:5]:
        flash(text, "error")
    if done:
        flash(_("已同意 %(n)d 份申报，转主管部门核验", n=done), "success")
    elif not refused:
        flash(_("请选择要同意的申报"), "error")
    return redirect(url_for("declaration_desks.employer"), 303)


def _endorse_one(number: int, seen: int) -> str | None:
    """None, or why not; what was written of it is undone then."""
    session, actor, title = db.session(), access.person(), f"{number}"
    try:
        with session.begin_nested():
            found, _desks = desks.get(session, actor, number)
            title = found.title
            chain.decide(
                session, found, Transition.ENDORSE, actor, seen=seen, sampling_seed="",
                limits=limits(), address=request.remote_addr, now=clock.now(),
            )  # fmt: skip
    except DomainError as error:
        return f"{title}：{_(error.message)}"
    return None


@blueprint.get("/<int:declaration_id>")
@access.only(Role.EMPLOYER, Role.BUREAU)
def review(declaration_id: int) -> ResponseReturnValue:
    """One declaration with its proofs and its way; looking is an act too."""
    session, person = db.session(), access.person()
    found, own_desks = desks.get(session, person, declaration_id)
    steps = chain.steps_of(session, found.id)
    alike = likeness.of(session, found)
    can = {step for desk in own_desks for step in possible(State(found.state), desk)}
    page = render_template(
        "declarations/review.html",
        declaration=found,
        desks=own_desks,
        steps=steps,
        names=seeing.names(session, steps),
        stations=picture.stations(found, steps, clock.local(clock.now()).date()),
        files=drafting.proofs_of(session, found.id),
        alike=alike,
        others=seeing.others(session, person, alike),
        possible=can,
        explained=[step for step in EXPLAINED if step in can],
        reasons=REASONS,
        own=found.person_id == person.id,
    )
    with db.database().transaction() as brief:  # a page's own session promises not to write
        acts.note(
            brief, actor_id=person.id, act="view", object_kind="declaration", object_id=found.id,
            address=request.remote_addr, now=clock.now(),
        )  # fmt: skip
    return page


@blueprint.post("/<int:declaration_id>/decision")
@access.only(Role.EMPLOYER, Role.BUREAU)
def decide(declaration_id: int) -> ResponseReturnValue:
    """Endorse, verify, return, decline or refuse."""
    session, actor = db.session(), access.person()
    found, own_desks = desks.get(session, actor, declaration_id)
    asked = request.form.get("decision", "")
    decisions = {Transition.ENDORSE, Transition.VERIFY, *EXPLAINED}
    if asked not in decisions:
        raise Invalid("请选择处理方式", code="decision-needed")
    chain.decide(
        session,
        found,
        Transition(asked),
        actor,
        reason=request.form.get("reason", ""),
        words=request.form.get("words", ""),
        seen=request.form.get("seen", -1, type=int),
        sampling_seed=current_app.extensions["settings"].key("secret_key").hex(),
        limits=limits(),
        address=request.remote_addr,
        now=clock.now(),
    )
    flash(_("已处理"), "success")
    return redirect(url_for(f"declaration_desks.{own_desks[-1]}"), 303)


@blueprint.get("/<int:declaration_id>/proofs/<int:proof_id>")
@access.signed_in
def proof(declaration_id: int, proof_id: int) -> ResponseReturnValue:
    """A file: a picture in a sandbox, a PDF only as an attachment."""
    session = db.session()
    found = seeing.proof(session, access.person(), declaration_id, proof_id)
    answer = Response(store().load(found.sha256), mimetype=found.media_type)
    ending = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}[found.media_type]
    shown = found.media_type != "application/pdf" and not request.args.get("download")
    answer.headers.set(
        "Content-Disposition",
        "inline" if shown else "attachment",
        filename=f"declaration-{declaration_id}-proof-{proof_id}.{ending}",
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
