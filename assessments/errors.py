"""What may go wrong with papers and attempts, beside what their content may have wrong
(``papers.InvalidPaper``, ``grading.AnswerRefused``)."""

from __future__ import annotations

from datetime import datetime

from zhixin import clock
from zhixin.errors import Conflict


class PaperChanged(Conflict):
    """Somebody (perhaps the same person elsewhere) has changed the paper meanwhile."""

    code = "paper-changed"
    title = "试卷已在别处修改"

    def __init__(self) -> None:
        super().__init__("试卷已在别处修改，请核对最新内容后再保存")


class AttemptClosed(Conflict):
    """Answers for an attempt that was handed in."""

    code = "attempt-closed"
    title = "本次测验已交卷"

    def __init__(self) -> None:
        super().__init__("本次测验已交卷，作答不能再修改")


class TimeOver(Conflict):
    """Answers after the end of the time and the grace for what was on its way."""

    code = "time-over"
    title = "考试时间已到"

    def __init__(self) -> None:
        super().__init__("考试时间已到，系统按已保存的作答自动交卷，之后的作答不计入")


class UnderExamination(Conflict):
    """Practice with a question that the person is being asked in an open attempt."""

    code = "under-examination"
    title = "这道题正在测验中"

    def __init__(self) -> None:
        super().__init__("这道题正在您的测验中，请交卷后再来")


class NotYet(Conflict):
    """The paper asks for some time between two attempts."""

    code = "attempt-not-yet"
    title = "尚未到再次作答的时间"

    def __init__(self, next_at: datetime) -> None:
        local = clock.local(next_at)
        super().__init__(
            f"两次作答之间需要间隔一段时间，{local:%Y-%m-%d %H:%M} 之后可以再次作答",
            next_at=next_at.isoformat(),
        )


class NoAttemptsLeft(Conflict):
    """All permitted attempts have been made."""

    code = "no-attempts-left"
    title = "作答次数已用完"

    def __init__(self, allowed: int) -> None:
        super().__init__("允许的作答次数已全部用完，不能再次作答", attempts_allowed=allowed)


class AlreadyPassed(Conflict):
    """The keys are shown after passing: another attempt would prove nothing."""

    code = "already-passed"
    title = "测验已通过"

    def __init__(self) -> None:
        super().__init__("您已通过本测验，无需再次作答")


class AlreadyGraded(Conflict):
    """The answers were graded meanwhile, or by this person before."""

    code = "already-graded"
    title = "这份答卷已经批阅"

    def __init__(self) -> None:
        super().__init__("这份答卷已经批阅，评分不能再修改")


class BeingGraded(Conflict):
    """The last attempt's result is not known yet."""

    code = "being-graded"
    title = "答卷正在批阅"

    def __init__(self) -> None:
        super().__init__("上一次的答卷正在批阅，结果确定之后才能再次作答")
