"""What pygls does that we work around: when one of these fails, a workaround can go."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import Future, InvalidStateError

import pytest
from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument


class Writer:
    def __init__(self):
        self.sent = []

    def write(self, data):
        self.sent.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))

    def close(self):
        pass


def make_server():
    server = LanguageServer("test", "1")
    writer = Writer()
    server.protocol.set_writer(writer)
    return server, writer


def receive(server, message):
    text = json.dumps({"jsonrpc": "2.0", **message})
    server.protocol.handle_message(json.loads(text, object_hook=server.protocol.structure_message))


def initialize(server, capabilities=None):
    params = {"capabilities": capabilities or {}, "processId": None, "rootUri": None}
    receive(server, {"id": 0, "method": "initialize", "params": params})


async def test_a_command_runs_on_when_its_request_is_cancelled():
    server, writer = make_server()
    initialize(server)
    done = asyncio.Event()

    @server.command("slow")
    async def slow(*_):
        await asyncio.sleep(0.05)
        done.set()

    receive(server, {"id": 1, "method": "workspace/executeCommand", "params": {"command": "slow"}})
    receive(server, {"method": "$/cancelRequest", "params": {"id": 1}})
    await asyncio.wait_for(done.wait(), 5)

    assert writer.sent[-1]["error"]["code"] == -32800


async def test_shutdown_breaks_while_a_command_runs():
    server, writer = make_server()
    initialize(server)

    @server.command("slow")
    async def slow(*_):
        await asyncio.sleep(1)

    receive(server, {"id": 1, "method": "workspace/executeCommand", "params": {"command": "slow"}})
    receive(server, {"id": 2, "method": "shutdown"})
    await asyncio.sleep(0.01)

    answer = next(each for each in writer.sent if each.get("id") == 2)
    assert "dictionary changed size" in answer["error"]["message"]  # pygls issue 606


async def test_the_token_of_a_command_is_dropped():
    server, _ = make_server()
    initialize(server)
    seen = []

    @server.command("c")
    def command(*arguments):
        seen.append(arguments)

    params = {"command": "c", "arguments": [{"a": 1}], "workDoneToken": "mine"}
    receive(server, {"id": 1, "method": "workspace/executeCommand", "params": params})

    assert "mine" not in str(seen)


async def test_a_future_never_resolves_when_the_answer_has_another_shape():
    server, writer = make_server()
    initialize(server)
    future = server.protocol.send_request(
        "window/showDocument", types.ShowDocumentParams(uri="file:///x")
    )
    with pytest.raises(Exception):  # noqa: B017, PT011  whatever it raises
        receive(server, {"id": writer.sent[-1]["id"], "result": None})

    assert isinstance(future, Future)
    assert not future.done()


async def test_tokens_of_progress_are_never_cleaned():
    server, _ = make_server()
    progress = server.work_done_progress
    progress.begin("t", types.WorkDoneProgressBegin(title="x"))
    progress.end("t", types.WorkDoneProgressEnd())

    assert "t" in progress.tokens


def test_text_document_content_is_not_advertised():
    features = {types.WORKSPACE_TEXT_DOCUMENT_CONTENT}
    capabilities = ServerCapabilitiesBuilder(
        types.ClientCapabilities(), features, {}, [], types.TextDocumentSyncKind.Incremental
    ).build()

    assert getattr(capabilities.workspace, "text_document_content", None) is None


def test_the_position_encoding_is_the_clients_choice():
    general = types.GeneralClientCapabilities(position_encodings=["utf-8", "utf-16"])

    assert (
        ServerCapabilitiesBuilder.choose_position_encoding(
            types.ClientCapabilities(general=general)
        )
        == "utf-8"
    )


def test_documents_drift_where_a_text_holds_a_form_feed():
    document = TextDocument("file:///x", "a\fb\nc\n", version=1)
    where = types.Range(types.Position(1, 0), types.Position(1, 1))
    document.apply_change(types.TextDocumentContentChangePartial(range=where, text="C"))

    assert document.source != "a\fb\nC\n"


def test_a_method_cannot_be_a_handler():
    server, _ = make_server()

    class Handlers:
        def opened(self, params):
            pass

    with pytest.raises(AttributeError):
        server.feature(types.TEXT_DOCUMENT_DID_OPEN)(Handlers().opened)


def test_neither_pygls_nor_the_host_is_needed_to_answer_initialize():
    code = (
        "import sys, inhouse.lsp.stdio\n"
        "slow = {'lsprotocol', 'openai', 'inhouse.host', 'cattrs', 'tree_sitter', 'wasmtime'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


async def test_finished_commands_stay_in_the_table_of_futures():
    server, _ = make_server()
    initialize(server)

    @server.command("quick")
    async def quick(*_):
        return "kept"

    for number in range(3):
        params = {"command": "quick"}
        receive(server, {"id": number, "method": "workspace/executeCommand", "params": params})
    await asyncio.sleep(0.05)

    kept = [each for each in server.protocol._request_futures.values() if each.done()]
    assert [each.result() for each in kept] == ["kept"] * 3


async def test_an_answer_to_a_cancelled_question_is_an_error():
    server, writer = make_server()
    initialize(server)
    params = types.ShowMessageRequestParams(types.MessageType.Info, "Well?")
    asking = asyncio.ensure_future(server.protocol.send_request_async("x/ask", params))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.sleep(0.01)
    question = writer.sent[-1]

    with pytest.raises(InvalidStateError):
        receive(server, {"id": question["id"], "result": None})


def test_a_server_that_waits_has_not_imported_what_only_a_run_needs():
    code = (
        "import sys, inhouse.lsp.bootstrap\n"
        "late = {'inhouse.loop', 'inhouse.tools.registry', 'inhouse.host.run_model',\n"
        "        'openai', 'httpx2', 'jiter', 'pyjson5', 'watchfiles', 'anyio._backends',\n"
        "        'filelock', 'decimal', 'zipfile', 'importlib.resources'}\n"
        "print(sorted(late & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_types_that_are_loaded_in_little_memory_read_and_refuse_as_ever():
    code = """
import sys
if sys.argv[1] == "light":
    from inhouse.lsp.transport.light_imports import load_pygls
    load_pygls()
from concurrent.futures import ThreadPoolExecutor
from lsprotocol import converters, types
import attrs
convert = converters.get_converter()
with ThreadPoolExecutor(8) as pool:
    made = pool.map(lambda at: types.Range(types.Position(at, 1), types.Position(2, at)), range(64))
print([convert.unstructure(one) for one in made])
for each in vars(types).values():
    if isinstance(each, type) and attrs.has(each):
        try:
            made = each()
        except TypeError as error:
            print(each.__name__, error)
        else:
            print(each.__name__, convert.unstructure(made), made == each(), made != 1)
try:
    types.Position(-1, 0)
except ValueError as error:
    print(error)
params = {"textDocument": {"uri": "file:///a"}, "position": {"line": 1, "character": 2}}
made = convert.structure(params, types.CompletionParams)
print(convert.unstructure(made), made.position > types.Position(0, 5))
print(len(types.CompletionItem.__init__.__globals__) > 100, file=sys.stderr)
"""
    light, plain = (
        subprocess.run(
            [sys.executable, "-c", code, how], capture_output=True, text=True, check=True
        )
        for how in ("light", "plain")
    )

    assert light.stdout == plain.stdout
    assert light.stdout.count("\n") > 500
    assert (light.stderr.strip(), plain.stderr.strip()) == ("False", "True")
