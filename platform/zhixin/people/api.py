"""Who a token or cookie speaks for."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from pydantic import Field

from zhixin import access, api
from zhixin.people.models import Role, TitleLevel

blueprint = api.api_blueprint("people", "账号")


class RoleOut(api.Model):
    role: Role
    organisation_id: int | None = Field(description="Held there and below; null: everywhere")


class MeOut(api.Model):
    id: int
    sign_in_name: str
    name: str
    id_number_masked: str | None
    employer: str | None
    title_level: TitleLevel
    title_name: str
    locale: str
    roles: list[RoleOut]


@blueprint.get("/me", summary="The signed-in person", responses={200: MeOut})
@access.signed_in
def me() -> ResponseReturnValue:
    """Own facts and roles."""
    person = access.person()
    return MeOut(
        id=person.id,
        sign_in_name=person.sign_in_name,
        name=person.name,
        id_number_masked=person.id_number_masked,
        employer=person.employer.name if person.employer else None,
        title_level=TitleLevel(person.title_level),
        title_name=person.title_name,
        locale=person.locale,
        roles=[RoleOut.model_validate(grant) for grant in person.grants],
    ).model_dump(mode="json")
