"""Where media files live, below the media folder. No name here comes from a client.

uploads/<upload id>            bytes of an unfinished upload
sources/<asset id>/source      the author's file
assets/<asset id>/<run>/…      renditions; a run is published by one rename
"""

from __future__ import annotations

import shutil
from pathlib import Path

from zhixin.errors import OutOfSpace

#: Uploads are refused when less than this would remain, so that the database can go on.
RESERVE_BYTES = 512 * 1024**2


class MediaStore:
    """The local media folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def upload(self, upload_id: str) -> Path:
        return self._made("uploads") / upload_id

    def source(self, asset_id: int) -> Path:
        return self._made("sources", str(asset_id)) / "source"

    def run(self, asset_id: int, run: str) -> Path:
        return self._made("assets", str(asset_id)) / run

    def path(self, relative: str) -> Path:
        """A path that the database keeps, below the media folder."""
        return self.root / relative

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def require_space(self, size: int) -> None:
        """Refuse what would not fit.

        Raises:
            OutOfSpace: storing ``size`` bytes would leave less than the reserve.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.root).free - size < RESERVE_BYTES:
            raise OutOfSpace

    def _made(self, *parts: str) -> Path:
        folder = self.root.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
