"""The showcase's questions: one of every kind for the quiz, some to practise, a bank's lines."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

#: The case that two questions ask about.
CASE = """某站 2 号道岔区段的计轴在早高峰受到干扰，显示占用。值班员的记录如下：

```text
07:41:05  2DG  占用（无列车）
07:41:20  进路 X→3G  未建立：区段占用
07:42:10  报告行车调度员
07:44:30  司机报告：区段空闲
07:45:00  2DG  预复位
```"""


def named(*texts: str) -> list[dict[str, str]]:
    """Items with ids ``a``, ``b`` …"""
    return [{"id": "abcdefgh"[place], "text": text} for place, text in enumerate(texts)]


def quiz(picture: str) -> dict[str, Any]:
    """The quiz; ``picture`` is the id of the station's layout."""
    return {
        "title": "结业测验",
        "time_limit_minutes": 60,
        "passages": [{"id": "case", "text": CASE}],
        "questions": [*_chosen(), *_filled(), *_arranged(), _found(picture), *_case(), *_written()],
    }


def _chosen() -> list[dict[str, Any]]:
    return [
        {
            "id": "single", "kind": "single", "points": "2",
            "stem": "减速度不变，初速由 $v$ 提高到 $2v$，制动距离中的 $\\frac{v^2}{2a}$ 一项变为原来的几倍？",
            "options": named("不变", "2 倍", "4 倍", "8 倍"), "correct": ["c"],
            "explanation": "与速度的平方成正比：$(2v)^2 = 4v^2$。",
        },
        {
            "id": "multiple", "kind": "multiple", "points": "3", "marking": "partial",
            "stem": "开放进站信号机之前，联锁要检查哪些条件？（多选，少选得部分分，错选不得分）",
            "options": named(
                "进路上各区段空闲", "道岔位置正确并锁闭", "敌对进路未建立", "列车已在站台停稳"
            ),
            "correct": ["a", "b", "c"],
            "explanation": "列车是否停稳是发车的条件，与开放进站信号机无关。",
        },
        {
            "id": "true_false", "kind": "true_false", "points": "1",
            "stem": "进路锁闭以后，进路上的道岔不能再转换。",
            "correct": ["true"], "explanation": "锁闭的目的正在于此。",
        },
    ]  # fmt: skip


def _filled() -> list[dict[str, Any]]:
    return [
        {
            "id": "blanks", "kind": "blanks", "points": "4",
            "stem": "列车以 72 km/h 运行，平均减速度 $1.0\\ \\mathrm{m/s^2}$，不计空走，制动距离是 {{1}}（写出单位）；"
            "负责超速防护的子系统缩写为 {{2}}。",
            "gaps": [
                {
                    "kind": "number", "value": "200", "tolerance": "2",
                    "units": [{"name": "m"}, {"name": "米"}, {"name": "km", "factor": "1000"}],
                },
                {"kind": "text", "accepted": ["ATP", "列车自动防护"]},
            ],
            "explanation": "$v=20\\ \\mathrm{m/s}$，$S=20^2/2=200\\ \\mathrm{m}$。",
        },
        {
            "id": "cloze", "kind": "cloze", "points": "2",
            "stem": "设备发生故障时应导向{{1}}的一侧，这一原则称为“故障—{{2}}”。",
            "gaps": [
                {"kind": "choice", "options": named("安全", "效率", "方便"), "correct": "a"},
                {"kind": "text", "accepted": ["安全"]},
            ],
            "explanation": "故障—安全是信号设备设计的基本原则。",
        },
    ]  # fmt: skip


def _arranged() -> list[dict[str, Any]]:
    return [
        {
            "id": "matching", "kind": "matching", "points": "3",
            "stem": "把子系统与它的职责对应起来。",
            "left": named("ATP", "ATO", "ATS"),
            "right": named("超速防护", "自动驾驶", "行车监视与自动排路", "供电监控"),
            "correct": ["a", "b", "c"],
            "explanation": "供电监控不属于信号系统。",
        },
        {
            "id": "ordering", "kind": "ordering", "points": "3",
            "stem": "把建立一条接车进路的步骤按先后排列。",
            "items": named("检查区段空闲、无敌对进路", "转换道岔", "锁闭道岔与进路", "开放信号"),
            "correct": ["a", "b", "c", "d"],
            "explanation": "先检查，再转换，再锁闭，最后开放。",
        },
    ]  # fmt: skip


def _found(picture: str) -> dict[str, Any]:
    return {
        "id": "hotspot", "kind": "hotspot", "points": "2",
        "stem": "列车从左端（甲站方向）接入 3G，首先要转换并锁闭哪一组道岔？请在图上点出它的位置。",
        "picture": picture,
        "alt": "一座小站的线路示意图：一条正线 ⅠG，一条到发线 3G，道岔 1 在左，道岔 2 在右",
        "areas": [{"shape": "circle", "x": 229, "y": 548, "r": 60}],
        "explanation": "从左端进入 3G 先经过 1 号道岔。",
    }  # fmt: skip


def _case() -> list[dict[str, Any]]:
    return [
        {
            "id": "case1", "kind": "single", "passage": "case", "points": "2",
            "stem": "07:41:20 进路没有建立，最直接的原因是什么？",
            "options": named("2DG 显示占用", "信号机灯丝断丝", "道岔无表示", "车地通信中断"),
            "correct": ["a"], "explanation": "区段占用时联锁不建立进路。",
        },
        {
            "id": "case2", "kind": "true_false", "passage": "case", "points": "1",
            "stem": "值班员在确认区段空闲以后才进行预复位，处置顺序正确。",
            "correct": ["true"], "explanation": "确认空闲是预复位的前提。",
        },
    ]  # fmt: skip


