"""Policies: what is in force, drafts and their review, dry runs, files."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from zhixin import access, acts, clock, db, spreadsheets
from zhixin.errors import Invalid, NotFound
from zhixin.hours import areas, differences, drafts, dry_runs, effect_lists, policies
from zhixin.hours.draft_states import (
    OPEN_DRAFTS,
    DraftMoved,
    DraftState,
    DraftStep,
    Effect,
    RunState,
)
from zhixin.hours.effects import Tally
from zhixin.hours.models import Policy, PolicyDraft
from zhixin.hours.policy_forms import PolicyForm, of_draft
from zhixin.people import administration
from zhixin.people.models import Role

blueprint = Blueprint("policies", __name__, url_prefix="/admin/policies")

#: A policy is a page of text.
MOST_BYTES = 256 * 1024


@blueprint.get("")
@access.only(Role.ADMINISTRATOR)
def overview() -> ResponseReturnValue:
    """What is in force in each area, what is being written, and what was."""
    session, actor = db.session(), access.person()
    today = clock.local(clock.now()).date()
    history = policies.history(session)
    waiting = drafts.waiting(session, actor)
    reach = administration.reach(session, actor)
    current = policies.of_areas(session, today)
    return render_template(
        "hours/policies.html",
        current=current.get(areas.CITY),
        own=[(area, policy) for area, policy in current.items() if area != areas.CITY],
        waiting=waiting,
        history=history,
        choices=areas.choices(session, reach),
        names=areas.names(
            session, [*(each.area for each in history), *(each.area for each in waiting)]
        ),
        in_force={policy.id for policy in current.values()},
        shipped=[(name, json.loads(policies.shipped(name))["title"]) for name in policies.SHIPPED],
        rule_of=policies.rule,
    )


@blueprint.post("/drafts")
@access.only(Role.ADMINISTRATOR)
def create() -> ResponseReturnValue:
    """Begin a draft: from what is in force, from a shipped example, or from a file."""
    session, actor = db.session(), access.person()
    area = request.form.get("area", areas.CITY)
    draft = drafts.create(session, actor, area, _beginning(area), clock.now())
    return redirect(url_for("policies.edit", draft_id=draft.id), 303)


def _beginning(area: str) -> policies.Content:
    base = request.form.get("base", "")
    if base == "file":
        file = request.files.get("file")
        text = file.read(MOST_BYTES + 1) if file else b""
        if not text or len(text) > MOST_BYTES:
            raise Invalid("请选择规则文件（JSON，不超过 256 KiB）", code="policy-file")
        return policies.read(text.decode("utf-8-sig", errors="replace"))
    if base in policies.SHIPPED:
        return policies.read(policies.shipped(base))
    today = clock.local(clock.now()).date()
    session = db.session()
    policy = policies.find(session, today, area) or policies.find(session, today)
    if policy is None:
        return policies.read(policies.shipped("national"))
    next_year = date(today.year + 1, 1, 1)
    return policies.Content(policy.title, policy.source, next_year, policies.rule(policy))


def _draft(draft_id: int) -> PolicyDraft:
    return drafts.find(db.session(), access.person(), draft_id)


@blueprint.route("/drafts/<int:draft_id>/edit", methods=["GET", "POST"])
@access.only(Role.ADMINISTRATOR)
def edit(draft_id: int) -> ResponseReturnValue:
    """The writer's form. Buttons that add rows save nothing."""
    draft, actor = _draft(draft_id), access.person()
    drafts.require_writer(draft, actor)
    if draft.state != DraftState.WRITING:
        return redirect(url_for("policies.draft", draft_id=draft.id), 303)
    posted = request.method == "POST"
    form = PolicyForm(data=None if posted else of_draft(draft))
    more = request.form.get("more")
    if not posted:
        form.offer_rows("activities")
        form.offer_rows("caps")
    elif more in ("activities", "caps"):
        form.offer_rows(more)
    elif form.validate_on_submit() and (content := form.content()):
        drafts.save(db.session(), draft, actor, content, revision=_revision(form), now=clock.now())
        flash(_("草案已保存。"), "success")
        return redirect(url_for("policies.draft", draft_id=draft.id), 303)
    faults = list(form.faults()) if posted and not more else []
    page = render_template("hours/policy_edit.html", draft=draft, form=form, faults=faults)
    return page, 422 if faults else 200


def _revision(form: PolicyForm) -> int:
    text = str(form.revision.data)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@blueprint.get("/drafts/<int:draft_id>")
@access.only(Role.ADMINISTRATOR)
def draft(draft_id: int) -> ResponseReturnValue:
    """One draft for its reviewer: what it changes in the rules, and for whom."""
    session, actor, found = db.session(), access.person(), _draft(draft_id)
    before = policies.find(session, found.effective_from, found.area) or policies.find(
        session, found.effective_from
    )
    rule = policies.rule_of(found)
    own = found.written_by_id == actor.id
    return render_template(
        "hours/policy_draft.html",
        draft=found,
        rule=rule,
        before=before,
        differences=differences.between(policies.rule(before) if before else None, rule),
        own=own,
        may_publish=not own or drafts.alone(session, actor),
        late=found.effective_from < clock.local(clock.now()).date(),
        names=areas.names(session, [found.area]),
        **_run(found),
    )


def _run(draft: PolicyDraft) -> dict[str, Any]:
    run = dry_runs.of(db.session(), draft)
    tally = Tally.from_json(run.result) if run and run.result else None
    return {"run": run, "tally": tally, "chart": _chart(tally) if tally else None}


