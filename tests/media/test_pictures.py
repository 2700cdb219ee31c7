"""Pictures of pages and questions: what is kept is never what a stranger sent."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy.orm import Session

from media import pictures, reencoding
from media.errors import PictureRefused
from zhixin import richtext
from zhixin.config import Settings
from zhixin.people.models import Person, Role


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, picture_bytes=5000)


def drawn(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    into = io.BytesIO()
    Image.new("RGB", size, "orange").save(into, kind, **options)  # type: ignore[arg-type]
    return into.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that promises ``width`` × ``height`` points."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))  # fmt: skip

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/png")],
)
def test_a_picture_is_kept_without_what_came_beside_it(kind: str, kept: str) -> None:
    """Place, device, remarks, and whatever hides behind the last byte are gone; points stay."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    noted = drawn(kind, **({} if kind == "GIF" else {"exif": exif})) + b"<script>SECRET</script>"
    encoded = reencoding.encode(noted)
    assert encoded[0] == kept
    assert (encoded.width, encoded.height) == (60, 40)
    assert b"SECRET" not in encoded.content
    with Image.open(io.BytesIO(encoded.content)) as again:
        assert not again.getexif()
        red, green, blue = again.convert("RGB").getpixel((30, 20))  # type: ignore[misc]
    assert abs(red - 255) + abs(green - 165) + blue < 20


def test_a_lying_photo_is_stood_up() -> None:
    """Telephones note how they were held; the note goes, so the points are turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    encoded = reencoding.encode(drawn("JPEG", exif=exif))
    assert (encoded.width, encoded.height) == (40, 60)


def test_a_moving_picture_moves_on() -> None:
    """An animation keeps its frames and their time."""
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "green", "blue")]
    into = io.BytesIO()
    frames[0].save(into, "GIF", save_all=True, append_images=frames[1:], duration=250)
    encoded = reencoding.encode(into.getvalue())
    with Image.open(io.BytesIO(encoded.content)) as again:
        assert (encoded.media_type, again.n_frames, again.info["duration"]) == ("image/gif", 3, 250)  # type: ignore[attr-defined]


def test_large_ones_are_made_smaller() -> None:
    """No page shows more than 2560 points of a side."""
    encoded = reencoding.encode(drawn("JPEG", (5200, 2600)))
    assert (encoded.width, encoded.height) == (2560, 1280)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            "picture-kind",
        ),
        (b"%PDF-1.4", "picture-kind"),
        (b"", "picture-kind"),
        (drawn("PNG")[:-30], "picture-damaged"),
        (drawn("JPEG")[:300], "picture-damaged"),
        (b"GIF89a" + b"\xff" * 50, "picture-damaged"),
        (bomb(30_000, 30_000), "picture-too-large"),
        (bomb(20_001, 1), "picture-too-large"),
        (bomb(2_000_000, 2_000_000), "picture-too-large"),
    ],
)
def test_what_is_no_harmless_picture_is_refused(sent: bytes, code: str) -> None:
    """SVG runs scripts, a bomb fills the memory, half a picture helps nobody."""
    with pytest.raises(PictureRefused) as refused:
        reencoding.encode(sent)
    assert refused.value.code == code


@hypothesis.settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]),
    changes=st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=4)), max_size=6
    ),
    end=st.integers(0, 10**6),
)
def test_damage_is_refused_or_harmless(
    kind: str, changes: list[tuple[int, bytes]], end: int
) -> None:
    """Whatever is done to a picture's bytes, an author hears of it in words."""
    sent = bytearray(drawn(kind))
    for at, written in changes:
        sent[at % len(sent) : at % len(sent) + len(written)] = written
    try:
        encoded = reencoding.encode(bytes(sent[: end % (len(sent) * 2)]))
    except PictureRefused:
        return
    with Image.open(io.BytesIO(encoded.content)) as again:
        again.load()


def test_an_authors_picture_is_served_to_who_is_signed_in(
    create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient], app: Flask
) -> None:
    """Sent, written into a page, shown to a learner: as a picture and as nothing else."""
    author, learner = sign_in(create_person("author", Role.AUTHOR)), sign_in(create_person("l"))
    answer = author.post(
        "/api/v1/pictures",
        data={"file": (io.BytesIO(drawn()), "图.png"), "words": "曲线 [a](b)"},
    )
    assert answer.status_code == 201
    sent = answer.get_json()
    assert (sent["width"], sent["height"]) == (60, 40)
    assert f'<img src="{sent["url"]}"' in richtext.render(sent["markdown"])
    shown = learner.get(sent["url"])
    assert shown.status_code == 200
    assert shown.content_type == "image/png"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "immutable" in shown.headers["Cache-Control"]
    again = learner.get(sent["url"], headers={"If-None-Match": shown.headers["ETag"]})
    assert again.status_code == 304
    assert app.test_client().get(sent["url"]).status_code == 302
    assert learner.get("/pictures/" + "0" * 32).status_code == 404


def test_the_same_picture_is_kept_once_for_each_author(
    app: Flask,
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Again by the same author it is the same; another author's is another."""
    one, other = create_person("one", Role.AUTHOR), create_person("other", Role.AUTHOR)
    ids = [
        sign_in(who).post("/api/v1/pictures", data={"file": (io.BytesIO(drawn()), "a")}).get_json()["id"]
        for who in (one, one, other)
    ]  # fmt: skip
    assert ids[0] == ids[1] != ids[2]
    store = app.extensions["media_store"]
    assert len(list(store.vault.list("pictures"))) == 2
    assert pictures.content(session, store, ids[0])[0] == "image/png"
    assert pictures.missing(session, {ids[0], "f" * 32}) == {"f" * 32}


def test_a_refused_picture_leaves_nothing(
    app: Flask, create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient]
) -> None:
    """Told in words, with the code; the vault stays empty."""
    client = sign_in(create_person("author", Role.AUTHOR))
    for content, code in (
        (b"<svg/>", "picture-kind"),
        (b"", "picture-empty"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 5000, "picture-too-large"),
    ):
        answer = client.post("/api/v1/pictures", data={"file": (io.BytesIO(content), "a.png")})
        assert answer.status_code == 422
        assert answer.get_json()["type"] == f"/docs/errors#{code}"
    assert not list(app.extensions["media_store"].vault.list("pictures"))


#: Peak of this process's memory while the largest picture that may be sent is encoded, in MiB.
_PEAK = """
import io, re, sys
from PIL import Image
from media import reencoding
sent = io.BytesIO()
Image.new("RGB", (7100, 7100)).save(sent, "PNG", compress_level=1)
open("/proc/self/clear_refs", "w").write("5")
assert reencoding.encode(sent.getvalue()).width == reencoding.KEPT_SIDE
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


def test_the_largest_picture_is_not_copied_at_its_size() -> None:
    """Its 200 MB of points are in memory once, whatever is done with them."""
    told = subprocess.run(
        [sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True
    ).stdout
    assert int(told) < 450
