"""Starting the platform's processes: one each, or all together."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from zhixin import command, config

#: A process that ignores SIGTERM this long is killed.
PATIENCE_S = 10
#: Browsers connected at once, to all server processes together: each keeps its connection
#: between beats. (The server's own default lets 1,024 in and leaves the others waiting.)
CONNECTIONS = 16_384


def _settings() -> config.Settings:
    try:
        return config.load()
    except config.SettingsError as error:
        raise click.ClickException(str(error)) from None


def server_command(settings: config.Settings, factory: str = "zhixin.app:create_app") -> list[str]:
    """Python's arguments that serve the application ``factory`` makes."""
    return [
        "-m", "granian", "--interface", "wsgi", "--factory", factory,
        "--host", settings.host, "--port", str(settings.port),
        "--workers", str(settings.web_workers),
        # As many as zhixin.gate lets in; the server starts those that it needs.
        "--blocking-threads", str(settings.web_threads + settings.web_uploads),
        "--backlog", str(CONNECTIONS), "--backpressure", str(CONNECTIONS // settings.web_workers),
        # An upload from a slow line lasts for hours; what came of it is safe.
        "--workers-kill-timeout", str(PATIENCE_S - 2),
        # One thread of the server's own for the network: requests are worked on elsewhere, and
        # with more of them each request wakes several threads.
        "--runtime-mode", "st",
        "--respawn-failed-workers", "--no-ws", "--http", "1", "--log-level", "error",
    ]  # fmt: skip


def _refuse_taken_port(settings: config.Settings) -> None:
    """The server's processes share their port, and would share it with another server too: half
    of the requests would go to one that somebody forgot to stop."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise click.ClickException(
                f"端口 {settings.port} 已被占用：知新或别的程序正在使用。"
                "请先停止它，或用 ZHIXIN_PORT 换一个端口。"
            ) from None


def _answers(settings: config.Settings) -> bool:
    """Whether the server lets anybody in by now."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    try:
        with socket.create_connection((host, settings.port), timeout=1):
            return True
    except OSError:
        return False


@click.command()
def serve() -> None:
    """启动网站服务（Granian）。"""
    settings = _settings()
    _refuse_taken_port(settings)
    # Several server processes share their counters through files.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="zhixin-metrics-"))
    _allow_connections()
    command_line = [sys.executable, *server_command(settings)]
    os.execv(sys.executable, command_line)  # noqa: S606 - replaces this process: signals reach the server


def _allow_connections() -> None:
    """Each connection is an open file; many systems let a process have 1,024 unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@click.command()
def worker() -> None:
    """启动后台任务进程（Celery worker）。"""
    app = command.make_app()
    from zhixin import sandbox

    # What a killed one left on this machine, where the sweeper may not come by for long.
    sandbox.collect(app.extensions["settings"].scratch_dir)
    from celery.platforms import SecurityWarning

    from zhixin.jobs import celery

    # Messages are JSON with ids only, so what Celery warns root of (pickles) cannot happen.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    celery.worker_main(
        ["--quiet", "worker", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
    )


@click.command()
def scheduler() -> None:
    """启动定时调度进程（Celery beat）。"""
    app = command.make_app()
    from zhixin.jobs import celery

    data_dir = app.extensions["settings"].data_dir
    celery.Beat(
        loglevel="WARNING", schedule=str(data_dir / "beat-schedule"), pidfile=None, quiet=True
    ).run()


@click.command()
@click.option("--demo/--no-demo", default=True, help="数据库为空时填入演示数据。")
def run(demo: bool) -> None:
    """一条命令启动整个平台：网站、后台任务与定时调度。Ctrl-C 停止全部。"""
    from zhixin import operating

    settings = _settings()
    _refuse_taken_port(settings)
    operating.upgrade_database(settings)
    if demo:
        from zhixin.demo import ensure_demo

        ensure_demo(settings)
    with _all_running(("serve", "worker", "scheduler")) as processes:
        told = False
        while all(process.poll() is None for process in processes.values()):
            if not told and _answers(settings):
                click.echo(f"\n知新已启动： {settings.base_url}    （Ctrl-C 停止）\n")
                told = True
            time.sleep(0.5)
        name = next(n for n, process in processes.items() if process.poll() is not None)
        click.echo(f"✗ {name} 意外退出，正在停止其余进程", err=True)
        sys.exit(1)


@contextmanager
def _all_running(names: tuple[str, ...]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start ``zhixin NAME`` for each; stop them all when the block is left or interrupted."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, stop)  # SIGINT too: a shell's background job inherits it ignored
    processes = {
        # Own sessions: the terminal's Ctrl-C reaches only us, and we stop them in order.
        name: subprocess.Popen([sys.executable, "-m", "zhixin", name], start_new_session=True)
        for name in names
    }
    try:
        yield processes
    except KeyboardInterrupt:
        click.echo("\n正在停止……")
    finally:
        _stop(list(processes.values()))


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
