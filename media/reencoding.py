"""A stranger's picture, decoded and encoded anew: its points and nothing else.

No place where it was taken, no device, no colour profile, no hidden payload is kept. What Pillow
says of hostile bytes, whatever it is, means the same to an author.
"""

from __future__ import annotations

import io
import threading
from typing import NamedTuple

from PIL import Image, ImageOps, ImageSequence

from media.errors import PictureRefused

#: A telephone's picture has 12 to 50 million points; a bomb says it has billions.
MAX_POINTS = 51_000_000
MAX_SIDE = 20_000
#: All frames of a moving picture together, and their number.
MAX_MOVING_POINTS = 30_000_000
MAX_FRAMES = 300
#: Long side of what is kept: twice what a page shows.
KEPT_SIDE = 2560
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
#: Encoding one takes up to 300 MB, of one that can be seen through 500 MB: pictures wait their turn
#: instead of filling the memory.
_at_once = threading.BoundedSemaphore(2)


class Encoded(NamedTuple):
    """A picture as it is kept; sides in pixels."""

    media_type: str
    content: bytes
    width: int
    height: int


def encode(sent: bytes) -> Encoded:
    """``sent`` as it may be kept: PNG, JPEG or WebP; GIF only if it moves.

    Raises:
        PictureRefused: none of the four kinds, damaged, or larger than anybody needs.
    """
    if not _looks_like_one(sent):
        raise PictureRefused("picture-kind")
    with _at_once:
        try:
            with Image.open(io.BytesIO(sent), formats=FORMATS) as picture:
                _check_size(*picture.size)
                frames = getattr(picture, "n_frames", 1)
                return _moving(picture, frames) if frames > 1 else _still(picture)
        except PictureRefused:
            raise
        except Image.DecompressionBombError:
            raise PictureRefused("picture-too-large") from None
        except Exception as error:
            raise PictureRefused("picture-damaged") from error


def _looks_like_one(sent: bytes) -> bool:
    return sent.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")) or (
        sent[:4] == b"RIFF" and sent[8:12] == b"WEBP"
    )


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_POINTS or max(width, height) > MAX_SIDE:
        raise PictureRefused("picture-too-large")


def _still(picture: Image.Image) -> Encoded:
    kind = picture.format
    if kind == "JPEG":
        picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))  # decodes at a half or a quarter if larger
    picture = _as_kept(picture)
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE))  # first: each copy of the whole is as large again
    plain = _points(ImageOps.exif_transpose(picture))
    into = io.BytesIO()
    if kind == "JPEG":
        plain.save(into, "JPEG", quality=88, optimize=True)
        return Encoded("image/jpeg", into.getvalue(), *plain.size)
    if kind == "WEBP":
        plain.save(into, "WEBP", quality=90)
        return Encoded("image/webp", into.getvalue(), *plain.size)
    plain.save(into, "PNG")
    return Encoded("image/png", into.getvalue(), *plain.size)


def _moving(picture: Image.Image, frames: int) -> Encoded:
    if frames > MAX_FRAMES or frames * picture.width * picture.height > MAX_MOVING_POINTS:
        raise PictureRefused("picture-too-long")
    kind = picture.format if picture.format in ("GIF", "WEBP") else None
    if kind is None:  # APNG, MPO: the first is enough
        return _still(picture)
    shown, lengths = [], []
    for frame in ImageSequence.Iterator(picture):
        shown.append(_points(frame))
        lengths.append(max(20, int(frame.info.get("duration") or 100)))
    into = io.BytesIO()
    shown[0].save(
        into, kind, save_all=True, append_images=shown[1:], duration=lengths, loop=0, disposal=2
    )
    return Encoded(f"image/{kind.lower()}", into.getvalue(), *picture.size)


def _as_kept(picture: Image.Image) -> Image.Image:
    """In grey or colours; the same picture if it is so already."""
    if picture.mode.startswith("I"):  # 16 bits a point
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in "1L" else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _points(picture: Image.Image) -> Image.Image:
    """A new picture with the same points: it has no metadata to forget."""
    picture = _as_kept(picture)
    plain = Image.new(picture.mode, picture.size)
    plain.paste(picture)
    return plain
