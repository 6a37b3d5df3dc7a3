"""The MCP servers that a client supplies, in the form of a definition's ``mcpServers``.

Source: https://agentclientprotocol.com/protocol/session-setup#mcp-servers.
"""

from collections.abc import Iterable
from typing import Any

from inhouse.core.json_values import Json


def client_servers(servers: Iterable[Any]) -> dict[str, Json]:
    """Read the SDK's server values.  A slash in a name, which no tool could have, is removed."""
    found: dict[str, Json] = {}
    for server in servers:
        name = str(server.name).replace("/", "-")
        if getattr(server, "command", None) is not None:
            found[name] = {
                "type": "stdio",
                "command": server.command,
                "args": list(server.args or ()),
                "env": {each.name: each.value for each in server.env or ()},
            }
        elif getattr(server, "url", None) is not None:
            found[name] = {
                "type": "sse" if server.type == "sse" else "http",
                "url": server.url,
                "headers": {each.name: each.value for each in server.headers or ()},
            }
    return found
