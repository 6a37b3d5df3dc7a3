"""Makes the full server for a client that has initialized.  Imports everything."""

import asyncio
from collections.abc import Callable

from inhouse.core.own_environment import environment
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.lsp.edits.workspace import EditorWorkspace
from inhouse.lsp.runs.questions import EditorApprover
from inhouse.lsp.server import Server
from inhouse.lsp.session import Session
from inhouse.lsp.transport.client import Json
from inhouse.lsp.transport.parent_process import when_gone
from inhouse.lsp.transport.rpc import EditorRpc


def open_server(
    link: EditorRpc, message: Json, result: Json, on_exit: Callable[[int], None]
) -> Server:
    """Open the server of a client whose ``initialize`` has been answered with *result*."""
    client = link.client
    approver = EditorApprover(link)

    def make_workspace(request: WorkspaceRequest) -> EditorWorkspace:
        return session.workspace(request)

    def changed() -> None:
        session.world_changed()

    host = Host(
        roots=client.roots,
        environ=dict(environment()),
        door=HostCallbacks(make_workspace, approver, changed),
        editor_values=client.settings,
        client_trusted=client.trusted,
    )
    started = asyncio.create_task(host.start(), name="starting")
    session = Session(link, host, approver, started)
    server = Server(session, on_exit)
    server.protocol.answered = message["id"]
    server.protocol.initialize_result = result
    if client.process_id is not None:
        leave = when_gone(client.process_id, lambda: on_exit(1))
        session.spawn(leave, name="watching the client")
    return server
