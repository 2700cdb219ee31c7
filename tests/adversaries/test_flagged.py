"""Programs that gain nothing and finish all the same, in the time that it takes everybody: what
comes of it is looked at by a person, and the hours are neither given nor taken before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.adversaries.browser import closing
from tests.adversaries.seeding import PASSWORD
from tests.adversaries.site import Site
from tests.adversaries.viewer import QUESTION, RIGHT, UNITS, VIDEO_S, Viewer, read
from zhixin import clock
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.people import accounts
from zhixin.people.models import Person, Role

#: So long between two beats (s) that a slow machine's delays don't hide the program's clock.
STEP_S = 27
#: What auditors read of each signal.
WORDS = {
    "clockwork": "上报间隔像时钟一样规律",
    "instant-answers": "作答快于阅读所需的时间",
    "shared-device": "同一设备在一小时内有多个账号学习",
    "blind-answers": "在场确认多次选错",
}
Choosing = Callable[[Any], int]


def tries(prompt: Any) -> int:
    """Whatever is asked, and twice it was wrong: chance would have it so or worse."""
    right = read(prompt)
    return right if prompt["tries"] >= 2 else (right + 1) % len(prompt["options"])


@pytest.fixture
def auditor(sqlite_site: Site) -> str:
    """An auditor's name."""
    with sqlite_site.app.extensions["db"].transaction() as session:
        kept = session.scalar(sa.select(Person).where(Person.sign_in_name == "auditor"))
        if kept is None:
            kept = Person(
                sign_in_name="auditor", password_hash=accounts.hasher.hash(PASSWORD), name="审核",
                created_at=clock.now(),
            )  # fmt: skip
            session.add(kept)
            session.flush()
            accounts.grant(session, kept, Role.AUDITOR)
    return "auditor"


def finish(me: Viewer, choose: Choosing) -> None:
    """The whole course "asked" at normal speed, by a program: every beat on the second."""
    for unit in UNITS:
        _answer(me, me.open(unit)["prompt"], choose)
        confirmed, at = 0.0, me.clock.seconds()
        while confirmed < VIDEO_S * 0.95:
            at = max(at + STEP_S, me.clock.seconds())
            me.clock.forward(at - me.clock.seconds())
            until = min(VIDEO_S, confirmed + STEP_S)
            me.fetch(confirmed, until)
            reply = me.beat([(confirmed, until)]).json
            _answer(me, reply["prompt"], choose)
            confirmed = max((end for _start, end in reply["covered"]), default=0)
    assert me.browser.form(f"/learn/{me.enrolment}/p1/read").status == 303
    assert me.browser.form(f"/learn/{me.enrolment}/q1/attempt").status == 303
    page = me.browser.get(f"/learn/{me.enrolment}/q1").body.decode()
    attempt = page.partition(f"/learn/{me.enrolment}/q1/attempts/")[2].partition('"')[0]
    handed = me.browser.form(f"/learn/{me.enrolment}/q1/attempts/{attempt}", **{"q-q1": "b"})
    assert handed.status == 303


def _answer(me: Viewer, prompt: Any, choose: Choosing) -> None:
    while prompt is not None:
        answered = me.choose(prompt["id"], choose(prompt)).json
        prompt = answered["prompt"]
        me.clock.forward(answered["wait_s"])


@pytest.mark.parametrize(
    ("choose", "signals"),
    [(read, {"clockwork", "instant-answers", "shared-device"}), (tries, {"blind-answers"})],
    ids=["reads-and-answers", "tries-blindly"],
)
def test_a_program_that_watches_to_the_end_is_seen(
    sqlite_site: Site, auditor: str, choose: Choosing, signals: set[str]
) -> None:
    """By the clock of its beats, by answers that nobody reads so fast or that are tried blindly,
    by the accounts that share its device. It stands in the auditors' queue; its page says why, and
    what was asked and chosen."""
    site, name = sqlite_site, sqlite_site.arrive()
    device = f"Mozilla/5.0 (a program's, {name})"
    others = [site.browser(site.arrive(), device) for _n in range(4)]
    mine, desk = site.browser(name, device), site.browser(auditor)
    with closing(mine, desk, *others):
        for each in others:
            Viewer(each, site.clock, site.enrol(each, "asked")).open()
        finish(Viewer(mine, site.clock, site.enrol(mine, "asked")), choose)
        with site.app.extensions["db"].session(writes=False) as session:
            award = session.scalars(
                sa.select(Award).join(Award.person).where(Person.sign_in_name == name)
            ).one()
            assert award.state == State.EARNED
            assert signals <= set(award.flags)
        page = desk.get(f"/audit/awards/{award.id}").body.decode()
        listed = desk.get("/audit").body.decode()
    assert name in listed
    for signal in signals:
        assert WORDS[signal] in page
    assert QUESTION in page
    assert f"选对 “{RIGHT}”" in page
    assert ("选错 “" in page) == (choose is tries)
