"""The lives of things, each as one table: from which state which step leads to which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from zhixin.errors import Conflict, DomainError

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)


class Steps(Mapping[tuple[State, Step], State], Generic[State, Step]):
    """A table that nobody changes; what is not in it is refused.

    Args:
        table: where each step leads, by the state that it is taken in.
        refusal: makes the refusal of every other step, in words for whoever took it.
    """

    def __init__(
        self,
        table: Mapping[tuple[State, Step], State],
        refusal: Callable[[], DomainError] = Conflict,
    ) -> None:
        self._table, self._refusal = dict(table), refusal

    def __getitem__(self, key: tuple[State, Step]) -> State:
        return self._table[key]

    def __iter__(self) -> Iterator[tuple[State, Step]]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def after(self, state: State, step: Step) -> State:
        """The state after ``step``.

        Raises:
            DomainError: the table has no such step; which one, the table says.
        """
        try:
            return self._table[state, step]
        except KeyError:
            raise self._refusal() from None

    def before(self, step: Step) -> tuple[State, ...]:
        """The states in which ``step`` may be taken."""
        return tuple(state for state, taken in self._table if taken is step)

    def end(self, step: Step) -> State:
        """Where ``step`` leads, of which there is one whatever the state."""
        (end,) = {after for (_state, taken), after in self._table.items() if taken is step}
        return end
