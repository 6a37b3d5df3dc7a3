"""Makes the full server for a client that has initialized.  Imports everything."""

from collections.abc import Callable

from inhouse.core.json_values import Json
from inhouse.lsp.server import Server
from inhouse.lsp.session import Session
from inhouse.lsp.transport.parent_process import when_gone
from inhouse.lsp.transport.rpc import EditorRpc


def open_server(
    link: EditorRpc, message: Json, result: Json, on_exit: Callable[[int], None]
) -> Server:
    """Open the server of a client whose ``initialize`` has been answered with *result*."""
    session = Session(link)
    server = Server(session, on_exit)
    server.protocol.answered = message["id"]
    server.protocol.initialize_result = result
    if (process_id := link.client.process_id) is not None:
        leave = when_gone(process_id, lambda: on_exit(1))
        session.spawn(leave, name="watching the client")
    return server
