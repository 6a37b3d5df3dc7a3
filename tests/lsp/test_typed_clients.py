"""A client that checks every message against the protocol's types, as other clients are."""

import asyncio
import sys

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from support.model_server import ModelServer, call


@pytest_lsp.fixture(
    params=["neovim", "visual_studio_code", "emacs"],
    config=ClientServerConfig(server_command=[sys.executable, "-m", "inhouse", "lsp"]),
)
async def client(request, lsp_client: LanguageClient, tmp_path):
    folder = (tmp_path / "work").resolve()
    (folder / ".agents").mkdir(parents=True)
    (folder / ".agents" / "fixer.ts").write_text(
        'export default { id: "fixer", displayName: "Fixer", model: "m",\n'
        '  toolNames: ["str_replace"] }\n'
    )
    (folder / "a.txt").write_text("old\n")

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    @lsp_client.feature(types.WORKSPACE_CODE_LENS_REFRESH)
    def accept(_params=None):
        return None

    with ModelServer() as server:
        server.play(
            call("str_replace", path="a.txt", replacements=[{"oldString": "old", "newString": "n"}])
        )
        lsp_client.folder = folder
        settings = {
            "endpoints": {"test": {"baseUrl": server.base_url}},
            "defaultEndpoint": "test",
        }
        await lsp_client.initialize_session(
            types.InitializeParams(
                capabilities=client_capabilities(request.param),
                root_uri=folder.as_uri(),
                initialization_options={"inhouse": settings, "trusted": True},
            )
        )
        yield
        await asyncio.wait_for(lsp_client.shutdown_session(), 20)


def execute(client, command, *arguments):
    return client.workspace_execute_command_async(
        types.ExecuteCommandParams(command, list(arguments))
    )


@pytest.mark.asyncio
async def test_all_that_is_said_in_a_run_and_its_review_has_the_protocols_types(client):
    path = client.folder / "a.txt"
    item = types.TextDocumentItem(path.as_uri(), "plaintext", 1, path.read_text())
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    started = await execute(client, "inhouse.run", {"agent": "fixer", "prompt": "hi"})
    assert started["runId"]

    def ended():
        return [r for r in client.progress_reports.get("inhouse-run-1", []) if r.kind == "end"]

    for _ in range(1000):
        if ended() and client.diagnostics.get(path.as_uri()):
            break
        await asyncio.sleep(0.02)
    assert len(ended()) == 1
    assert client.diagnostics[path.as_uri()][0].source == "inhouse"
    document = types.TextDocumentIdentifier(path.as_uri())
    where = types.Range(types.Position(0, 0), types.Position(0, 0))
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(document, where, types.CodeActionContext([]))
    )
    assert "Apply this hunk" in [action.title for action in actions]
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(document))
    assert lenses[0].command.command == "inhouse.edits.apply"
    assert client.error is None
