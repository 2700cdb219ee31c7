"""``zhixin course``."""

from __future__ import annotations

import shutil

import click
import sqlalchemy as sa
from flask import current_app

from courses import search
from courses.models import CourseVersion, VersionState
from courses.packages import commands as package_commands
from zhixin import db
from zhixin.command import with_app


@click.group()
def course() -> None:
    """课程：列出已发布课程，重建搜索索引。"""


@course.command("list")
@with_app
def list_() -> None:
    """列出已发布的课程。"""
    published = sa.select(CourseVersion).where(CourseVersion.state == VersionState.PUBLISHED)
    for version in db.session().scalars(published.order_by(CourseVersion.course_id)):
        click.echo(
            f"{version.course_id}\tv{version.number}\t{version.field_code}\t{version.declared_hours}\t{version.title}"
        )


@course.command()
@with_app
def reindex() -> None:
    """从数据库重建搜索索引。"""
    settings = current_app.extensions["settings"]
    shutil.rmtree(settings.index_dir, ignore_errors=True)
    written, _removed = search.sync(db.session(), search.CourseIndex(settings.index_dir))
    click.echo(f"✓ 已索引 {written} 门课程")


course.add_command(package_commands.export_)
course.add_command(package_commands.import_)
