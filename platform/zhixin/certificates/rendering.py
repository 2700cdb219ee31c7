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


def pdf(snapshot: dict[str, Any], *, address: str) -> bytes:
    """The certificate as PDF; the same bytes for the same snapshot and address.

    Args:
        snapshot: see ``issuing``; the full name is printed, the identity number masked.
        address: public verification address, printed and put into the QR code.
    """
    qr = io.BytesIO()
    segno.make(address, error="m").save(qr, kind="svg", border=0, xmldecl=False, svgns=True)
    issued = datetime.fromisoformat(snapshot["issued_at"])
    data = {
        **snapshot,
        "address": address,
        "qr": qr.getvalue().decode(),
        "issued_on": clock.local(issued).strftime("%Y 年 %m 月 %d 日"),
    }
    made = typst.Compiler(
        design_dir() / f"{snapshot['kind']}.typ",
        root=design_dir(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
    ).compile(
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=int(issued.timestamp()),
    )
    assert isinstance(made, bytes)
    return made


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
        "kinds": facts.get("kinds"),
        "rows": facts.get("rows"),
        "earned_at": facts.get("earned_at"),
        "issued_at": snapshot["issued_at"],
        "issuer": snapshot["issuer"],
    }
