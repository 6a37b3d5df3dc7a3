"""Commands in the client's terminals, where the user watches them run.

Source: https://agentclientprotocol.com/protocol/terminals.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from inhouse.core.json_values import Json
from inhouse.core.ports import ClientTerminal, TerminalRun
from inhouse.processes import MARK, find_program, kill_marked, new_mark

from .client_calls import ClientCalls
from .updates import UpdateStream

_MOST_OUTPUT = 1 << 20
"""Bytes of a command's output that the client has to keep."""
_SIGNALLED = 128


def terminal_of(calls: ClientCalls, updates: UpdateStream) -> ClientTerminal | None:
    """Return the client's terminals; None if none can run our commands.

    The client's own variables would reach a command: only ``env -i`` removes them.
    """
    if not calls.has_terminals or os.name == "nt" or (env := find_program("env")) is None:
        return None
    return _ClientTerminal(calls, updates, env)


class _ClientTerminal:
    """Runs each command in its own terminal."""

    def __init__(self, calls: ClientCalls, updates: UpdateStream, env: str) -> None:
        self._calls = calls
        self._updates = updates
        self._env = env
        self._ending: set[asyncio.Task[None]] = set()

    async def run(
        self,
        call_id: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        seconds: float,
    ) -> TerminalRun | None:
        """Run it in a new terminal, with these variables and no others."""
        mark = new_mark()
        variables = [f"{name}={value}" for name, value in {**environment, MARK: mark}.items()]
        terminal = await self._calls.create_terminal(
            self._env, ["-i", *variables, *argv], cwd=cwd, most_bytes=_MOST_OUTPUT
        )
        if terminal is None:
            return None
        self._updates.terminal(call_id, terminal)
        over = False
        try:
            ended: Json | None = None
            try:
                async with asyncio.timeout(seconds):
                    ended = await self._ask("terminal/wait_for_exit", terminal)
            except TimeoutError:
                await self._ask("terminal/kill", terminal)
            told = await self._ask("terminal/output", terminal)
            over = True
        finally:
            # Also if this is cancelled: the client ends it and forgets it.
            task = asyncio.create_task(self._end(terminal, mark, over=over), name="end-terminal")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        output = told.get("output")
        if not isinstance(output, str):
            output = "(The editor did not report what the command printed.)"
        return TerminalRun(output, None if ended is None else _code(ended))

    async def _ask(self, method: str, terminal: str) -> Json:
        return await self._calls.about_terminal(method, terminal)

    async def _end(self, terminal: str, mark: str, *, over: bool) -> None:
        if not over:
            await self._ask("terminal/kill", terminal)
        await self._ask("terminal/release", terminal)
        await asyncio.to_thread(kill_marked, mark)


def _code(ended: Json) -> int:
    """Read a command's exit status; without one from the client it is not a success."""
    code = ended.get("exitCode")
    return code if isinstance(code, int) else _SIGNALLED
