"""Starting the platform's processes."""

from __future__ import annotations

import os
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
