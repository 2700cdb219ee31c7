"""The PDF: a pure function of the snapshot and the design folder (Typst)."""

from __future__ import annotations

import io
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import segno
import typst

from zhixin import clock, pages
from zhixin.people.names import mask_name


@cache
def _fonts() -> typst.Fonts:
    folder = pages.resource_dir("static") / "dist" / "fonts"
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)]
    )


def design_dir() -> Path:
    """The folder a designer may change: one ``.typ`` file for each kind of certificate."""
    return pages.resource_dir("templates") / "certificates" / "design"


def pdf(snapshot: dict[str, Any], *, address: str, credential: str | None = None) -> bytes:
    """The certificate as PDF; the same bytes for the same arguments.

    It is PDF/A-3b, and carries the credential as an attachment, so that one file is both. Where a
    name has a character that no font draws, the standard has to go, not the person.

    Args:
        snapshot: see ``issuing``; the full name is printed, the identity number masked.
        address: public verification address, printed and put into the QR code.
        credential: the credential file; None while there is none.
    """
    issued = datetime.fromisoformat(snapshot["issued_at"])
    data = {
        **snapshot,
        "address": address,
        "qr": _qr(address),
        "issued_on": clock.local(issued).strftime("%Y 年 %m 月 %d 日"),
        "rare": rare(snapshot["person"]["name"]),
    }
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    if credential is not None:
        inputs["credential"] = credential
    compiler = typst.Compiler(
        design_dir() / f"{snapshot['kind']}.typ",
        root=design_dir(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs=inputs,
    )
    moment = int(issued.timestamp())
    try:
        made = compiler.compile(format="pdf", timestamp=moment, pdf_standards="a-3b")
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        made = compiler.compile(format="pdf", timestamp=moment)
    assert isinstance(made, bytes)
    return made


def _qr(address: str) -> str:
    qr = io.BytesIO()
    segno.make(address, error="m").save(qr, kind="svg", border=0, xmldecl=False, svgns=True)
    return qr.getvalue().decode()


def rare(name: str) -> list[str]:
    """Characters of a name beyond Unicode's first plane, with their code points.

    They are printed beside the name: whoever has no font for them can still tell which they are.
    """
    return [f"{c} U+{ord(c):X}" for c in dict.fromkeys(name) if ord(c) > 0xFFFF]


def public_facts(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What a stranger may read: the name masked, no identity number, no employer."""
    facts = snapshot["facts"]
    return {
        "number": snapshot["number"],
        "kind": snapshot["kind"],
        "year": snapshot["year"],
        "name": mask_name(snapshot["person"]["name"]),
        "title": facts.get("title"),
        "subject_kind": facts.get("subject_kind"),
        "hours": facts["hours"],
        "earned": facts.get("earned"),
        "kinds": facts.get("kinds"),
        "rows": facts.get("rows"),
        "years": facts.get("years"),
        "earned_at": facts.get("earned_at"),
        "issued_at": snapshot["issued_at"],
        "issuer": snapshot["issuer"],
    }
