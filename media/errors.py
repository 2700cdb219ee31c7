"""What can be wrong with a file, in the author's words."""

from __future__ import annotations

from typing import Any

from zhixin.errors import DomainError

#: Code → what is wrong and what to do about it.
MESSAGES = {
    "not-a-video": "这个文件不是可以识别的视频。请确认上传的是视频文件本身，而不是改了扩展名的其他文件。",
    "truncated": "视频文件不完整（可能复制或导出时中断）。请在本机确认能完整播放后重新上传。",
    "empty": "文件是空的。请重新选择文件。",
    "too-large": "视频文件超过了允许的大小。请降低码率后重新导出，或拆分为几个视频。",
    "too-short": "视频时长不足 1 秒。请检查是否选错了文件。",
    "too-long": "视频时长超过了上限。请拆分为几个单元分别上传。",
    "no-video-stream": "文件中没有视频画面（可能只有声音）。请上传带画面的视频。",
    "codec-not-allowed": "不支持这个视频的编码格式。请用 H.264、H.265、VP9 或 AV1 重新导出。",
    "container-not-allowed": "不支持这种文件格式。请导出为 MP4、MOV、MKV、WebM、AVI、MPEG-TS、FLV 或 WMV。",
    "too-many-streams": "文件包含过多的音视频轨道。请只保留一条画面轨和一条声音轨后重新导出。",
    "resolution-too-large": "视频分辨率超过 4K。请降低分辨率后重新导出。",
    "probe-timeout": "读取视频信息超时，文件可能已损坏。请重新导出后再上传。",
    "transcode-failed": "视频转码失败。请确认视频在本机可以从头到尾播放，重新导出后再上传。",
    "transcode-timeout": "视频转码超时。请降低分辨率或拆分视频后重新上传。",
    "disk-full": "服务器存储空间不足，转码未完成。已通知管理员，稍后会自动重试。",
    "cancelled": "转码已取消。",
}


class MediaError(DomainError):
    """Something about a media file, told by ``code``."""

    status = 422
    code = "media"
    title = "视频处理失败"

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(MESSAGES[code], code=code, **facts)


class MediaRejected(MediaError):
    """The file itself is not acceptable: trying again will not help."""


class TranscodeFailed(MediaError):
    """The work on an acceptable file failed: trying again may help."""
