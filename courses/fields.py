"""The programme's fields: data with a validity period, shipped with the plan's lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from importlib.resources import files

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from courses.models import Field, FieldGroup
from zhixin import clock, db, pages


def ensure_shipped(session: Session) -> None:
    """Add the plan's 14 + 9 fields where they are missing; never touches what is there."""
    shipped = json.loads(files("courses").joinpath("data/fields.json").read_text())
    known = set(session.scalars(sa.select(Field.code)))
    for group, fields in shipped["groups"].items():
        for position, field in enumerate(fields):
            if field["code"] not in known:
                session.add(
                    Field(
                        code=field["code"],
                        group=FieldGroup(group),
                        zh=field["zh"],
                        en=field["en"],
                        aliases=field.get("alias", []),
                        position=position,
                        valid_from=date.fromisoformat(shipped["valid_from"]),
                    )
                )
    session.flush()


def valid(session: Session, on: date) -> Sequence[Field]:
    """The fields of the list in force on a day (the city's), in the plan's order."""
    return session.scalars(
        sa.select(Field)
        .where(Field.valid_from <= on, sa.or_(Field.valid_to.is_(None), Field.valid_to > on))
        .order_by(Field.group.desc(), Field.position)
    ).all()


def names(session: Session) -> dict[str, str]:
    """What every field, past ones too, is called in the reader's language, by its code."""
    found = session.scalars(sa.select(Field).order_by(Field.group.desc(), Field.position))
    english = pages.is_english()
    return {field.code: field.en if english else field.zh for field in found}


def init_app(app: Flask) -> None:
    """Question banks are kept by field, and know nothing of where fields come from."""

    def in_force() -> dict[str, str]:
        codes = [field.code for field in valid(db.session(), clock.local(clock.now()).date())]
        called = names(db.session())
        return {code: called[code] for code in codes}

    app.extensions["bank_fields"] = in_force
    app.extensions["bank_field_names"] = lambda: names(db.session())
