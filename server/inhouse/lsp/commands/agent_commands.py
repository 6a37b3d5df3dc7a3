"""One command for each agent, kept current if the client supports dynamic registration."""

import asyncio
from typing import TYPE_CHECKING, Any

from inhouse.core.errors import InhouseError
from inhouse.lsp.contract.command_names import AGENT_PREFIX
from inhouse.lsp.transport.early_agents import keep_agent_ids

if TYPE_CHECKING:
    from inhouse.lsp.editor_context import EditorContext

_PATIENCE = 10.0
_METHOD = "workspace/executeCommand"


class AgentCommands:
    """Registers ``inhouse.run.AGENT-ID`` for every agent that is loaded."""

    def __init__(self, context: "EditorContext") -> None:
        self._context = context
        self._registered: tuple[str, ...] = ()
        self._turn = asyncio.Lock()

    async def update(self) -> None:
        """Register new agents' commands and unregister those that are gone."""
        client, agents = self._context.client, self._context.host.world.catalog.agents
        if not client.registers_commands:
            async with self._turn:
                await asyncio.to_thread(keep_agent_ids, client, tuple(agents))
            return
        async with self._turn:
            wanted = tuple(
                f"{AGENT_PREFIX}{agent}" for agent in self._context.host.world.catalog.agents
            )
            gone = [name for name in self._registered if name not in wanted]
            new = [name for name in wanted if name not in self._registered]
            if gone:
                await self._ask(
                    "client/unregisterCapability",
                    {"unregisterations": [{"id": name, "method": _METHOD} for name in gone]},
                )
            if new:
                await self._ask("client/registerCapability", {"registrations": [*map(_entry, new)]})
            self._registered = wanted

    async def _ask(self, method: str, params: dict[str, Any]) -> None:
        try:
            await self._context.rpc.request(method, params, seconds=_PATIENCE)
        except (InhouseError, TimeoutError):
            return  # The command works anyway when it is sent.


def _entry(name: str) -> dict[str, Any]:
    return {"id": name, "method": _METHOD, "registerOptions": {"commands": [name]}}
