"""What ``handleSteps`` may know of its run: Codebuff's ``agentState``."""

import json
from collections.abc import Mapping

from attrs import define, field

from inhouse.core.json_values import Json
from inhouse.core.message_json import message_to_json
from inhouse.core.messages import Message, SystemMessage

from .state import LoopContext
from .trimming import estimate


@define
class AgentStates:
    """Makes the states of one run; each message is converted and measured only once."""

    _known: dict[int, tuple[Message, Json, int]] = field(
        factory=dict[int, tuple[Message, Json, int]]
    )

    def now(self, run: LoopContext) -> Json:
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

    def _shape(self, message: Message) -> tuple[Message, Json, int]:
        known = self._known.get(id(message))
        return known or (message, message_to_json(message), estimate(message))


def _fixed(system: str, offered: Mapping[str, object]) -> int:
    return estimate(SystemMessage(system + json.dumps(offered, default=str)))
