"""What an author's videos are, asked before another is sent."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from pydantic import Field

from media import uploads
from zhixin import access, api, db
from zhixin.people.models import Role

blueprint = api.api_blueprint("media_assets", "上传前比对已有的视频")


class SameSizeQuery(api.Model):
    # "bytes" would hide the type of that name.
    size: int = Field(ge=1, lt=10**18, description="of the file, in bytes")


class SameSizeOut(api.Model):
    """Whether it is worth working out a file's hash."""

    any: bool = Field(description="one of your ready videos has exactly this size")


@blueprint.get(
    "/assets/same-size", summary="Is a video of this size here?", responses={200: SameSizeOut}
)
@access.only(Role.AUTHOR)
def same_size(query: SameSizeQuery) -> ResponseReturnValue:
    """Of one's own ready videos, not of others'. If none has the size, no hash will be known."""
    found = uploads.any_sized(db.session(), access.person().id, query.size)
    return SameSizeOut(any=found).model_dump(mode="json")
