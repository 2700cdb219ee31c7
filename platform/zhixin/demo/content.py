"""What the demonstration courses say: read from ``courses.txt``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

KINDS = {"专": SubjectKind.PROFESSIONAL, "公": SubjectKind.GENERAL}
LEVELS = {
    "不限": TitleLevel.NONE,
    "初级": TitleLevel.JUNIOR,
    "中级": TitleLevel.INTERMEDIATE,
    "高级": TitleLevel.SENIOR,
}
#: What a lecture says of each of its topics.
POINTS = (
    "“{topic}”要解决什么问题，边界在哪里",
    "常用的方法、标准与工具，以及选择的依据",
    "一个真实场景：数据从哪里来，结论怎样得出",
    "容易出错的地方，以及怎样自查",
)


@dataclass(frozen=True)
class DemoCourse:
    """One line of ``courses.txt``."""

    field: str
    kind: SubjectKind
    level: TitleLevel
    title: str
    teacher: str
    teacher_title: str
    summary: str
    topics: tuple[str, ...]

    def slides(
        self, field_name: str, topics: tuple[str, ...], colours: tuple[str, str]
    ) -> dict[str, Any]:
        """The data of ``slides.typ`` for some of the topics."""
        return {
            "title": self.title,
            "teacher": self.teacher,
            "teacher_title": self.teacher_title,
            "field": field_name,
            "dark": colours[0],
            "light": colours[1],
            "topics": [
                {"name": topic, "points": [point.format(topic=topic) for point in POINTS]}
                for topic in topics
            ],
        }

    def paper(self, others: tuple[str, ...]) -> dict[str, Any]:
        """A quiz on the outline; ``others`` are topics of another course."""
        first, second, third, _fourth = self.topics

        def options(*texts: str) -> list[dict[str, str]]:
            return [{"id": f"o{place}", "text": text} for place, text in enumerate(texts, 1)]

        return {
            "title": "课程测验",
            "questions": [
                {
                    "id": "q1",
                    "kind": "single",
                    "stem": "本课程第一部分讲解的主题是什么？",
                    "options": options(first, others[0], others[1], others[2]),
                    "correct": ["o1"],
                    "explanation": f"第一部分的主题是“{first}”。",
                    "points": "2",
                },
                {
                    "id": "q2",
                    "kind": "multiple",
                    "stem": "以下哪些内容属于本课程？",
                    "options": options(second, others[0], third, others[3]),
                    "correct": ["o1", "o3"],
                    "explanation": f"“{second}”和“{third}”是本课程的内容。",
                    "points": "2",
                },
                {
                    "id": "q3",
                    "kind": "true_false",
                    "stem": f"学习“{first}”时，应当先弄清问题的边界，再选择方法。",
                    "correct": ["true"],
                    "explanation": "先定义问题，再选择方法。",
                    "points": "1",
                },
            ],
        }


RIGHT_ANSWERS = {"q1": ["o1"], "q2": ["o1", "o3"], "q3": ["true"]}
WRONG_ANSWERS = {"q1": ["o2"], "q2": ["o1"], "q3": ["false"]}


def courses() -> list[DemoCourse]:
    found = []
    for line in files("zhixin.demo").joinpath("courses.txt").read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        field, kind, level, title, teacher, teacher_title, summary, topics = (
            part.strip() for part in line.split("|")
        )
        found.append(
            DemoCourse(
                field, KINDS[kind], LEVELS[level], title, teacher, teacher_title, summary,
                tuple(topic.strip() for topic in topics.split("；")),
            )
        )  # fmt: skip
    return found
