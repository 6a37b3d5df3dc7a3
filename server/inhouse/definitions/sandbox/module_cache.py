"""Modules that many definitions import, asked for once.

Runs in the worker.  The owner's answers are the same for all definitions of one scope; it is told
which of them were reused.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

CachedModule = tuple[dict[str, Any], bytes]
Ask = Callable[[Mapping[str, Any]], CachedModule]
_KINDS = frozenset({"code", "json", "text"})
_MOST_SCOPES = 4


class Memory:
    """The answers of the most recently used scopes."""

    def __init__(self) -> None:
        self._scopes: dict[int, dict[tuple[str, str, str], CachedModule]] = {}

    def of(self, scope: int, ask: Ask) -> "Loads":
        known = self._scopes.pop(scope, {})
        self._scopes[scope] = known
        while len(self._scopes) > _MOST_SCOPES:
            del self._scopes[next(iter(self._scopes))]
        return Loads(ask, known)


@frozen
class Loads:
    """The modules that one definition asks for."""

    _ask: Ask
    _known: dict[tuple[str, str, str], CachedModule]
    remembered: list[tuple[str, str, str]] = field(factory=list[tuple[str, str, str]])
    """Base, specifier and kind of each import for which the owner was not asked again."""

    def ask(self, request: Mapping[str, Any]) -> CachedModule:
        base, specifier, how = request["base"], request["specifier"], request["how"]
        key = (os.path.dirname(base), specifier, how)  # noqa: PTH120 - pathlib is for the owner
        if key in self._known:
            self.remembered.append((base, specifier, how))
            return self._known[key]
        answer, body = self._ask(request)
        if answer.get("kind") in _KINDS:
            self._known[key] = answer, body
        return answer, body
