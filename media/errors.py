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
    "vault-away": "素材存储暂时无法访问，转码未完成，稍后会自动重试。",
    "cancelled": "转码已取消。",
}
#: No number of these makes a video failed: it is tried again for as long as it takes.
NOT_THE_FILES_FAULT = ("cancelled", "disk-full", "vault-away")
PICTURE_MESSAGES = {
    "picture-empty": "没有收到图片。请重新选择文件。",
    "picture-kind": "只接受 PNG、JPEG、WebP、GIF 图片；SVG 等其他格式请先导出为 PNG。",
    "picture-damaged": "图片不完整或已损坏。请重新导出后上传。",
    "picture-too-large": "图片过大。请缩小尺寸或压缩后上传。",
    "picture-too-long": "动图的帧数过多。请缩短，或改为上传视频。",
}
FILE_MESSAGES = {
    "file-empty": "没有收到文件，或文件是空的。请重新选择。",
    "file-kind": "不接受这种文件。可以上传 PDF、Office 与 WPS 文档、文本、表格数据、图片和压缩包；含宏的文档和程序请先转换或放入压缩包。",
    "file-differs": "文件内容与扩展名不符。请确认文件能正常打开后重新上传。",
    "file-too-large": "文件超过了允许的大小。请压缩或拆分后上传。",
}
CAPTION_MESSAGES = {
    "captions-empty": "没有收到字幕文件，或文件是空的。请重新选择。",
    "captions-kind": "没有在文件中找到字幕。请上传 WebVTT（.vtt）、SRT（.srt）或 ASS（.ass）字幕文件。",
    "captions-too-large": "字幕文件过大（上限 2 MB）。请确认选择的是字幕文件。",
    "captions-too-many": "字幕条数过多（上限 10000 条）。请确认选择的是字幕文件。",
    "captions-cue-too-long": "有一条字幕过长（上限 500 个字、8 行）。请拆分为几条后再保存。",
    "captions-language": "请选择字幕的语言。",
    "captions-time": "字幕的时间有误，请写成“分:秒.毫秒”，例如 1:23.500。",
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


class PictureRefused(DomainError):
    """A picture that cannot be kept, told by ``code``."""

    status = 422
    code = "picture-damaged"
    title = "图片不能使用"

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(PICTURE_MESSAGES[code], code=code, **facts)


class FileRefused(DomainError):
    """A file that cannot be kept, told by ``code``."""

    status = 422
    code = "file-kind"
    title = "文件不能使用"

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(FILE_MESSAGES[code], code=code, **facts)


class CaptionsRefused(DomainError):
    """Captions that cannot be kept, told by ``code``."""

    status = 422
    code = "captions-kind"
    title = "字幕不能使用"

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(CAPTION_MESSAGES[code], code=code, **facts)
