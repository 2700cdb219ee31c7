"""How addresses are read and built, beyond what Werkzeug does by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import IntegerConverter, Map, Rule


class Id(IntegerConverter):
    """``<int:…>`` in addresses: no row has a number beyond 32 bits, so there is no such page."""

    def __init__(self, map: Map, **options: Any) -> None:
        super().__init__(map, **{"max": 2**31 - 1, **options})


class LazyRule(Rule):
    """Compiles the function that builds its address when that is first asked for.

    Werkzeug does it for every rule twice at start, nine tenths of what opening the
    application takes; a process builds few of its addresses.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(rule: LazyRule, *args: Any, **kwargs: Any) -> tuple[str, str]:
            compiled = Rule._compile_builder(rule, append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", compiled)
            return compiled(*args, **kwargs)  # type: ignore[no-any-return]

        return build
