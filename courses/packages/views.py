"""The studio's pages for whole courses: out as an archive, and in from one."""

from __future__ import annotations

import shutil

from flask import Response, current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import editing, fields, reviewing
from courses.packages import reading, running
from courses.packages.models import CoursePackage, PackageState, Way
from courses.packages.reading import Found
from courses.packages.tasks import place, work
from courses.studio import blueprint
from courses.views import today
from media import queueing
from media.files_api import FORM_BYTES
from zhixin import access, clock, db, jobs, richtext, sandbox, security
from zhixin.errors import DomainError, NotFound
from zhixin.people.models import Role


@blueprint.get("/courses/<int:course_id>/export")
@access.only(Role.AUTHOR)
def export_form(course_id: int) -> ResponseReturnValue:
    """What can be exported: the draft, or a version."""
    session, person = db.session(), access.person()
    course = running.may_export(session, course_id, person.id, None)
    versions = [version for version, _reviewer in reviewing.history(session, course.id)]
    return render_template("packages/export.html", course=course, versions=versions, days=_days())


@blueprint.post("/courses/<int:course_id>/export")
@access.only(Role.AUTHOR)
def export_course(course_id: int) -> ResponseReturnValue:
    """Ask for the archive; a job writes it."""
    number = request.form.get("version", type=int)
    package = running.export(
        db.session(), place(), course_id, access.person().id, number, clock.now()
    )
    jobs.enqueue(db.session(), work, package.id)
    return redirect(url_for("studio.package", package_id=package.id), 303)


@blueprint.get("/import")
@access.only(Role.AUTHOR)
def import_form() -> ResponseReturnValue:
    """Where a file is chosen, and what came and went before."""
    return _import_form()


def _import_form(problem: str | None = None) -> str:
    return render_template(
        "packages/import.html",
        packages=running.of_owner(db.session(), access.person().id),
        problem=problem,
        most_mib=current_app.extensions["settings"].package_bytes // 1024 // 1024,
        days=_days(),
    )


@blueprint.post("/import")
@access.only(Role.AUTHOR)
@security.admits(lambda settings: settings.package_bytes + FORM_BYTES)
def import_course() -> ResponseReturnValue:
    """Keep the file; a job reads it."""
    sent, person, now = request.files.get("file"), access.person(), clock.now()
    if sent is None or not sent.filename:
        return _import_form(_("请选择课程包文件")), 422
    settings, store = current_app.extensions["settings"], current_app.extensions["media_store"]
    try:
        with sandbox.scratch(settings.scratch_dir) as folder:
            path = folder / "sent"
            with path.open("xb") as file:
                shutil.copyfileobj(sent.stream, file, 1024 * 1024)
            size = path.stat().st_size
            queueing.require_share(db.session(), person.id, size, settings.author_bytes_a_day, now)
            running.require_turn(db.session(), person.id)
            store.require_space(size)
            db.finish(keep=True)  # on its way to a bucket it takes as long as it likes
            received = running.receive(place(), person.id, path, sent.filename, now)
            package = running.begin(db.session(), received)
    except DomainError as error:
        return _import_form(_(error.message)), error.status
    jobs.enqueue(db.session(), work, package.id)
    return redirect(url_for("studio.package", package_id=package.id), 303)


@blueprint.get("/packages/<package_id>")
@access.only(Role.AUTHOR)
def package(package_id: str) -> ResponseReturnValue:
    """How far the work is; then the download, what would come in, or the course."""
    return _page(_own(package_id))


def _page(found: CoursePackage, refusal: str | None = None) -> str:
    session = db.session()
    what = found.result if found.way == Way.IMPORT and found.result else None
    understood = Found.from_json(what) if what else None
    codes = fields.names(session)
    return render_template(
        "packages/package.html",
        package=found,
        found=understood,
        format=reading.FORMATS[understood.format] if understood else "",
        remarks=(found.result or {}).get("remarks", ()),
        course=editing.get(session, found.course_id, found.owner_id) if found.course_id else None,
        fields=[each.code for each in fields.valid(session, today())],
        field_names=codes,
        plain=richtext.plain,
        refusal=refusal,
        bank_list="、".join(
            _("%(t)s（%(n)d 题）", t=bank.title, n=bank.questions)
            for bank in (understood.document.banks if understood else ())
        ),
    )


@blueprint.get("/packages/<package_id>/progress")
@access.only(Role.AUTHOR)
def package_progress(package_id: str) -> ResponseReturnValue:
    """The same for a page that asks again; tells it to load anew when it is done."""
    found = _own(package_id)
    shown = Response(render_template("packages/_progress.html", package=found))
    if not found.at_work:
        shown.headers["HX-Refresh"] = "true"
    return shown


@blueprint.post("/packages/<package_id>")
@access.only(Role.AUTHOR)
def accept_package(package_id: str) -> ResponseReturnValue:
    """Make the course; a job does it."""
    found = _own(package_id)
    try:
        running.accept(db.session(), found, request.form.get("field_code", ""), clock.now())
    except DomainError as error:
        return _page(found, _(error.message)), error.status
    jobs.enqueue(db.session(), work, package_id)
    return redirect(url_for("studio.package", package_id=package_id), 303)


@blueprint.get("/packages/<package_id>/download")
@access.only(Role.AUTHOR)
def download_package(package_id: str) -> ResponseReturnValue:
    """The archive of an export."""
    found = _own(package_id)
    if found.way != Way.EXPORT or found.state != PackageState.READY:
        raise NotFound("课程包还没有生成")
    vault = current_app.extensions["media_store"].vault
    try:
        file = vault.open(found.key)
    except FileNotFoundError:
        raise NotFound("课程包的文件已不在，请重新导出") from None
    answer = send_file(file, "application/zip", as_attachment=True, download_name=found.file_name)
    answer.content_length = found.size_bytes
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _own(package_id: str) -> CoursePackage:
    return running.get(db.session(), package_id, access.person().id)


def _days() -> int:
    return int(current_app.extensions["settings"].package_days)
