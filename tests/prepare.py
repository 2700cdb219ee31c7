"""What the tests need of the machine beside the lock files: a Chromium and Chinese fonts.

PostgreSQL, Redis and FFmpeg come as wheels. Chromium has none, so on a Debian machine
it is installed as a package (as root); elsewhere name one by ``TEST_CHROMIUM``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> None:
    packages = []
    if not (os.environ.get("TEST_CHROMIUM") or shutil.which("chromium")):
        packages.append("chromium")
    if shutil.which("fc-list"):
        fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True).stdout
    else:
        fonts = ""
    if not fonts.strip():
        packages.append("fonts-noto-cjk")
    if not packages:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        sys.exit(f"请先安装 {' '.join(packages)}（或以 TEST_CHROMIUM 指定浏览器）后再运行测试")
    print(f"· installing {' '.join(packages)}", flush=True)
    quiet = {
        "stdout": subprocess.DEVNULL,
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    }
    subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        check=True,
        **quiet,
    )


if __name__ == "__main__":
    main()
