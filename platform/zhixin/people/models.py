"""Accounts, roles, organisations, sign-ins and tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, one_of


class OrganisationKind(StrEnum):
    CITY = "city"
    BUREAU = "bureau"
    DISTRICT = "district"
    EMPLOYER = "employer"


class Role(StrEnum):
    LEARNER = "learner"
    AUTHOR = "author"
    REVIEWER = "reviewer"
    EMPLOYER = "employer"  # 用人单位: first look at what its people declare
    BUREAU = "bureau"  # 主管部门: the second
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class TitleLevel(StrEnum):
    """职称 levels: none yet, 初级, 中级, 高级."""

    NONE = "none"
    JUNIOR = "junior"
    INTERMEDIATE = "intermediate"
    SENIOR = "senior"


class Organisation(Base):
    """A unit of the programme; a tree: city → bureaus and districts → employers."""

    __tablename__ = "organisation"
    __table_args__ = (one_of("kind", OrganisationKind), sa.UniqueConstraint("parent_id", "name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[OrganisationKind] = mapped_column(sa.String(16))
    name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT"), index=True
    )


class Person(UserMixin, Base):  # type: ignore[misc]
    """One human being with one account; never deleted while evidence names them."""

    __tablename__ = "person"
    __table_args__ = (
        one_of("title_level", TitleLevel),
        sa.CheckConstraint("locale IN ('zh', 'en')", name="locale_known"),
        sa.CheckConstraint("extended_time_percent BETWEEN 100 AND 400", name="extended_time"),
        sa.CheckConstraint(
            "(id_number_cipher IS NULL) = (id_number_digest IS NULL)", name="id_number_whole"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    password_hash: Mapped[str]
    name: Mapped[str] = mapped_column(sa.String(64))
    # 身份证号: encrypted, with a keyed digest so that one person has one account.
    id_number_cipher: Mapped[bytes | None]
    id_number_digest: Mapped[bytes | None] = mapped_column(unique=True)
    # First three and last four characters with stars between, for screens.
    id_number_masked: Mapped[str | None] = mapped_column(sa.String(18))
    employer_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT"), index=True
    )
    title_level: Mapped[TitleLevel] = mapped_column(sa.String(16), default=TitleLevel.NONE)
    title_name: Mapped[str] = mapped_column(sa.String(64), default="")
    locale: Mapped[str] = mapped_column(sa.String(2), default="zh")
    active: Mapped[bool] = mapped_column(default=True)
    # Of the usual time to answer: more for who needs it (WCAG 2.2, 2.2.1).
    extended_time_percent: Mapped[int] = mapped_column(default=100, server_default="100")
    created_at: Mapped[datetime]

    employer: Mapped[Organisation | None] = relationship(lazy="joined")
    grants: Mapped[list[RoleGrant]] = relationship(lazy="selectin", back_populates="person")

    def get_id(self) -> str:
        """Flask-Login keeps the sign-in's token, not the person: sign-ins can be ended."""
        return self.sign_in_token

    # Set by the loader for this request only.
    sign_in_token = ""
    sign_in_id = 0
    sign_in_stale = False

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(Role(grant.role) for grant in self.grants)


class RoleGrant(Base):
    """A role, over everything or scoped to one organisation and those below it."""

    __tablename__ = "role_grant"
    __table_args__ = (
        one_of("role", Role),
        sa.Index(
            "uq_role_grant_everywhere",
            "person_id",
            "role",
            unique=True,
            sqlite_where=sa.text("organisation_id IS NULL"),
            postgresql_where=sa.text("organisation_id IS NULL"),
        ),
        sa.UniqueConstraint("person_id", "role", "organisation_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(sa.String(16))
    organisation_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT"), index=True
    )
    person: Mapped[Person] = relationship(back_populates="grants")


class SignIn(Base):
    """One signed-in browser. The cookie holds a random token, this row its SHA-256."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(300))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SignInFailure(Base):
    """A failed sign-in; counted by name and by address, then swept."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        sa.Index(None, "sign_in_name", "failed_at"),
        sa.Index(None, "address", "failed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sign_in_name: Mapped[str] = mapped_column(sa.String(64))
    address: Mapped[str] = mapped_column(sa.String(45))
    failed_at: Mapped[datetime]


class Token(Base):
    """A bearer token of an integrator, acting as its person within ``scopes``."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(64))
    digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
