"""May this unit be opened? A locked one is closed to pages, playbacks and attempts alike.

Beats and saved answers need no question of their own: they come under a playback or an attempt,
which only an open unit gives, and what was open once is never locked again.
"""

from __future__ import annotations

from courses.progress import Progress, UnitProgress
from zhixin.errors import Conflict, NotFound


class Locked(Conflict):
    code = "unit-locked"
    title = "这一节还没有开放，请先完成前面的内容"


def find(done: Progress, key: str) -> UnitProgress:
    """A unit of the course, locked or not.

    Raises:
        NotFound: the course has no such unit.
    """
    found = done.unit(key)
    if found is None:
        raise NotFound("课程中没有这一节")
    return found


def unit(done: Progress, key: str) -> UnitProgress:
    """A unit that is open.

    Raises:
        NotFound: the course has no such unit. Locked: others have to be done first.
    """
    found = find(done, key)
    if found.locked:
        titles = "”“".join(found.waits_for)
        raise Locked(f"这一节还没有开放，请先完成“{titles}”", waits_for=list(found.waits_for))
    return found
