"""``/api/v1``: how domains declare JSON routes, and the OpenAPI 3.1 document of all of them.

A domain's ``api.py`` makes ``blueprint = api_blueprint("name", "what it is")`` and declares
``@blueprint.get("/things/<int:thing_id>", responses={200: Thing})`` with ``path``, ``query``
and ``body`` parameters typed as ``Model`` subclasses.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field

from zhixin import access


class Model(BaseModel):
    """A JSON body: unknown fields are refused, NaN and infinities are not numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, from_attributes=True)


class Problem(BaseModel):
    """An RFC 9457 problem document; further members depend on the ``type``."""

    type: str = Field(examples=["/docs/errors#not-found"])
    title: str
    status: int
    detail: str


SECURITY: dict[str, Any] = {
    "session": {"type": "apiKey", "in": "cookie", "name": "zhixin"},
    "token": {"type": "http", "scheme": "bearer"},
}


class ApiBlueprint(APIBlueprint):
    """Reads the types of a view's parameters, never what it returns: ``ResponseReturnValue``
    names types that Flask itself imports for type checkers only."""

    def _collect_openapi_info(self, rule: str, func: Any, **facts: Any) -> tuple[Any, ...]:
        func.__annotations__.pop("return", None)
        collected: tuple[Any, ...] = super()._collect_openapi_info(rule, func, **facts)
        return collected


def api_blueprint(name: str, description: str) -> APIBlueprint:
    """A blueprint under ``/api/v1`` whose routes appear in the OpenAPI document."""
    return ApiBlueprint(
        f"{name}_api",
        f"{name}.api",
        url_prefix="/api/v1",
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"session": []}, {"token": []}],
        abp_responses={"4XX": Problem},
    )


@access.public
def openapi() -> ResponseReturnValue:
    """The OpenAPI 3.1 document of ``/api/v1``."""
    document: dict[str, Any] = current_app.api_doc  # type: ignore[attr-defined]
    return jsonify(document)


def init_app(app: Flask) -> None:
    app.add_url_rule("/api/v1/openapi.json", view_func=openapi)