def _written() -> list[dict[str, Any]]:
    return [
        {
            "id": "short", "kind": "short", "points": "3",
            "stem": "用一两句话说明什么是“敌对进路”。",
            "sample": "不能同时建立的两条进路：同时建立会使列车之间发生冲突。",
            "max_characters": 300,
        },
        {
            "id": "essay", "kind": "essay", "points": "10",
            "stem": "结合您所在的单位，论述一次信号设备故障的应急处置：报告、确认、行车组织和恢复各应做些什么，并说明理由。",
            "sample": "及时报告调度；现场确认线路与道岔；采用降级行车组织并保证间隔；恢复后复盘。",
            "rubric": [
                {"id": "1", "text": "报告与确认的顺序正确，说明确认的方法", "points": "4"},
                {"id": "2", "text": "降级行车组织合理，间隔有保证", "points": "4"},
                {"id": "3", "text": "有恢复与复盘，联系实际", "points": "2"},
            ],
            "min_characters": 100,
            "max_characters": 3000,
        },
    ]  # fmt: skip


#: Answers to what machines grade, and the same with mistakes in them.
RIGHT = {
    "single": ["c"], "multiple": ["a", "b", "c"], "true_false": ["true"],
    "blanks": ["200 m", "ATP"], "hotspot": ["229,548"], "case1": ["a"], "case2": ["true"],
}  # fmt: skip
WRONG = {
    "single": ["b"], "multiple": ["a", "b"], "true_false": ["false"],
    "blanks": ["720 m", "ATO"], "hotspot": ["771,548"], "case1": ["c"], "case2": ["false"],
}  # fmt: skip
SHORT = "同时建立会造成列车冲突的两条进路，例如同一到发线上对向的两条接车进路。"
ESSAY = (
    "以我们车站去年的一次计轴受扰为例。值班员发现区段无车占用后，先报告行车调度员，说明影响的进路，"
    "再请邻近列车的司机瞭望确认区段空闲。确认之前不复位，因为一旦区段内确有车辆，复位会使联锁误认为空闲。\n\n"
    "行车组织上，受影响的进路改由另一条到发线接车，列车限速通过，保证一个区间只有一列车。"
    "预复位以后，第一列车以限制速度通过，区段显示正常才恢复正常行车。当天下班前做了复盘，把处置时间和通话记录归档。"
)


def practice() -> dict[str, Any]:
    """Some questions that never count."""
    return {
        "title": "课后练习",
        "questions": [
            {
                "id": "p1", "kind": "single", "points": "1",
                "stem": "下面的函数返回什么？\n\n```python\ndef f(v, a):\n    return v * v / (2 * a)\n```",
                "options": named("空走距离", "制动距离（不计空走）", "制动时间", "平均速度"),
                "correct": ["b"], "explanation": "即 $\\frac{v^2}{2a}$。",
            },
            {
                "id": "p2", "kind": "multiple", "points": "1",
                "stem": "下列哪些子系统通常要求达到 SIL 4？",
                "options": named("计算机联锁", "列车自动防护", "乘客信息系统", "站台广播"),
                "correct": ["a", "b"], "explanation": "它们的失效会直接危及安全。",
            },
            {
                "id": "p3", "kind": "true_false", "points": "1",
                "stem": "移动闭塞中，前车的位置越准确，追踪间隔可以越短。",
                "correct": ["true"], "explanation": "不确定的部分要折算为间隔。",
            },
            {
                "id": "p4", "kind": "blanks", "points": "1",
                "stem": "MTBF 为 999 h、MTTR 为 1 h，可用性是 {{1}}%。",
                "gaps": [{"kind": "number", "value": "99.9", "tolerance": "0.05"}],
                "explanation": "$A = 999/1000 = 99.9\\%$。",
            },
        ],
    }  # fmt: skip


def bank() -> list[tuple[str, int, dict[str, Any]]]:
    """The bank's questions with point and difficulty, read from ``bank.txt``."""
    found = []
    lines = files("zhixin.demo").joinpath("showcase_data", "bank.txt").read_text()
    for line in lines.splitlines():
        if line.strip() and not line.startswith("#"):
            point, difficulty, stem, answers, why = (part.strip() for part in line.split("|"))
            question = {"stem": stem, "explanation": why, **_answered(answers)}
            found.append((point, int(difficulty), question))
    return found


def _answered(text: str) -> dict[str, Any]:
    """Kind and key of a line of ``bank.txt``."""
    if text in ("对", "错"):
        return {"kind": "true_false", "correct": ["true" if text == "对" else "false"]}
    if text.startswith("="):
        accepted = [each.strip() for each in text[1:].split("；")]
        return {"kind": "blanks", "gaps": [{"kind": "text", "accepted": accepted}]}
    texts = [each.strip() for each in text.split("；")]
    options = named(*(each.removeprefix("*") for each in texts))
    right = [o["id"] for o, each in zip(options, texts, strict=True) if each.startswith("*")]
    return {
        "kind": "single" if len(right) == 1 else "multiple",
        "options": options,
        "correct": right,
    }
