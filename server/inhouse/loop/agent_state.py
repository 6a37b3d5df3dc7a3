"""What ``handleSteps`` may know of its run: Codebuff's ``agentState``."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from inhouse.core.message_json import message_to_json
from inhouse.core.messages import Message, SystemMessage

from .state import LoopContext
from .trimming import estimate


@define
class AgentStates:
    """Makes the states of one run; each message is converted and measured only once."""

    _known: dict[int, tuple[Message, dict[str, Any], int]] = field(
        factory=dict[int, tuple[Message, dict[str, Any], int]]
    )

    def now(self, run: LoopContext) -> dict[str, Any]:
        """Return the current state."""
        state = run.state
        self._known = {id(message): self._shape(message) for message in state.messages}
        shapes = [self._known[id(message)] for message in state.messages]
        offered = {
            spec.name: {"description": spec.description, "inputSchema": spec.parameters}
            for spec in state.offered
        }
        # Absent members are left out: in JavaScript they must be undefined, not null.
        optional = {"parentId": state.parent_id, "output": state.output}
        return {
            **{key: value for key, value in optional.items() if value is not None},
            "agentId": state.run_id,
            "runId": state.run_id,
            "messageHistory": [shape for _, shape, _ in shapes],
            "systemPrompt": state.system,
            "toolDefinitions": offered,
            "contextTokenCount": sum(size for *_, size in shapes) + _fixed(state.system, offered),
        }

    def _shape(self, message: Message) -> tuple[Message, dict[str, Any], int]:
        known = self._known.get(id(message))
        return known or (message, message_to_json(message), estimate(message))


def _fixed(system: str, offered: Mapping[str, Any]) -> int:
    return estimate(SystemMessage(system + json.dumps(offered, default=str)))
