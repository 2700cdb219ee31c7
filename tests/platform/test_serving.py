"""Starting the platform's processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("process", ["serve", "run"])
def test_a_port_is_not_shared_with_another_server(process: str, tmp_path: Path) -> None:
    """Two servers on one port would each get half of the requests: the second says so and stops."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        started = subprocess.run(
            [sys.executable, "-m", "zhixin", process],
            env=os.environ | {"ZHIXIN_DATA_DIR": str(tmp_path / "var"), "ZHIXIN_PORT": port},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert started.returncode == 1
    assert f"端口 {port} 已被占用" in started.stderr
    assert "Traceback" not in started.stderr
    assert not (tmp_path / "var").exists(), "nothing was begun"


def test_started_is_said_when_somebody_can_come_in(tmp_path: Path) -> None:
    """The address on the screen has the port that was set, and answers when it is there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"ZHIXIN_DATA_DIR": str(tmp_path / "var"), "ZHIXIN_PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "zhixin", "run", "--no-demo"],
        env=os.environ | given | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            said = next(line for line in running.stdout if "知新已启动" in line)
            assert f"http://127.0.0.1:{port} " in said
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        finally:
            running.send_signal(signal.SIGTERM)
            running.stdout.read()
