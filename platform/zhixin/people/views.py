"""Signing in and out, and everybody's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from zhixin import access, clock, config, db
from zhixin.errors import DomainError, Invalid, TooManyRequests
from zhixin.pages import LANGUAGES
from zhixin.people import accounts, sign_ins, tokens
from zhixin.people.forms import PasswordForm, SignInForm, TokenForm
from zhixin.people.models import Person

blueprint = Blueprint("people", __name__)


def current_settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


def safe_path(target: str | None) -> str:
    """``target`` if it stays on this site, else the home page.

    Browsers take ``//host``, ``/\\host`` and ``/<tab>/host`` for other sites.
    """
    target = target or "/"
    stays = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if stays and all(c > " " for c in target) else "/"


def _check(sign_in_name: str, password: str, now: datetime) -> Person:
    """Whose these are. A failure is kept, whatever becomes of this request."""
    address = request.remote_addr or ""
    try:
        return sign_ins.check(
            db.session(),
            sign_in_name=sign_in_name,
            password=password,
            address=address,
            settings=current_settings(),
            now=now,
        )
    except sign_ins.WrongPassword:
        db.finish(keep=False)
        with db.database().transaction() as brief:
            sign_ins.record_failure(brief, sign_in_name, address, now)
        raise


def _retry_after(page: str, error: DomainError) -> ResponseReturnValue:
    response = make_response(page, error.status)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.facts["retry_after_s"])
    return response


@blueprint.route("/sign-in", methods=["GET", "POST"])
@access.public
@db.short_transactions  # checking a password takes long: no writer waits meanwhile
def sign_in() -> ResponseReturnValue:
    """The sign-in page."""
    form = SignInForm(next=request.args.get("next"))
    target = safe_path(form.next.data)
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(target)
    if not form.validate_on_submit():
        return _sign_in_page(form), 422 if form.errors else 200
    now = clock.now()
    try:
        person = _check(form.sign_in_name.data, form.password.data, now)
    except (sign_ins.WrongPassword, TooManyRequests) as error:
        return _retry_after(_sign_in_page(form, error), error)
    db.finish(keep=False)
    with db.database().transaction() as brief:
        accounts.renew_hash(brief, person, form.password.data)
        person.sign_in_token = sign_ins.open(
            brief,
            person,
            address=request.remote_addr or "",
            user_agent=request.user_agent.string,
            now=now,
        )
    cookie.clear()  # nothing that was set before signing in survives it (session fixation)
    login_user(person)
    return redirect(target, 303)


def _sign_in_page(form: SignInForm, error: DomainError | None = None) -> str:
    return render_template(
        "people/sign_in.html", form=form, error=error, issuer=current_settings().issuer
    )


@blueprint.post("/sign-out")
@access.signed_in
def sign_out() -> ResponseReturnValue:
    """End this sign-in, on the server too: a copied cookie opens nothing any more.

    No ``Clear-Site-Data``: the browser's storage may hold watched seconds and answers that
    are still to be sent, and pages are never cached anyway.
    """
    person = access.person()
    if person.sign_in_id:
        sign_ins.end(db.session(), person.id, person.sign_in_id, clock.now())
    locale = person.locale
    logout_user()
    cookie.clear()
    cookie["locale"] = locale
    flash(_("您已退出登录。"), "success")
    return redirect(url_for("people.sign_in"), 303)


@blueprint.post("/language")
@access.public
def set_language() -> ResponseReturnValue:
    """Choose the pages' language, for this browser and this person."""
    locale = request.form.get("locale", "")
    if locale not in LANGUAGES:
        raise Invalid("不支持这种语言")
    cookie["locale"] = locale
    if current_user.is_authenticated:
        access.person().locale = locale
    return redirect(safe_path(request.form.get("next")), 303)


@blueprint.get("/account")
@access.signed_in
def account() -> ResponseReturnValue:
    """My facts, sign-ins, password and tokens."""
    return _account_page()


def _account_page(**shown: Any) -> str:
    session, person, now = db.session(), access.person(), clock.now()
    page: dict[str, Any] = {
        "person": person,
        "sign_ins": sign_ins.of_person(session, person.id, current_settings(), now),
        "tokens": tokens.of_person(session, person.id),
        "new_token": None,
        "password_form": PasswordForm(formdata=None),
        "token_form": TokenForm(formdata=None),
        "now": now,
        "issuer": current_settings().issuer,
    }
    return render_template("people/account.html", **{**page, **shown})


@blueprint.post("/account/password")
@access.signed_in
def change_password() -> ResponseReturnValue:
    """A new password; every other sign-in ends."""
    form, person, now = PasswordForm(), access.person(), clock.now()
    if not form.validate():
        return _account_page(password_form=form), 422
    try:
        _check(person.sign_in_name, form.current.data, now)
        person.password_hash = accounts.hash_password(form.new.data, person.sign_in_name)
    except (sign_ins.WrongPassword, TooManyRequests, Invalid) as error:
        field = form.new if isinstance(error, Invalid) else form.current
        wrong = isinstance(error, sign_ins.WrongPassword)
        field.errors = [_("当前密码不正确") if wrong else _(error.message)]
        return _retry_after(_account_page(password_form=form), error)
    ended = sign_ins.end_all(db.session(), person.id, now, except_id=person.sign_in_id)
    flash(_("密码已修改，其他 %(n)d 处登录已结束。", n=ended), "success")
    return redirect(url_for("people.account"), 303)


@blueprint.post("/account/sign-ins/<int:sign_in_id>/end")
@access.signed_in
def end_sign_in(sign_in_id: int) -> ResponseReturnValue:
    """End one of my sign-ins elsewhere."""
    sign_ins.end(db.session(), access.person().id, sign_in_id, clock.now())
    flash(_("该处登录已结束。"), "success")
    return redirect(url_for("people.account"), 303)


@blueprint.post("/account/sign-ins/end-others")
@access.signed_in
def end_other_sign_ins() -> ResponseReturnValue:
    """End all my sign-ins but this one."""
    person = access.person()
    ended = sign_ins.end_all(db.session(), person.id, clock.now(), except_id=person.sign_in_id)
    flash(_("已结束其他 %(n)d 处登录。", n=ended), "success")
    return redirect(url_for("people.account"), 303)


@blueprint.post("/account/tokens")
@access.signed_in
def create_token() -> ResponseReturnValue:
    """A new token, shown in this answer and never again."""
    form = TokenForm()
    if not form.validate():
        return _account_page(token_form=form), 422
    made = tokens.create(db.session(), access.person(), form.name.data, form.days.data, clock.now())
    return _account_page(new_token=made), 201


@blueprint.post("/account/tokens/<int:token_id>/revoke")
@access.signed_in
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End one of my tokens."""
    tokens.revoke(db.session(), access.person().id, token_id, clock.now())
    flash(_("令牌已吊销。"), "success")
    return redirect(url_for("people.account"), 303)
