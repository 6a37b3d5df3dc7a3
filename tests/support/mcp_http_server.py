"""A server of the official SDK over HTTP: prints its port, then serves until it is killed."""

import asyncio
import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("calculator")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def team(context: Context) -> str:
    """Say who calls."""
    return context.request_context.request.headers.get("x-team", "nobody")


async def main(kind):
    app = server.streamable_http_app() if kind == "http" else server.sse_app()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # who connects from now on waits, and is not refused
    print(listening.getsockname()[1], flush=True)
    await uvicorn.Server(uvicorn.Config(app, log_level="error")).serve([listening])


asyncio.run(main(sys.argv[1]))
