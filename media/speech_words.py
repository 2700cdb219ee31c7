"""Where speech to text stands, in words."""

from __future__ import annotations

from flask_babel import gettext as _

from media.speech_models import SpeechRun, SpeechState


def speech_text(run: SpeechRun) -> str:
    """One sentence for the author."""
    if run.state == SpeechState.WAITING:
        return str(_("等待识别。一次识别一个视频。"))
    if run.state == SpeechState.WORKING:
        return str(_("正在识别，可以离开这个页面。"))
    words: dict[str, str] = {
        "speech-none": _("服务器上的语音识别已停用，没有识别。"),
        "speech-no-sound": _("视频没有声音，无法识别。"),
        "speech-no-source": _("原始视频文件已不在服务器上，无法识别。"),
        "speech-no-room": _("服务器存储空间不足，没有识别，请稍后再试。"),
        "speech-timeout": _("识别用时超过上限，没有完成。请联系管理员。"),
        "speech-unreadable": _("识别程序没有给出可用的字幕。视频里可能没有说话声。"),
    }
    return words.get(run.failure_code or "", str(_("识别没有成功。请稍后再试，或联系管理员。")))
