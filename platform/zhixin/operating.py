"""Operators' commands: upgrade the database, check the installation, back it up."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click
import sqlalchemy as sa

from zhixin import clock, command, config, db, rates, schema

Check = tuple[str, bool, str]


def upgrade_database(settings: config.Settings) -> None:
    """Bring the database to the newest schema and the shipped reference data into it."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    engine.dispose()
    from courses import fields
    from courses.reviews import rules
    from zhixin.hours import policies
    from zhixin.reports import targets

    with command.make_app().app_context(), db.database().transaction() as session:
        fields.ensure_shipped(session)
        policies.ensure_shipped(session, clock.now())
        targets.ensure_shipped(session, clock.now())
        rules.ensure_shipped(session, clock.now())


@click.command()
def upgrade() -> None:
    """将数据库升级到当前版本（可重复执行，保留全部数据）。"""
    settings = config.load()
    upgrade_database(settings)
    click.echo("✓ 数据库已是最新")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
def doctor(as_json: bool) -> None:
    """检查安装：设置、数据库、任务队列、限流、FFmpeg、沙箱、磁盘、前端文件。"""
    app = command.make_app()
    with app.app_context():
        results = list(_checks(app.extensions["settings"]))
    if as_json:
        click.echo(
            json.dumps(
                [{"check": n, "ok": ok, "detail": d} for n, ok, d in results], ensure_ascii=False
            )
        )
    else:
        for name, ok, detail in results:
            click.echo(f"{'✓' if ok else '✗'} {name}：{detail}")
    sys.exit(0 if all(ok for _, ok, _ in results) else 1)


def _checks(settings: config.Settings) -> Iterator[Check]:
    checks: dict[str, Callable[[], tuple[bool, str]]] = {
        "数据库": _check_database,
        "任务队列": _check_broker,
        "限流": lambda: _check_rates(settings),
        "FFmpeg": _check_ffmpeg,
        "沙箱": _check_sandbox,
        "密钥": lambda: _check_keys(settings),
        "磁盘": lambda: _check_disk(settings),
        "前端文件": _check_front_end,
    }
    for name, check in checks.items():
        try:
            ok, detail = check()
        except Exception as error:  # each check must report, whatever goes wrong in it
            ok, detail = False, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        yield name, ok, detail


def _check_database() -> tuple[bool, str]:
    engine = db.database().engine
    assert isinstance(engine, sa.Engine)
    with engine.connect() as connection:
        current = schema.is_current(connection)
        name = connection.dialect.name
    return current, f"{name}，{'结构为最新' if current else '结构需要升级：zhixin upgrade'}"


def _check_broker() -> tuple[bool, str]:
    from zhixin.jobs import celery

    with celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        return True, connection.transport_cls if isinstance(
            connection.transport_cls, str
        ) else connection.as_uri().split("://")[0]


def _check_rates(settings: config.Settings) -> tuple[bool, str]:
    if rates.are_shared(settings):
        return True, "次数由 Redis 统一计数"
    if settings.web_workers == 1:
        return True, "次数在本进程中计数"
    return True, (
        f"{settings.web_workers} 个网站进程各自计数，实际上限是规定次数的 {settings.web_workers} 倍；"
        "用 Redis（ZHIXIN_BROKER_URL）可以统一计数"
    )


def _check_ffmpeg() -> tuple[bool, str]:
    from media import binaries

    return True, binaries.version()


def _check_sandbox() -> tuple[bool, str]:
    from zhixin import sandbox

    found = sandbox.layers()
    told = [
        ("不能联网（网络命名空间）", found.network),
        ("不能建立套接字（seccomp）", found.calls),
        ("只能读写指定的文件（Landlock）", found.files),
    ]
    missing = [words for words, has in told if not has]
    if missing:
        return (
            found.whole,
            f"处理上传文件的进程缺少：{'，'.join(missing)}，见 docs/operator/media.md",
        )
    return True, "，".join(words for words, _ in told)


def _check_keys(settings: config.Settings) -> tuple[bool, str]:
    from zhixin.ledger import keys

    if exposed := keys.open_to_others(settings):
        return False, f"他人可以读取 {exposed[0]}：chmod 600"
    told = []
    for name, words in ((keys.LEDGER, "账本"), (keys.ISSUER, "签发")):
        kept, good = keys.how_kept(settings, name)
        if good and kept != "尚未生成":
            keys.private_key(settings, name)  # opens with this passphrase
        advice = "" if good else "（⚠ 建议设置 ZHIXIN_KEY_PASSPHRASE 后执行 zhixin ledger init）"
        told.append(f"{words}密钥{kept}{advice}")
    return True, "，".join(told)


def _check_disk(settings: config.Settings) -> tuple[bool, str]:
    free = shutil.disk_usage(settings.data_dir).free
    return free > 2 * 1024**3, f"{settings.data_dir} 剩余 {free / 1024**3:.1f} GiB"


def _check_front_end() -> tuple[bool, str]:
    from zhixin import pages

    manifest = pages.resource_dir("static") / "dist" / "manifest.json"
    return manifest.exists(), "已构建" if manifest.exists() else "尚未构建：make setup"


@click.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--media/--no-media", default=True, help="是否包含视频文件。")
def backup(target: Path, media: bool) -> None:
    """备份内嵌方式的数据（SQLite、密钥、证明材料、视频）到一个 tar 文件；运行中也可执行。"""
    settings = config.load()
    if not settings.database.startswith("sqlite"):
        raise click.ClickException("PostgreSQL 请用 pg_dump 备份，见 docs/operator/backup.md")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "zhixin.sqlite3"
        source_path = settings.database.removeprefix("sqlite:///")
        with (
            closing(sqlite3.connect(source_path)) as source,
            closing(sqlite3.connect(copy)) as into,
        ):
            source.backup(into)  # a consistent copy beside running writers
        with tarfile.open(target, "w") as archive:
            archive.add(copy, "zhixin.sqlite3")
            if (settings.data_dir / "keys").exists():  # not when all keys come from settings
                archive.add(settings.data_dir / "keys", "keys")
            if settings.proofs_dir.exists():  # evidence of hours: never left out
                archive.add(settings.proofs_dir, "proofs")
            if media and settings.media_dir.exists():
                archive.add(settings.media_dir, "media")
    size = target.stat().st_size / 1024**2
    click.echo(f"✓ 已备份到 {target}（{size:.1f} MiB，{datetime.now(clock.LOCAL):%Y-%m-%d %H:%M}）")
