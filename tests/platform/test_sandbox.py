"""Tools on strangers' files: bounded, alone, and gone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zhixin import sandbox

if not sandbox.layers().whole:  # the operator is told by `zhixin doctor`
    pytest.skip("this kernel confines nothing", allow_module_level=True)

Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """A program of a stranger's, who has got hold of the tool."""

    def run(
        code: str, *, bounds: sandbox.Bounds | None = None, reads: tuple[Path, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        command = sandbox.wrap(
            [sys.executable, "-S", "-c", code],
            folder=folder,
            reads=reads,
            bounds=bounds or sandbox.Bounds(),
        )
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=30)

    return run


def test_it_writes_into_its_own_folder_only(python: Python, tmp_path: Path) -> None:
    """Beside it nothing can be made, changed, removed or linked to."""
    beside = tmp_path / "beside"
    beside.write_text("kept")
    ran = python(f"""
import os, shutil
open("made", "w").write("own"); os.mkdir("d"); os.rename("made", "d/made"); shutil.rmtree("d")
refused = []
for name, attempt in dict(
    make=lambda: open("../new", "w"), change=lambda: open({str(beside)!r}, "a"),
    shorten=lambda: os.truncate({str(beside)!r}, 0), remove=lambda: os.remove({str(beside)!r}),
    symlink=lambda: os.symlink({str(beside)!r}, "link"), hardlink=lambda: os.link({str(beside)!r}, "link"),
).items():
    try: attempt()
    except OSError: refused.append(name)
print(*refused)
""")
    assert ran.stdout.split() == "make change shorten remove symlink hardlink".split(), ran.stderr
    assert beside.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "own"]


def test_it_reads_what_it_was_given_and_no_other_file(python: Python, tmp_path: Path) -> None:
    """Not the system's accounts, not other files of this platform, not other processes."""
    given, other = tmp_path / "given", tmp_path / "other"
    given.write_text("given")
    other.write_text("other")
    ran = python(
        f"""
print(open({str(given)!r}).read())
for path in {str(other)!r}, "/etc/passwd", "/proc/{os.getpid()}/environ", {__file__!r}:
    try: print(open(path).read())
    except OSError: print("refused")
""",
        reads=(given,),
    )
    assert ran.stdout.split() == ["given", *["refused"] * 4], ran.stderr


def test_a_symbolic_link_is_not_followed(python: Python, tmp_path: Path) -> None:
    """What was to be read turns out to be a way elsewhere."""
    link = tmp_path / "video.mp4"
    link.symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match=r"video\.mp4"):
        python("", reads=(link,))


def test_it_reaches_no_network(python: Python) -> None:
    """A server on this very machine sees nobody, by whatever kind of socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        ran = python(f"""
import socket
for family, kind in (2, 1), (2, 2), (10, 1), (1, 1):
    try:
        with socket.socket(family, kind) as s: s.connect(("127.0.0.1", {server.getsockname()[1]}))
    except OSError: print("refused")
""")
        assert ran.stdout.split() == ["refused"] * 4, ran.stderr
        with pytest.raises(TimeoutError):
            server.accept()


def test_it_inherits_no_secret(python: Python, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is made anew."""
    monkeypatch.setenv("ZHIXIN_SECRET_KEY", "0" * 64)
    ran = python("import os, json; print(json.dumps([*os.environ]))")
    assert sorted(json.loads(ran.stdout)) == sorted(
        ["PATH", "LANG", "HOME", "TMPDIR", "MALLOC_ARENA_MAX"]
    ), ran.stderr


@pytest.mark.parametrize(
    ("bounds", "code", "end"),
    [
        (sandbox.Bounds(memory_bytes=256 << 20), "x = bytearray(300 << 20)", 1),
        (sandbox.Bounds(cpu_s=1), "while True: pass", -signal.SIGKILL),
        (sandbox.Bounds(file_bytes=1 << 20), "open('x', 'wb').write(bytes(2 << 20))", 1),
        (sandbox.Bounds(open_files=20), "x = [open('/dev/null') for _ in range(30)]", 1),
    ],
    ids=["memory", "processor", "file", "open files"],
)
def test_it_ends_at_its_bounds(python: Python, bounds: sandbox.Bounds, code: str, end: int) -> None:
    """Memory that explodes, a loop without end, a file without end, files without number."""
    assert python(code, bounds=bounds).returncode == end


def test_it_signals_nobody_outside(python: Python) -> None:
    ran = python(f"import os; os.kill({os.getpid()}, 0)")
    assert "PermissionError" in ran.stderr


def test_it_dies_with_its_worker(tmp_path: Path) -> None:
    """A worker killed outright leaves no process behind, and the next sweep no folder."""
    code = f"""
import subprocess, sys
from pathlib import Path
from zhixin import sandbox
with sandbox.scratch(Path({str(tmp_path)!r})) as folder:
    (folder / "large").write_bytes(bytes(1000))
    tool = subprocess.Popen(sandbox.wrap([sys.executable, "-S", "-c", "print(1, flush=True); import time; time.sleep(60)"], folder=folder), stdout=subprocess.PIPE)
    tool.stdout.readline()
    print(tool.pid, flush=True)
    tool.wait()
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as worker:
        assert worker.stdout is not None
        tool = int(worker.stdout.readline())
        assert sandbox.collect(tmp_path) == 0  # it is at work
        worker.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{tool}").exists() and "Z" not in Path(f"/proc/{tool}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [*tmp_path.iterdir()]
    assert sandbox.collect(tmp_path) == 1
    assert [*tmp_path.iterdir()] == []


def test_a_folder_is_gone_whatever_happens(tmp_path: Path) -> None:
    def fail() -> None:
        with sandbox.scratch(tmp_path) as folder:
            (folder / "deep" / "er").mkdir(parents=True)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [*tmp_path.iterdir()] == []


def test_what_lies_beside_the_folders_is_left_alone(tmp_path: Path) -> None:
    """A link among them leads the collector nowhere."""
    kept = tmp_path / "kept"
    kept.mkdir()
    root = tmp_path / "scratch"
    root.mkdir()
    (root / "link").symlink_to(kept)
    (root / "file").write_text("")
    assert sandbox.collect(root) == 0
    assert kept.is_dir()
