"""``zhixin course export`` and ``import``: without a browser, of any size."""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa

from courses.models import Course
from courses.packages import making, reading, writing
from courses.packages.tasks import place
from zhixin import archives, clock, db, sandbox
from zhixin.command import with_app
from zhixin.errors import NotFound
from zhixin.people.models import Person, Role, RoleGrant


@click.command("export")
@click.argument("course_id", type=int)
@click.argument("into", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", "number", type=int, help="导出这一版，不写则导出草稿。")
@with_app
def export_(course_id: int, into: Path, number: int | None) -> None:
    """把整门课程写成一个 zip 文件。"""
    session = db.session()
    owner_id = session.scalar(sa.select(Course.owner_id).where(Course.id == course_id))
    if owner_id is None:
        raise NotFound("没有这门课程")
    gathered = writing.gather(session, place().store, course_id, owner_id, number)
    fresh = into.with_name(f".{into.name}.new")
    try:
        writing.write(gathered, fresh)
        fresh.rename(into)
    finally:
        fresh.unlink(missing_ok=True)
    for remark in gathered.remarks:
        click.echo(f"! {remark}", err=True)
    click.echo(f"✓ {into}（{into.stat().st_size} 字节）")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--author", required=True, help="课程作者的登录名，课程成为其新草稿。")
@click.option("--field", "field_code", help="领域代码，不写则用课程包里的。")
@click.option("--dry-run", is_flag=True, help="只读取和核对，不导入。")
@with_app
def import_(file: Path, author: str, field_code: str | None, dry_run: bool) -> None:
    """从课程包导入一门课程，成为作者的新草稿；全部成功才导入。"""
    session, home = db.session(), place()
    owner_id = session.scalar(
        sa.select(Person.id)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(Person.sign_in_name == author.strip().lower(), RoleGrant.role == Role.AUTHOR)
    )
    if owner_id is None:
        raise NotFound("没有这个登录名的课程作者")
    db.finish(keep=False)  # reading takes long
    limits = reading.limits(file.stat().st_size, home.bounds)
    with archives.open(file, limits) as archive, sandbox.scratch(home.scratch) as folder:
        found = reading.read(archive, home.bounds, file_name=file.name)
        for remark in found.remarks:
            click.echo(f"! {remark}", err=True)
        for bank in found.document.banks:
            click.echo(
                f"! 题库“{bank.title}”的 {bank.questions} 题成为作者自有题库中的草稿，"
                "由另一个人通过后才能抽题",
                err=True,
            )
        units = sum(1 for _unit in found.document.units())
        told = f"“{found.document.course.title}”：{len(found.document.chapters)} 章 {units} 节"
        if dry_run:
            click.echo(f"✓ 可以导入{told}")
            return
        code = field_code or found.document.course.field_code
        maker = making.Maker(home.store, owner_id, code, home.bounds)
        unpacked = making.unpack(archive, found.document, folder)
        brought = making.bring(maker, found.document, unpacked, clock.now())
        unknown: list[str] = []
        course = making.make(
            db.session(), maker, found.document, brought, clock.now(), remarks=unknown
        )
        db.finish(keep=True)
    for remark in unknown:
        click.echo(f"! {remark}", err=True)
    click.echo(f"✓ 已导入{told}，编号 {course.id}")
