"""An editor in a hundred lines: starts the language server, runs one agent, shows what comes back.

.venv/bin/python scripts/demo_client.py [AGENT [PROMPT [FILE]]]
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "demo"
console = Console(highlight=False, soft_wrap=True)


async def main(agent: str, prompt: str, file: Path) -> int:
    """Run *agent* about *file* and show the stream, the route and the usage."""
    client = LanguageClient("inhouse-demo", "1")
    finished: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    @client.feature(types.PROGRESS)
    def on_progress(params: Any) -> None:
        if params.token != TOKEN:
            return
        for event in plain(params.value)["events"]:
            show(event)
            if event["kind"] == "finish" and event["runId"] and "parent" not in event:
                finished.set_result(event["result"])

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def on_diagnostics(_: Any) -> None:
        """Show none: pygls would say that it ignores them."""

    await client.start_io(sys.executable, "-m", "inhouse", "lsp")
    await client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(),
            root_uri=ROOT.as_uri(),
            workspace_folders=[types.WorkspaceFolder(ROOT.as_uri(), ROOT.name)],
            initialization_options={"trusted": True, "inhouse": {"embedded": True}},
        )
    )
    client.initialized(types.InitializedParams())
    argument = {"agent": agent, "prompt": prompt, "uri": file.as_uri(), "streamToken": TOKEN}
    console.print(f"[dim]inhouse.run {argument}[/]")
    await client.workspace_execute_command_async(
        types.ExecuteCommandParams("inhouse.run", [argument])
    )
    result = await finished
    summarise(result)
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    return 0 if result["status"] == "completed" else 1


def show(event: dict[str, Any]) -> None:
    """Show one event as it arrives."""
    match event["kind"]:
        case "start":
            show_route(event["route"])
        case "text":
            sys.stdout.write(event["delta"])
            sys.stdout.flush()
        case "tool_call":
            console.print(f"[cyan]→ {event['tool']}[/] {event['input']}")
        case "tool_result":
            console.print(f"[cyan]← {event['summary']}[/]")
        case "notice":
            console.print(f"[yellow]{event['message']}[/]")


def show_route(route: dict[str, Any]) -> None:
    """Show who serves the run, and why."""
    where = "[green]on this machine[/]" if route["local"] else "[red]remote[/]"
    console.print(f"[bold]{route['endpoint']}[/] · {route['model']} · {where}")
    console.print(f"[dim]decided by {route['decidedBy']}: {route['source']}[/]\n")


def summarise(result: dict[str, Any]) -> None:
    """Show what the run cost and which hosts it talked to."""
    usage = result["usage"]
    console.print(
        f"\n\n[bold]{result['status']}[/] in {result['durationMs'] / 1000:.1f} s, "
        f"first token after {result['firstTokenMs']} ms, "
        f"{usage['inputTokens']} tokens in, {usage['outputTokens']} out"
    )
    if "error" in result:
        console.print(f"[red]{result['error']['message']}[/]")
    for contact in result["contacts"]:
        console.print(
            f"[dim]talked to {contact['host']} ({contact['address']}): "
            f"{contact['bytesSent']} bytes sent, {contact['bytesReceived']} received[/]"
        )


def plain(value: Any) -> Any:
    """Give pygls's objects for unknown JSON as plain dictionaries."""
    if hasattr(value, "_asdict"):
        return {key: plain(each) for key, each in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


if __name__ == "__main__":
    arguments = sys.argv[1:]
    agent = arguments[0] if arguments else "explain"
    prompt = arguments[1] if len(arguments) > 1 else "What is this class for?"
    file = Path(arguments[2]) if len(arguments) > 2 else ROOT / "server/inhouse/core/secret.py"  # noqa: PLR2004
    sys.exit(asyncio.run(main(agent, prompt, file.resolve())))
