"""Answers ``initialize`` before anything slow is imported, even asyncio and attrs.

An editor shows nothing of a server before this answer.  It needs a few lines of JSON, so this
module and what it imports do without whatever takes long; tests/lsp/test_initialize.py has the
list.
"""

import json
from typing import Any, NamedTuple

from inhouse.core.json_values import Json, fields
from inhouse.lsp.contract.command_names import AGENT_PREFIX, COMMANDS
from inhouse.lsp.contract.server_capabilities import initialize_result
from inhouse.lsp.transport.client import EditorClient, read_client
from inhouse.lsp.transport.framing import Framing, encoded
from inhouse.pipes.standard_streams import read_some, write_all

AGENTS_BUDGET = 1.0
"""Seconds that ``initialize`` may wait for agents if the client has no dynamic registration."""


class Answered(NamedTuple):
    """An ``initialize`` that has its answer."""

    body: bytes
    message: Json
    client: EditorClient
    result: Json


class Beginning(NamedTuple):
    """What a connection has read and answered so far."""

    framing: Framing
    """Holds what came after the first message."""
    first: bytes | None = None
    """The first message, unless it was answered."""
    answered: Answered | None = None


def begin(source: int, target: int) -> Beginning:
    """Wait for the first message on a pipe and answer it, if it is an ``initialize``.

    It is left alone if definitions have to be read for the answer, and whatever else is unusual.
    """
    framing = Framing()
    while data := read_some(source):
        body = next(framing.feed(data), None)
        if body is not None:
            answered = _answer(body, target)
            return Beginning(framing, None if answered else body, answered)
    return Beginning(framing)


def read_message(body: bytes) -> Json:
    """Return a message's members; none if it is no JSON object."""
    try:
        return fields(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def asks(message: Json) -> bool:
    """Return whether a message is the request ``initialize``."""
    return message.get("method") == "initialize" and "id" in message


def answer(answered: Answered) -> bytes:
    """Return the answer as it is sent."""
    return encoded({"jsonrpc": "2.0", "id": answered.message["id"], "result": answered.result})


def all_commands(agents: list[str]) -> list[str]:
    """Return the commands for a client that cannot be told of agents' commands later."""
    return [*COMMANDS, *(f"{AGENT_PREFIX}{agent}" for agent in agents)]


def _answer(body: bytes, target: int) -> Answered | None:
    message: dict[str, Any] = read_message(body)
    if not asks(message):
        return None
    try:
        client = read_client(message.get("params"))
        commands = _commands(client)
        if commands is None:
            return None
        answered = Answered(body, message, client, initialize_result(client, commands))
        write_all(target, answer(answered))
    except OSError:  # The folder or the editor has gone: what comes next tells it.
        return None
    return answered


def _commands(client: EditorClient) -> list[str] | None:
    """Return the commands as far as they are known without reading a definition."""
    if client.registers_commands:
        return list(COMMANDS)
    from inhouse.lsp.transport.early_agents import kept_agent_ids  # noqa: PLC0415  for few clients

    kept = kept_agent_ids(client, seconds=AGENTS_BUDGET)
    return None if kept is None else all_commands(kept)
