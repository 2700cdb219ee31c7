"""Checking the files that people bring: by their content, never by their name.

Pictures are decoded and encoded anew, turned upright, without anything else that was in the
file: no place where they were taken, no device, no hidden payload. A PDF is kept as it came, so
it is only ever handed out as an attachment; what is looked at here keeps honest people from
sending what nobody could read.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
import unicodedata
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath

from PIL import Image, ImageOps

from zhixin.declarations.errors import ProofRefused

#: A telephone's picture has 12 to 50 million points; a bomb says it has billions.
MAX_POINTS = 51_000_000
MAX_SIDE = 20_000
#: Long side of what is kept: a page of A4 at 300 dpi has 3508.
KEPT_SIDE = 3600
MAX_NAME = 100
#: Decoding takes up to 150 MB: pictures wait their turn instead of filling the memory.
_pictures_at_once = threading.BoundedSemaphore(2)

_PDF_HEADER = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n\s%]")
#: Acts when it is opened. Only what is written in the open is found: a courtesy, no wall.
_PDF_ACTS = re.compile(rb"/(JavaScript|Launch)\b")


@dataclass(frozen=True)
class Checked:
    """A file that may be kept.

    Attributes:
        content: what is kept; of pictures not what was sent.
        sent_sha256: of what was sent.
    """

    media_type: str
    content: bytes
    sent_sha256: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def check(sent: bytes, max_bytes: int) -> Checked:
    """``sent`` as it may be kept.

    Raises:
        ProofRefused: empty, too large, neither PDF nor JPEG nor PNG, damaged, or not harmless.
    """
    if not sent:
        raise ProofRefused("文件是空的，请重新选择", code="proof-empty")
    if len(sent) > max_bytes:
        raise ProofRefused(
            f"文件超过 {max_bytes // 1024**2} MB，请压缩或分开上传", code="proof-too-large"
        )
    digest = hashlib.sha256(sent).hexdigest()
    if sent.startswith(b"%PDF-"):
        _check_pdf(sent)
        return Checked("application/pdf", sent, digest)
    if sent.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        media_type, content = _encoded_anew(sent)
        return Checked(media_type, content, digest)
    raise ProofRefused("只接受 PDF、JPEG、PNG 文件；手机照片请存为 JPEG", code="proof-kind")


def _check_pdf(sent: bytes) -> None:
    # The end of a damaged or cut file is missing; the header alone is easily written.
    if not _PDF_HEADER.match(sent) or b"%%EOF" not in sent[-2048:] or b"startxref" not in sent:
        raise ProofRefused("PDF 文件不完整或已损坏，请重新生成", code="proof-damaged")
    if b"/Encrypt" in sent:
        raise ProofRefused("PDF 设有密码，审核人无法查看，请去掉密码后上传", code="proof-encrypted")
    if _PDF_ACTS.search(sent):
        raise ProofRefused("PDF 含有脚本，请打印为普通 PDF 后上传", code="proof-active")


def _encoded_anew(sent: bytes) -> tuple[str, bytes]:
    """Media type and content of the picture in ``sent``: its points and nothing else."""
    with _pictures_at_once, warnings.catch_warnings():
        warnings.simplefilter("error")  # a bomb's, a damaged part's
        try:
            with Image.open(io.BytesIO(sent), formats=("JPEG", "PNG")) as picture:
                _check_size(*picture.size)
                return _encode(picture, png=picture.format == "PNG")
        except ProofRefused:
            raise
        # Whatever a decoder says of hostile bytes means the same; Pillow also trips over them.
        except Exception as error:
            raise ProofRefused(
                "图片不完整或已损坏，请重新拍摄或导出", code="proof-damaged"
            ) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_POINTS or max(width, height) > MAX_SIDE:
        raise ProofRefused("图片尺寸过大（超过五千万像素），请缩小后上传", code="proof-too-large")


def _encode(picture: Image.Image, *, png: bool) -> tuple[str, bytes]:
    if not png:
        picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))  # decodes at a half or a quarter if larger
    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright.convert("RGBA"))
    plain = Image.new("RGB", upright.size)
    plain.paste(upright.convert("RGB"))  # a new picture has no metadata to forget
    plain.thumbnail((KEPT_SIDE, KEPT_SIDE))
    into = io.BytesIO()
    if png:
        plain.save(into, "PNG")
    else:
        plain.save(into, "JPEG", quality=88)
    return ("image/png" if png else "image/jpeg"), into.getvalue()


def shown_name(sent: str | None) -> str:
    """A file's name as its owner knows it, fit for a screen: no folders, nothing invisible."""
    name = PurePosixPath((sent or "").replace("\\", "/")).name
    seen = "".join(c for c in name if unicodedata.category(c)[0] not in "CZ" or c == " ").strip()
    return seen[-MAX_NAME:] or "—"
