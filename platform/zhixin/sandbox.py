"""Tools run on strangers' files: bounded, without network, with one folder and no secret.

``wrap`` makes a command that confines itself before it becomes the tool (``sandbox_launcher``).
Limits of processor, memory, file size and open files, and the clean environment, hold
everywhere; no network and no other file hold where the kernel can do it (Linux: a network
namespace or seccomp; Landlock). ``layers`` says what this machine has, ``zhixin doctor`` shows it.

``scratch`` is a folder for such a tool, gone when left; ``collect`` removes those of workers
that were killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zhixin import sandbox_launcher

#: Where programs and their libraries live. Nothing of a person, a service or this platform does.
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/dev/urandom")
STACK_BYTES = 8 << 20
GUARD = ".lock"


@dataclass(frozen=True)
class Bounds:
    """What one process may take. ``cpu_s`` counts all its threads together.

    ``memory_bytes`` bounds what it allocates; its address space may be twice that, for mapped
    files and what allocators only reserve.
    """

    cpu_s: int = 600
    memory_bytes: int = 4 << 30
    file_bytes: int = 4 << 30
    open_files: int = 256
    nice: int = 10

    def limits(self) -> dict[str, int]:
        """By the name of the system's limit."""
        return {
            "CPU": self.cpu_s,
            "DATA": self.memory_bytes,
            "AS": 2 * self.memory_bytes,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "STACK": STACK_BYTES,
            "CORE": 0,
        }


@dataclass(frozen=True)
class Layers:
    """What the kernel adds: an empty network, only the named files, no sockets at all."""

    network: bool
    files: bool
    calls: bool

    @property
    def whole(self) -> bool:
        """A tool reaches neither a network nor another file."""
        return self.files and (self.network or self.calls)


def wrap(
    command: Sequence[str],
    *,
    folder: Path | None,
    reads: Sequence[Path] = (),
    bounds: Bounds = Bounds(),
) -> list[str]:
    """``command``, confined: it reads ``reads`` and writes into ``folder`` only.

    The process must be started by this one: it ends with it.

    Raises:
        ValueError: something to be read is a symbolic link, which may lead anywhere.
    """
    if links := [path for path in reads if path.is_symlink()]:
        raise ValueError(f"a symbolic link: {links[0].name}")
    program = shutil.which(command[0]) or command[0]
    policy = {
        "parent": os.getpid(),
        "nice": bounds.nice,
        "limits": bounds.limits(),
        "reads": [*SYSTEM, *_programs(program), *(str(path.resolve()) for path in reads)],
        "writes": [str(folder.resolve())] if folder else [],
        "environment": {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder or "/"),
            "TMPDIR": str(folder or "/"),
            # Each thread's own arena would reserve address space by the core.
            "MALLOC_ARENA_MAX": "2",
        },
    }
    return [*_launcher(), json.dumps(policy), program, *command[1:]]


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-S", sandbox_launcher.__file__]


def _programs(program: str) -> list[str]:
    """The program's file, and Python's libraries when it is this Python."""
    if program == sys.executable:
        return [sys.prefix, sys.base_prefix, os.path.realpath(program)]
    return [os.path.realpath(program)]


@cache
def layers() -> Layers:
    """What this machine has, tried out once."""
    policy = {"nice": 0, "limits": {}, "reads": [], "writes": []}
    tried = subprocess.run(
        [*_launcher(), json.dumps(policy)], capture_output=True, timeout=30, check=True
    )
    return Layers(**json.loads(tried.stdout))


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A fresh folder below ``root``, removed however the block is left.

    A lock on the file beside it lives as long as this process: what a killed one left is known by
    that. (Not on the folder itself: network file systems lock only what can be written to.)
    """
    root.mkdir(parents=True, exist_ok=True)
    while True:
        folder = root / secrets.token_hex(8)
        guard = _guard(folder)
        lock = os.open(guard, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if guard.exists():  # not taken for a leftover in between
            break
        os.close(lock)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        guard.unlink(missing_ok=True)
        os.close(lock)


def collect(root: Path) -> int:
    """Remove what is below ``root`` and whose process is gone; says how many folders."""
    removed = 0
    there = [*root.iterdir()] if root.is_dir() else []
    folders = {path for path in there if path.is_dir() and not path.is_symlink()}
    guarded = {path.with_suffix("") for path in there if path.suffix == GUARD}
    for folder in folders | guarded:
        try:
            lock = os.open(_guard(folder), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:  # not ours
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            if folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
            _guard(folder).unlink(missing_ok=True)
        finally:
            os.close(lock)
    return removed


def _guard(folder: Path) -> Path:
    """The file whose lock says that somebody works in ``folder``."""
    return folder.with_name(folder.name + GUARD)
