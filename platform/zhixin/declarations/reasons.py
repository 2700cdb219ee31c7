"""Why a desk says no: from a list, with words of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from zhixin.declarations.states import EXPLAINED, Transition
from zhixin.errors import Invalid

MAX_WORDS = 1000
OTHER = "other"
_FINAL = ("not-proven", "not-learning", "counted-already", "false-proof", OTHER)
#: Codes by what is done; their texts are in ``words.reason_text``.
REASONS: Mapping[Transition, tuple[str, ...]] = MappingProxyType(
    {
        Transition.RETURN: (
            "proof-unclear", "proof-missing", "facts-differ", "wrong-activity", "wrong-amount", OTHER,
        ),
        Transition.DECLINE: _FINAL,
        Transition.REFUSE: _FINAL,
    }
)  # fmt: skip


def checked(transition: Transition, reason: str, words: str) -> tuple[str, str]:
    """Code and words as they are kept.

    Raises:
        Invalid: a no without a reason of its list, "other" without words, or too many words.
    """
    words = words.strip()
    if len(words) > MAX_WORDS:
        raise Invalid(f"说明不超过 {MAX_WORDS} 个字符", code="reason-too-long")
    if transition not in EXPLAINED:
        return "", words
    if reason not in REASONS[transition]:
        raise Invalid("请选择原因，学员会看到它", code="reason-needed")
    if reason == OTHER and not words:
        raise Invalid("原因选“其他”时请写明", code="words-needed")
    return reason, words
