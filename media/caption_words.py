"""What is wrong with a cue, in words."""

from __future__ import annotations

from flask_babel import gettext as _

from media.cue_checks import Check, Problem


def problem_text(problem: Problem) -> str:
    """One sentence for the author."""
    value, limit = problem.value, problem.limit
    match problem.check:
        case Check.EMPTY:
            return str(_("没有文字"))
        case Check.BACKWARDS:
            return str(_("结束时间不晚于开始时间"))
        case Check.BEYOND:
            return str(_("开始时间超出了视频"))
        case Check.PAST_END:
            return str(_("结束时间超出了视频"))
        case Check.OVERLAP:
            return str(_("与前一条重叠 %(s).1f 秒", s=value / 1000))
        case Check.TOO_FAST:
            return str(_("每秒 %(n)d 个字，建议不超过 %(most)d 个", n=value, most=limit))
        case Check.LONG_LINE:
            return str(_("一行 %(n)d 个字，建议不超过 %(most)d 个", n=value, most=limit))
        case Check.MANY_LINES:
            return str(_("%(n)d 行，建议不超过 %(most)d 行", n=value, most=limit))
        case Check.SHORT:
            return str(_("只显示 %(s).1f 秒，来不及看清", s=value / 1000))
        case Check.LONG:
            return str(_("显示了 %(s).1f 秒，建议拆分", s=value / 1000))
