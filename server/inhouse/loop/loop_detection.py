"""Calls that go round in a circle: A, A, A as well as A, B, A, B, A, B."""

import json
from collections import deque

from attrs import define, field, frozen

from inhouse.core.message_json import arguments_object
from inhouse.core.messages import ToolCall

ROUNDS = 3
"""A circle gone round so often asks the user."""
LONGEST = 20
"""Calls of the longest circle that is looked for."""

_Shape = tuple[str, str]


@frozen
class RepeatedCalls:
    """The same calls with the same inputs, over and over."""

    names: tuple[str, ...]
    """The tools of one round, in the order they were called."""


@define
class Repeats:
    """Remembers the calls of a run, as far back as a circle may reach."""

    _last: deque[_Shape] = field(factory=lambda: deque[_Shape](maxlen=LONGEST))
    _same: list[int] = field(factory=lambda: [0] * (LONGEST + 1))
    """For each length of a circle: how many calls in a row were the one so far before them."""

    def add(self, call: ToolCall) -> RepeatedCalls | None:
        """Take a call; give the circle that it closes for the third time."""
        shape = _shape(call)
        for length in range(1, LONGEST + 1):
            same = length <= len(self._last) and self._last[-length] == shape
            self._same[length] = self._same[length] + 1 if same else 0
        self._last.append(shape)
        for length in range(1, LONGEST + 1):
            if self._same[length] >= length * (ROUNDS - 1):
                return RepeatedCalls(tuple(name for name, _ in list(self._last)[-length:]))
        return None

    def forget(self) -> None:
        """Begin anew: the user let it go on."""
        self._last.clear()
        self._same = [0] * (LONGEST + 1)


def _shape(call: ToolCall) -> _Shape:
    arguments = arguments_object(call.arguments)
    return call.name, json.dumps(arguments, sort_keys=True) if arguments else call.arguments
