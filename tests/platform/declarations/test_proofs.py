"""Every uploaded file is hostile."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.platform.declarations.declared import picture
from zhixin.declarations import proofs
from zhixin.declarations.errors import ProofRefused
from zhixin.declarations.storage import ORPHAN_SECONDS, ProofStore
from zhixin.errors import NotFound

MAX = 2**20
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\ntrailer << >>\nstartxref\n9\n%%EOF\n"


def _refused(sent: bytes) -> str:
    with pytest.raises(ProofRefused) as refusal:
        proofs.check(sent, MAX)
    return refusal.value.code


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_pictures_are_taken(kind: str, media_type: str) -> None:
    """By what they are; what is kept can be opened."""
    checked = proofs.check(picture(kind=kind), MAX)
    assert checked.media_type == media_type
    assert Image.open(io.BytesIO(checked.content)).size == (40, 30)


def test_a_pdf_is_kept_as_it_came() -> None:
    """Its bytes are what its owner can show elsewhere."""
    assert proofs.check(PDF, MAX).content == PDF


def test_where_a_picture_was_taken_is_forgotten() -> None:
    """Neither place nor device nor hidden text survive; the picture stands upright."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SecretPhone"  # turned by 90°, its maker
    exif[0x8825] = {1: "N", 2: (29.0, 33.0, 0.0)}  # GPS
    into = io.BytesIO()
    Image.new("RGB", (40, 30)).save(into, "JPEG", exif=exif, comment=b"hidden")
    kept = proofs.check(into.getvalue(), MAX).content
    opened = Image.open(io.BytesIO(kept))
    assert opened.size == (30, 40)
    assert not dict(opened.getexif())
    assert b"SecretPhone" not in kept
    assert b"hidden" not in kept


def test_what_hides_behind_a_picture_is_not_kept() -> None:
    """A picture that is also a page or an archive is only a picture afterwards."""
    kept = proofs.check(picture() + b"<script>alert(1)</script>", MAX).content
    assert b"script" not in kept


def test_a_note_of_the_wrong_type_is_damage() -> None:
    """A resolution that is a word: the decoder itself trips over it, and nothing else does."""
    tags = struct.pack(">HHHI4sHHI4sI", 2, 0x0112, 3, 1, b"\0\6\0\0", 0x011A, 2, 2, b"x\0\0\0", 0)
    into = io.BytesIO()
    Image.new("RGB", (20, 20)).save(into, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08" + tags)
    assert _refused(into.getvalue()) == "proof-damaged"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(mode: str) -> None:
    """Scanners write bitmaps, screenshots have transparency."""
    into = io.BytesIO()
    Image.new(mode, (20, 20)).save(into, "PNG")
    assert proofs.check(into.getvalue(), MAX).media_type == "image/png"


def test_a_large_picture_is_kept_at_the_size_of_a_printed_page() -> None:
    """What a reader needs, not what a camera can."""
    sent = picture(kind="JPEG", size=(6000, 3000))
    assert Image.open(io.BytesIO(proofs.check(sent, MAX).content)).size == (3600, 1800)


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(60_000, 60_000), (8000, 8000), (100_000, 10), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    """A small file that says it has billions of points costs nothing."""
    begun = time.perf_counter()
    assert _refused(_png_that_claims(*size)) in ("proof-too-large", "proof-damaged")
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "proof-empty"),
        (b"x" * (MAX + 1), "proof-too-large"),
        (b"<html><script>alert(1)</script>", "proof-kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "proof-kind"),
        (b"GIF89a" + bytes(100), "proof-kind"),
        (b"PK\x03\x04" + bytes(100), "proof-kind"),
        (b"MZ" + bytes(100), "proof-kind"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "proof-damaged"),
        (picture()[:60], "proof-damaged"),
        (b"%PDF-1.7\n<script>", "proof-damaged"),
        (b"%PDF-9.9" + PDF[8:], "proof-damaged"),
        (PDF.replace(b"/Catalog", b"/Catalog /Encrypt 5 0 R"), "proof-encrypted"),
        (PDF.replace(b"/Catalog", b"/Catalog /S /JavaScript"), "proof-active"),
    ],
)
def test_what_is_no_proof_is_refused_with_its_reason(sent: bytes, code: str) -> None:
    """By content, whatever the name says."""
    assert _refused(sent) == code


@given(
    st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n"])
)
def test_random_bytes_are_refused_and_nothing_else_happens(tail: bytes, head: bytes) -> None:
    """Whatever a decoder stumbles over is one refusal."""
    assert _refused(head + tail).startswith("proof-")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("C:\\我的\\证明.pdf", "证明.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("\r\nSet-Cookie: x", "Set-Cookie: x"),
        (None, "—"),
    ],
)
def test_names_are_fit_for_a_screen(sent: str | None, shown: str) -> None:
    """No folders, nothing that turns the writing round or breaks a line."""
    assert proofs.shown_name(sent) == shown


def test_the_store_keeps_a_content_once_and_notices_damage(tmp_path: Path) -> None:
    """A file is what its name says, or it is missing."""
    store = ProofStore(tmp_path)
    name = store.keep(b"proof")
    assert store.keep(b"proof") == name
    assert store.load(name) == b"proof"
    assert len(list(store.names())) == 1
    store.path(name).write_bytes(b"forged")
    with pytest.raises(NotFound):
        store.load(name)


def test_the_sweeper_leaves_what_is_named_or_young(tmp_path: Path) -> None:
    """A file may be younger than the row that will name it."""
    store = ProofStore(tmp_path)
    named, young, orphan = (store.keep(each) for each in (b"a", b"b", b"c"))
    old = time.time() - ORPHAN_SECONDS - 60
    for each in (named, orphan):
        os.utime(store.path(each), (old, old))
    assert store.sweep({named}) == 1
    assert {path.name for path in store.names()} == {named, young}
