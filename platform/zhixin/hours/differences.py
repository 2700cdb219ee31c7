"""Where two rules differ, in words, for whoever reviews one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import gettext as _

from zhixin.hours.rules import CreditRule, SubjectKind
from zhixin.hours.words import activity_text, cap_text, kind_text, presence_text, window_text
from zhixin.pages import format_hours


@dataclass(frozen=True)
class Difference:
    """One thing that a rule says otherwise; None: the rule says nothing of it."""

    what: str
    before: str | None
    after: str | None


def between(before: CreditRule | None, after: CreditRule) -> list[Difference]:
    """What ``after`` says otherwise; everything where there was nothing before."""
    old = dict(_said(before)) if before else {}
    new = dict(_said(after))
    return [
        Difference(what, old.get(what), new.get(what))
        for what in [*new, *(what for what in old if what not in new)]
        if old.get(what) != new.get(what)
    ]


def _said(rule: CreditRule) -> Iterator[tuple[str, str]]:
    """All that a rule says: what it is about, and what."""
    number = format_hours
    yield _("每学时分钟数"), number(rule.minutes_per_hour)
    yield _("学时最小单位"), number(rule.step)
    yield _("视频须观看"), f"{number(rule.coverage_needed * 100)}%"
    yield _("测验及格线"), f"{number(rule.pass_mark * 100)}%"
    attempts = rule.attempts_allowed
    yield _("测验次数"), _("不限") if attempts is None else str(attempts)
    yield _("年度总学时"), number(rule.yearly_total)
    for kind in SubjectKind:
        at_least = number(rule.yearly_minimums[kind])
        yield _("%(kind)s不少于", kind=kind_text(kind)), at_least
    verification = rule.verification
    yield (
        _("核验"),
        _("按规则核验，抽查 %(n)s%%", n=number(verification.sample_percent))
        if verification.auto
        else _("全部人工核验"),
    )
    yield _("在场确认"), presence_text(rule.presence)
    for kind, window in rule.windows.items():
        yield _("跨年：%(kind)s", kind=kind_text(kind)), window_text(window)
    for activity in rule.activities.values():
        yield (
            _("活动：%(name)s（%(code)s）", name=activity.name, code=activity.code),
            activity_text(activity),
        )
    for cap in rule.caps:
        yield cap_text(cap, rule, scope_only=True), number(cap.hours)
