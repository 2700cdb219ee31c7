"""Flags and acts in the reader's language, for templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask
from flask_babel import gettext as _

from zhixin.hours.words import award_state_text


def flag_text(flag: str) -> str:
    """Why evidence is not clean."""
    words: dict[str, str] = {
        "refused-time": _("上报快于真实时间，部分未予确认"),
        "late-reports": _("大部分观看是隔了一段时间才成批上报的"),
        "clockwork": _("上报间隔像时钟一样规律，可能由程序发出"),
        "night-study": _("大量学习集中在深夜（0 至 5 时）"),
        "instant-answers": _("作答快于阅读所需的时间"),
        "blind-answers": _("在场确认多次选错，像是随意点选"),
        "in-class": _("同一时间登记为在班次中上课"),
        "shared-device": _("同一设备在一小时内有多个账号学习"),
        "same-days": _("申报的日期与本人其他申报重叠"),
        "same-proof": _("证明材料也用于其他申报"),
    }
    return words.get(flag, flag)


def refusal_text(reason: str) -> str:
    """Why claimed time was not confirmed."""
    words: dict[str, str] = {
        "faster-than-time": _("快于实际经过的时间"),
        "not-delivered": _("内容未曾下发"),
        "presence": _("等待在场确认"),
        "too-scattered": _("片段过于零散"),
    }
    return words.get(reason, reason)


def end_text(reason: str | None) -> str:
    """Why a playback ended."""
    words: dict[str | None, str] = {
        "taken-over": _("在其他设备继续"),
        "closed": _("关闭"),
        "left": _("退出课程"),
    }
    return words.get(reason, "")


def act_text(act: str, kind: str = "") -> str:
    """What was done; ``kind``: to what, where the same word means different things."""
    words: dict[str, str] = {
        "view": _("查看"),
        "verify": _("核验通过"),
        "reject": _("驳回"),
        "hold": _("暂缓认定"),
        "propose-reverse": _("提出冲销"),
        "propose-correct": _("提出更正"),
        "reverse": _("确认冲销"),
        "correct": _("确认更正"),
        "decline-proposal": _("否决冲销或更正"),
        "withdraw-proposal": _("撤回冲销或更正"),
        "appeal": _("提出申诉"),
        "accept": _("表示没有异议"),
        "grant-appeal": _("认定申诉成立"),
        "uphold-appeal": _("维持原决定"),
        "overdue-hold": _("超过暂缓期限仍未决定"),
        "overdue-appeal": _("超过申诉处理期限"),
        "overdue-proposal": _("超过提议处理期限"),
        "announce-draw": _("公布抽样范围"),
        "draw": _("抽取样本"),
        "reviewed": _("复核抽中的学时"),
        "publish": _("发布"),
        "discard": _("放弃"),
        "set": _("设定"),
        "check": _("批量查验（份数 / 不符）"),
        "revoke": _("撤销证书"),
        "forget": _("抹去账本中的盐"),
        "send-back": _("退回"),
        "submit": _("提交"),
        "submit-directly": _("直接提交主管部门"),
        "endorse": _("单位同意"),
        "return": _("退回修改"),
        "decline": _("单位不同意"),
        "escalate": _("逾期转主管部门"),
        "refuse": _("不予认定"),
        "withdraw": _("撤回"),
        "create": _("新建"),
        "enrol": _("加入名单（人数）"),
        "attendance": _("登记考勤（变化人数）"),
        "close": _("结班"),
        "cancel": _("取消"),
        "edit": _("修改资料"),
        "rename": _("改名"),
        "grant-role": _("授予角色"),
        "revoke-role": _("撤销角色"),
        "deactivate": _("停用账号"),
        "activate": _("启用账号"),
        "reset-password": _("重置密码"),
        "end-sign-ins": _("结束登录"),
        "accept-entry": _("采纳登记"),
        "decline-entry": _("不采纳登记"),
        "retire-entry": _("停用登记"),
        "regrade-propose": _("提出改判"),
        "regrade-confirm": _("确认改判"),
        "regrade-decline": _("不改判"),
        "regrade-withdraw": _("撤回改判"),
        "regrade-done": _("重新评分完成"),
        "hide-rating": _("隐藏课程评价"),
        "show-rating": _("恢复课程评价"),
    }
    words |= _review_acts() | _quality_acts()
    return words.get(f"{kind}:{act}") or words.get(act, act)


def _review_acts() -> dict[str, str]:
    return {
        "claim": _("领取审核"),
        "assign": _("指定审核人"),
        "release": _("放弃审核"),
        "lapse": _("审核逾期，换人"),
        "overdue-review": _("整个审核逾期"),
        "approve": _("审核通过"),
        "schedule": _("定时发布"),
        "comment": _("提出审核意见"),
        "reply": _("答复审核意见"),
        "resolve": _("意见已处理"),
        "reopen": _("重新打开意见"),
        "review-comment:close": _("关闭意见"),
    }


def _quality_acts() -> dict[str, str]:
    return {
        "announce": _("公布评选标准"),
        "start-scoring": _("开始评分"),
        "close-scoring": _("结束评分"),
        "post-notice": _("公示"),
        "conclude": _("结束公示"),
        "appoint": _("聘请专家"),
        "dismiss": _("解聘专家"),
        "apply": _("申报精品课程"),
        "score": _("专家评分"),
        "abstain": _("专家回避"),
        "object": _("提出异议"),
        "uphold": _("异议成立"),
        "quality-objection:dismiss": _("异议不成立"),
        "award": _("授予精品课程标识"),
        "quality-mark:withdraw": _("撤销精品课程标识"),
    }


def tab_text(tab: str) -> str:
    """The parts of the desk."""
    words: dict[str, str] = {
        "waiting": _("待决定"),
        "appeals": _("申诉"),
        "proposals": _("待确认的冲销与更正"),
    }
    return words.get(tab) or award_state_text(tab)


def against_text(against: str) -> str:
    """What an appeal is against."""
    words: dict[str, str] = {
        "hold": _("暂缓认定"),
        "rejection": _("驳回"),
        "reversal": _("冲销"),
        "proposal": _("拟冲销或更正"),
    }
    return words[against]


def appeal_text(state: str) -> str:
    """Where an appeal stands."""
    words: dict[str, str] = {
        "open": _("处理中"),
        "granted": _("申诉成立"),
        "upheld": _("维持原决定"),
    }
    return words[state]


def proposal_text(kind: str) -> str:
    return str(_("拟更正") if kind == "correct" else _("拟冲销"))


def proposal_state_text(state: str) -> str:
    """Where a proposal stands."""
    words: dict[str, str] = {
        "open": _("待确认"),
        "confirmed": _("已确认"),
        "declined": _("已否决"),
        "withdrawn": _("已撤回"),
    }
    return words[state]


def flags() -> list[str]:
    """The codes that an auditor may ask for."""
    return [
        "refused-time", "late-reports", "clockwork", "night-study", "instant-answers",
        "blind-answers", "shared-device", "in-class", "same-days", "same-proof",
    ]  # fmt: skip


def object_text(kind: str) -> str:
    """What an act was about."""
    words: dict[str, str] = {
        "award": _("学时"),
        "declaration": _("申报"),
        "audit-draw": _("抽样"),
        "course-version": _("课程版本"),
        "key-correction": _("改判"),
        "review-comment": _("审核意见"),
        "quality-round": _("精品课程评选"),
        "quality-application": _("精品课程申报"),
        "quality-objection": _("异议"),
        "quality-mark": _("精品课程标识"),
        "expert": _("专家"),
        "textbook": _("教材"),
        "person": _("人员"),
        "organisation": _("单位"),
        "policy": _("学时规则"),
        "policy-draft": _("学时规则草案"),
        "certificate": _("证书"),
        "target": _("年度目标"),
        "class": _("培训班次"),
    }
    return words.get(kind, kind)


def attempt_score(attempt: dict[str, Any]) -> str:
    """An attempt's score in percent, from its evidence."""
    millionths = attempt.get("fraction_millionths")
    return "—" if millionths is None else f"{millionths / 10000:.0f}%"


def waited(prompt: dict[str, Any]) -> str:
    """How long a prompt waited for its answer, in seconds."""
    if not prompt["answered_at"]:
        return "—"
    issued, answered = (datetime.fromisoformat(prompt[at]) for at in ("issued_at", "answered_at"))
    text: str = _("%(s)s 秒", s=f"{(answered - issued).total_seconds():.1f}")
    return text


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        flag_text=flag_text,
        refusal_text=refusal_text,
        end_text=end_text,
        waited=waited,
        act_text=act_text,
        object_text=object_text,
        tab_text=tab_text,
        against_text=against_text,
        appeal_text=appeal_text,
        proposal_text=proposal_text,
        proposal_state_text=proposal_state_text,
        all_flags=flags,
        attempt_score=attempt_score,
    )
