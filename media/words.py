"""The work on a video, in words."""

from __future__ import annotations

from datetime import datetime

from flask import Flask
from flask_babel import gettext as _

from media import refinements
from media.errors import MESSAGES
from media.queueing import Standing
from media.refinement_models import Refinement, RefinementState
from zhixin import clock, db


def refinement_text(refinement: Refinement | None, now: datetime) -> str:
    """What is still made of a video that can be played already; empty when nothing is."""
    if refinement is None or refinement.state == RefinementState.DONE:
        return ""
    if refinement.state == RefinementState.FAILED:
        why = MESSAGES.get(refinement.failure_code or "", "")
        words = _("较低的清晰度没有做成，视频以原样播放；可以再试一次。")
        return f"{words}{_(why) if why else ''}"
    if refinement.state == RefinementState.CANCELLED:
        return str(_("较低的清晰度已停止制作，视频以原样播放。"))
    made = _(
        "视频已按原样采用，可以播放。较低的清晰度、进度条预览图和音量检查在后台制作，不影响使用。"
    )
    left = standing_text(Standing(seconds_left=refinements.seconds_left(refinement, now)))
    return f"{made}{left}"


def standing_text(standing: Standing) -> str:
    """One sentence for the author; empty when there is nothing to say."""
    if standing.postponed == "minutes-a-day":
        return str(_("24 小时内处理的视频时长已达上限，稍后会自动继续。"))
    if standing.postponed == "disk-full":
        return str(_("服务器存储空间不足，有空间后会自动继续。"))
    if standing.postponed:
        return str(_("上一次没有成功，稍后会自动再试。"))
    if standing.ahead is not None:
        if standing.ahead == 0:
            return str(_("马上轮到。"))
        return str(_("前面还有 %(n)d 个。", n=standing.ahead))
    if standing.seconds_left is not None:
        minutes = -(-standing.seconds_left // 60)
        if minutes <= 1:
            return str(_("大约还要 1 分钟。"))
        if minutes < 60:
            return str(_("大约还要 %(n)d 分钟。", n=minutes))
        return str(_("大约还要 %(h)d 小时 %(m)d 分钟。", h=minutes // 60, m=minutes % 60))
    return ""


def init_app(app: Flask) -> None:
    app.jinja_env.globals["standing_text"] = standing_text
    app.jinja_env.globals["refinement_of"] = lambda asset: refinements.of(db.session(), asset)
    app.jinja_env.globals["refinement_text"] = lambda found: refinement_text(found, clock.now())
