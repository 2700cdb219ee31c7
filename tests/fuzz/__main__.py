"""``python tests/fuzz/__main__.py SECONDS READER``: atheris on one of ``readers.READERS``. Only refusals
in words (``DomainError``) may come out; anything else stops the run and is written to ``crash-…``.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assessments", "courses", "media", "zhixin"]):
    from readers import READERS, seeds

    from zhixin.errors import DomainError


def main() -> None:
    seconds, name = int(sys.argv[1]), sys.argv[2]
    read = READERS[name]

    def one(content: bytes) -> None:
        with contextlib.suppress(DomainError):
            read(content)

    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for at, sound in enumerate(seeds(name)):
        (folder / str(at)).write_bytes(sound)
    options = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
