"""Where media files live, below the media folder. No name here comes from a client.

uploads/<upload id>            bytes of an unfinished upload
sources/<random>/source        the author's file; of older videos: sources/<asset id>/source
assets/<asset id>/<run>/…      renditions; a run is published by one rename
pictures/<2 hex>/<id>          of pages and questions
files/<2 hex>/<id>             of file units
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from media.vaults import FolderVault, Vault
from zhixin.errors import OutOfSpace

#: Uploads are refused when less than this would remain, so that the database can go on.
RESERVE_BYTES = 512 * 1024**2


class MediaStore:
    """The local media folder, and the vault in which what is finished is kept."""

    def __init__(self, root: Path, vault: Vault | None = None) -> None:
        self.root = root
        self.vault: Vault = vault or FolderVault(root)

    def upload(self, upload_id: str) -> Path:
        return self._made("uploads") / upload_id

    def source(self, asset_id: int) -> Path:
        return self._made("sources", str(asset_id)) / "source"

    def run(self, asset_id: int, run: str) -> Path:
        return self._made("assets", str(asset_id)) / run

    @property
    def kept_here(self) -> bool:
        """Is what is finished in the media folder itself?"""
        return isinstance(self.vault, FolderVault)

    def local(self, key: str) -> AbstractContextManager[Path]:
        """What is kept under ``key`` as a local file, while the context lasts."""
        return self.vault.local(key, self._made("scratch"))

    @contextmanager
    def fetched(self, key: str, meanwhile: Callable[[Callable[[], Path]], Path]) -> Iterator[Path]:
        """``local``, fetched by ``meanwhile``, which keeps a claim while it lasts."""
        with ExitStack() as stack:
            coming = self.local(key)
            yield meanwhile(lambda: stack.enter_context(coming))

    def has(self, key: str) -> bool:
        """Is anything kept under ``key``?"""
        try:
            self.vault.size(key)
        except FileNotFoundError:
            return False
        return True

    def keep_run(self, run: Path) -> None:
        """Bring the renditions of a finished run to where they are served from."""
        if self.kept_here:
            return
        for path in sorted(run.rglob("*")):
            if path.is_file():
                self.vault.put(self.relative(path), path)
        shutil.rmtree(run, ignore_errors=True)

    def drop_run(self, run: Path) -> None:
        """Forget the renditions of a run."""
        shutil.rmtree(run, ignore_errors=True)
        if not self.kept_here:
            self.vault.remove_all(self.relative(run))

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
