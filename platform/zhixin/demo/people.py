"""The demonstration's people: every role, several employers, synthetic identity numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from zhixin.people import accounts, cipher, identity_number
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, TitleLevel

PASSWORD = "zhixin-demo-2026"  # noqa: S105 - printed on purpose, demonstration only
LEARNERS = 30
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏"
GIVEN = ("明远", "思齐", "若兰", "建国", "晓芸", "子墨", "海燕", "志强", "雨桐", "文博")
EMPLOYERS = (
    "长江汽车研究院",
    "两江装备制造有限公司",
    "山城软件园",
    "市第一人民医院",
    "渝北环境监测站",
)


@dataclass(frozen=True)
class Cast:
    """Who plays in the demonstration."""

    learners: list[Person]
    authors: list[Person]
    reviewers: list[Person]
    auditors: list[Person]
    administrator: Person
    handler: Person
    bureau: Person

    def accounts(self) -> list[tuple[str, str, str]]:
        """(sign-in name, role, name) of those whom a visitor may play."""
        shown = [
            (self.learners[0], "学员"),
            (self.learners[1], "学员"),
            (self.authors[0], "课程作者"),
            (self.reviewers[0], "课程审核人"),
            (self.handler, "单位经办人"),
            (self.bureau, "主管部门审核人"),
            (self.auditors[0], "学时审核员（全市）"),
            (self.auditors[1], "学时审核员（区县）"),
            (self.administrator, "管理员"),
        ]
        return [(person.sign_in_name, role, person.name) for person, role in shown]


def create_cast(session: Session, now: datetime) -> Cast:
    city = accounts.organisation(session, OrganisationKind.CITY, "市指导协调小组办公室")
    district = accounts.organisation(session, OrganisationKind.DISTRICT, "渝北区人力社保局", city)
    bureau = accounts.organisation(session, OrganisationKind.BUREAU, "市经济信息委", city)
    employers = [
        accounts.organisation(
            session, OrganisationKind.EMPLOYER, name, district if place % 2 else bureau
        )
        for place, name in enumerate(EMPLOYERS)
    ]
    # One hash for all: thirty-odd times argon2 would be most of the building time.
    shared = accounts.hash_password(PASSWORD)

    def person(sign_in_name: str, name: str, *roles: Role, **facts: object) -> Person:
        made = Person(
            sign_in_name=sign_in_name,
            password_hash=shared,
            name=name,
            created_at=now,
            active=True,
            **facts,
        )
        session.add(made)
        session.flush()
        for role in roles:
            accounts.grant(session, made, role)
        return made

    learners = [_learner(session, person, place, employers, now) for place in range(LEARNERS)]
    authors = [
        person(f"author{place or ''}", name, Role.AUTHOR)
        for place, name in enumerate(("宋知远", "陆文渊", "白若溪", "杜衡"))
    ]
    reviewers = [
        person(f"reviewer{place or ''}", name, Role.REVIEWER)
        for place, name in enumerate(("季慎行", "方正言"))
    ]
    auditors = [person("auditor", "严明", Role.AUDITOR)]
    local = person("auditor1", "区晓", employer_id=None)
    accounts.grant(session, local, Role.AUDITOR, district)
    auditors.append(local)
    handler = person("employer", "柳经纬", employer_id=employers[0].id)
    accounts.grant(session, handler, Role.EMPLOYER, employers[0])
    desk = person("bureau", "钟正平")
    accounts.grant(session, desk, Role.BUREAU, bureau)
    district_desk = person("bureau1", "梁渝生")
    accounts.grant(session, district_desk, Role.BUREAU, district)
    return Cast(
        learners=learners,
        authors=authors,
        reviewers=reviewers,
        auditors=auditors,
        administrator=person("admin", "管理员", Role.ADMINISTRATOR),
        handler=handler,
        bureau=desk,
    )


def _learner(
    session: Session, person: object, place: int, employers: list[Organisation], now: datetime
) -> Person:
    assert callable(person)
    made: Person = person(
        f"learner{place or ''}",
        SURNAMES[place % len(SURNAMES)] + GIVEN[place % len(GIVEN)],
        Role.LEARNER,
        employer_id=employers[place % len(employers)].id,
        title_level=list(TitleLevel)[place % 4],
        title_name=("", "助理工程师", "工程师", "高级工程师")[place % 4],
    )
    number = identity_number.make(
        "500112", date(1975 + place % 25, 1 + place % 12, 1 + place % 28), place + 1
    )
    accounts.set_id_number(session, made, number, cipher(), now)
    return made
