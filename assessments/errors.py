"""What may go wrong with papers and attempts, beside what their content may have wrong
(``papers.InvalidPaper``, ``grading.AnswerRefused``)."""

from __future__ import annotations

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