def _chart(tally: Tally) -> dict[str, Any]:
    return {
        "type": "bar",
        "unit": _("人·年"),
        "categories": [
            _("达到要求"), _("差 10 以内"), _("差 10 到 30"), _("差 30 到 60"), _("差 60 以上"),
        ],
        "series": [
            {"name": _("现行规则"), "kind": "pending", "values": tally.bands_before},
            {"name": _("草案"), "kind": "professional", "values": tally.bands_after},
        ],
    }  # fmt: skip


@blueprint.get("/drafts/<int:draft_id>/progress")
@access.only(Role.ADMINISTRATOR)
def progress(draft_id: int) -> ResponseReturnValue:
    """How far the dry run is; asks the page to reload itself once it is over."""
    run = dry_runs.of(db.session(), _draft(draft_id))
    page = Response(render_template("hours/_progress.html", draft_id=draft_id, run=run))
    if run is None or run.state in (RunState.DONE, RunState.FAILED):
        page.headers["HX-Refresh"] = "true"
    return page


@blueprint.post("/drafts/<int:draft_id>/dry-run")
@access.only(Role.ADMINISTRATOR)
def dry_run(draft_id: int) -> ResponseReturnValue:
    """Work out anew what the draft would change."""
    found = _draft(draft_id)
    if found.state not in OPEN_DRAFTS:
        raise DraftMoved
    dry_runs.start(db.session(), found, clock.now())
    return redirect(url_for("policies.draft", draft_id=draft_id, _anchor="dry-run"), 303)


@blueprint.post("/drafts/<int:draft_id>/<step>")
@access.only(Role.ADMINISTRATOR)
def step(draft_id: int, step: str) -> ResponseReturnValue:
    """One step of a draft's life short of publishing."""
    session, actor, now = db.session(), access.person(), clock.now()
    found, reason = _draft(draft_id), request.form.get("reason", "")
    if step == DraftStep.SUBMIT:
        drafts.submit(session, found, actor, now)
    elif step == DraftStep.WITHDRAW:
        drafts.withdraw(session, found, actor)
    elif step == DraftStep.SEND_BACK:
        drafts.send_back(session, found, actor, reason, now)
    elif step == DraftStep.DISCARD:
        drafts.discard(session, found, actor, now)
    else:
        raise NotFound
    acts.note(
        session, actor_id=actor.id, act=step, object_kind="policy-draft", object_id=draft_id,
        reason=found.title, address=request.remote_addr, now=now,
    )  # fmt: skip
    if step == DraftStep.DISCARD:
        flash(_("草案已放弃。"), "success")
        return redirect(url_for("policies.overview"), 303)
    return redirect(url_for("policies.draft", draft_id=draft_id), 303)


@blueprint.post("/drafts/<int:draft_id>/publish")
@access.only(Role.ADMINISTRATOR)
def publish(draft_id: int) -> ResponseReturnValue:
    """Another than the writer puts the draft into force from its day on."""
    drafts.publish(
        db.session(), _draft(draft_id), access.person(),
        address=request.remote_addr, now=clock.now(),
    )  # fmt: skip
    flash(_("规则已发布。此前已授予的学时不受影响。"), "success")
    return redirect(url_for("policies.overview"), 303)


@blueprint.get("/drafts/<int:draft_id>/people")
@access.only(Role.ADMINISTRATOR)
def people(draft_id: int) -> ResponseReturnValue:
    """Whose year the draft would change, before and after."""
    found = _draft(draft_id)
    effect = _effect()
    page = effect_lists.page(db.session(), found, effect, request.args.get("page", 1, type=int))
    return render_template(
        "hours/policy_people.html", draft=found, effect=effect, page=page, **_run(found)
    )


def _effect() -> Effect | None:
    chosen = request.args.get("effect") or None
    if chosen is not None and chosen not in list(Effect):
        abort(404)
    return Effect(chosen) if chosen else None


@blueprint.get("/drafts/<int:draft_id>/people.xlsx")
@access.only(Role.ADMINISTRATOR)
def people_workbook(draft_id: int) -> ResponseReturnValue:
    """The same as a workbook."""
    found = _draft(draft_id)
    content = effect_lists.workbook(db.session(), found, _effect())
    download = Response(content, mimetype=spreadsheets.XLSX)
    download.headers.set("Content-Disposition", "attachment", filename=f"policy-{draft_id}.xlsx")
    return download


@blueprint.get("/<int:policy_id>")
@access.only(Role.ADMINISTRATOR)
def policy(policy_id: int) -> ResponseReturnValue:
    """A published policy in full."""
    session, found = db.session(), _policy(policy_id)
    return render_template(
        "hours/policy.html",
        policy=found,
        rule=policies.rule(found),
        names=areas.names(session, [found.area]),
        draft=session.scalar(sa.select(PolicyDraft).where(PolicyDraft.policy_id == policy_id)),
    )


def _policy(policy_id: int) -> Policy:
    if (found := db.session().get(Policy, policy_id)) is None:
        raise NotFound
    return found


@blueprint.get("/<int:policy_id>.json")
@access.only(Role.ADMINISTRATOR)
def file(policy_id: int) -> ResponseReturnValue:
    """A published policy as a file that can be brought in again."""
    found = _policy(policy_id)
    return _as_file(found, f"policy-{found.effective_from}-v{found.version}.json")


@blueprint.get("/drafts/<int:draft_id>.json")
@access.only(Role.ADMINISTRATOR)
def draft_file(draft_id: int) -> ResponseReturnValue:
    """A draft as a file."""
    return _as_file(_draft(draft_id), f"policy-draft-{draft_id}.json")


def _as_file(content: Policy | PolicyDraft, name: str) -> Response:
    text = json.dumps(policies.to_file(content), ensure_ascii=False, indent=2)
    download = Response(text + "\n", mimetype="application/json")
    download.headers.set("Content-Disposition", "attachment", filename=name)
    return download
