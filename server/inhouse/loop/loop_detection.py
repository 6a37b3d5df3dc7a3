"""Detects repeated calls: A, A, A as well as A, B, A, B, A, B."""

import json
from collections import deque

from attrs import define, field, frozen

from inhouse.core.message_json import arguments_object
from inhouse.core.messages import ToolCall

ROUNDS = 3
"""After so many rounds of a circle the user is asked."""
LONGEST = 20
"""The longest circle that is looked for, in calls."""

_Shape = tuple[str, str]


@frozen
class RepeatedCalls:
    """The same calls with the same inputs, over and over."""

    names: tuple[str, ...]
    """The tools of one round, in the order they were called."""


@define
class Repeats:
    """Remembers the last calls of a run, as many as a circle can have."""

    _last: deque[_Shape] = field(factory=lambda: deque[_Shape](maxlen=LONGEST))
    _same: list[int] = field(factory=lambda: [0] * (LONGEST + 1))
    """For each circle length, how many calls in a row equal the call that many places before."""

    def add(self, call: ToolCall) -> RepeatedCalls | None:
        """Add a call; return the circle that it completes for the third time."""
        arguments = arguments_object(call.arguments)
        written = json.dumps(arguments, sort_keys=True) if arguments else call.arguments
        shape = call.name, written
        for length in range(1, LONGEST + 1):
            same = length <= len(self._last) and self._last[-length] == shape
            self._same[length] = self._same[length] + 1 if same else 0
        self._last.append(shape)
        for length in range(1, LONGEST + 1):
            if self._same[length] >= length * (ROUNDS - 1):
                return RepeatedCalls(tuple(name for name, _ in list(self._last)[-length:]))
        return None

    def forget(self) -> None:
        """Start again, since the user let the run continue."""
        self._last.clear()
        self._same = [0] * (LONGEST + 1)
