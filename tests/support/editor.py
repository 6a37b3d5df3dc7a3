"""An editor for tests: speaks raw JSON-RPC to a real server process, and keeps buffers.

async with open_editor(folder, capabilities=NEOVIM) as editor:
    started = await editor.command("inhouse.run", {"agent": "a"})
    await editor.ended(started["runId"])
"""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class ServerError(Exception):
    def __init__(self, error: Json) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error.get("data")


class Editor:
    """One client.  `on[method]` answers what the server asks; what is missing gets null."""

    def __init__(
        self, process: asyncio.subprocess.Process | None, reader: Any, writer: Any
    ) -> None:
        self.process = process
        self.reader = reader
        self.writer = writer
        self.notifications: list[Json] = []
        self.requests: list[Json] = []
        self.buffers: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.undo: dict[str, list[str]] = {}
        self.hidden: dict[str, str] = {}
        """Buffers that the server is never told of."""
        self.result: Json = {}
        self.stderr = b""
        self.reads_questions = 0.35
        """Seconds before a question is answered, as a person needs them."""
        self.closed = False
        self.reading = asyncio.Event()
        self.reading.set()
        self._ids = itertools.count(1)
        self._open: dict[Any, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self.on: dict[str, Callable[[Any], Any]] = {
            "workspace/applyEdit": self.apply,
            "workspace/configuration": lambda params: [None for _ in params["items"]],
            "window/showDocument": lambda _: {"success": True},
        }

    # Sending.

    def send(self, message: Json) -> None:
        body = json.dumps(message).encode()
        self.writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: Any, seconds: float = 30) -> Any:
        request_id = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[request_id] = future
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return await asyncio.wait_for(future, seconds)

    async def command(self, command: str, *arguments: Any, **more: Any) -> Any:
        params = {"command": command, "arguments": list(arguments), **more}
        return await self.request("workspace/executeCommand", params)

    # Documents.

    def open(self, path: Path, text: str | None = None, language: str = "python") -> str:
        uri = path.as_uri()
        if text is None:
            with path.open(encoding="utf-8", newline="") as file:
                text = file.read()
        self.buffers[uri], self.versions[uri], self.undo[uri] = text, 1, []
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def change(self, uri: str, text: str) -> None:
        self.buffers[uri] = text
        self.versions[uri] += 1
        identifier = {"uri": uri, "version": self.versions[uri]}
        params = {"textDocument": identifier, "contentChanges": [{"text": text}]}
        self.notify("textDocument/didChange", params)

    def change_range(self, uri: str, where: Json, new: str) -> None:
        self.buffers[uri] = splice(self.buffers[uri], [{"range": where, "newText": new}])
        self.versions[uri] += 1
        identifier = {"uri": uri, "version": self.versions[uri]}
        changes = [{"range": where, "text": new}]
        params = {"textDocument": identifier, "contentChanges": changes}
        self.notify("textDocument/didChange", params)

    def close(self, uri: str) -> None:
        self.buffers.pop(uri)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def rename(self, old: Path, new: Path) -> None:
        """Rename a file or a folder, as VS Code does: what was open is closed, then opened."""
        old.rename(new)
        moves = [{"oldUri": old.as_uri(), "newUri": new.as_uri()}]
        self.notify("workspace/didRenameFiles", {"files": moves})
        for uri in [uri for uri in self.buffers if _path(uri).is_relative_to(old)]:
            text = self.buffers[uri]
            self.close(uri)
            self.open(new / _path(uri).relative_to(old), text)

    def apply(self, params: Json) -> Json:
        """Do what ``workspace/applyEdit`` asks, as strictly as an editor."""
        edit = params["edit"]
        for change in edit.get("documentChanges") or []:
            kind = change.get("kind")
            path = _path(change["uri"] if kind else change["textDocument"]["uri"])
            if kind == "create":
                if path.exists():
                    return {"applied": False, "failureReason": "exists"}
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
            elif kind == "delete":
                path.unlink()
            else:
                uri, version = change["textDocument"]["uri"], change["textDocument"]["version"]
                if version is not None and version != self.versions.get(uri):
                    return {"applied": False, "failureReason": "version"}
                self._apply(uri, change["edits"])
        for uri, edits in (edit.get("changes") or {}).items():
            self._apply(uri, edits)
        return {"applied": True}

    def _apply(self, uri: str, edits: list[Json]) -> None:
        if uri in self.buffers:
            self.undo[uri].append(self.buffers[uri])
            self.change(uri, splice(self.buffers[uri], edits))
        else:  # A buffer that the server is never told of.
            text = _path(uri).read_bytes().decode()
            self.hidden[uri] = splice(self.hidden.get(uri, text), edits)

    # Waiting.

    async def until(self, what: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait until *what* gives something true, looking at each message that comes."""

        async def wait() -> Any:
            while not (found := what()):
                self._news.clear()
                await self._news.wait()
            return found

        return await asyncio.wait_for(wait(), seconds)

    def progress(self, token: Any) -> list[Json]:
        return [
            each["params"]["value"]
            for each in self.notifications
            if each["method"] == "$/progress" and each["params"]["token"] == token
        ]

    def events(self, token: Any) -> list[Json]:
        return [event for value in self.progress(token) for event in value["events"]]

    async def ended(self, run_id: str, seconds: float = 30) -> Json:
        """Wait for the end of a run's work-done progress of our own token; give its result."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            result = await self.command("inhouse.result", {"runId": run_id})
            if result["status"] != "running":
                return result
            await asyncio.sleep(0.02)
        raise TimeoutError(run_id)

    def messages(self, method: str) -> list[Any]:
        return [each["params"] for each in self.notifications if each["method"] == method]

    def asked(self, method: str) -> list[Any]:
        return [each.get("params") for each in self.requests if each["method"] == method]

    def diagnostics(self, uri: str) -> list[Json]:
        found = [
            each for each in self.messages("textDocument/publishDiagnostics") if each["uri"] == uri
        ]
        return found[-1]["diagnostics"] if found else []

    # Receiving.

    async def listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self.reading.wait()
                header = await self.reader.readuntil(b"\r\n\r\n")
                length = int(header.split(b":", 1)[1])
                body = await self.reader.readexactly(length)
                await self._handle(json.loads(body))
                self._news.set()
        self.closed = True
        self._news.set()

    async def _handle(self, message: Json) -> None:
        if "method" not in message:
            future = self._open.pop(message.get("id"), None)
            if future is None or future.done():
                self.notifications.append({"method": "?", "params": message})
            elif "error" in message:
                future.set_exception(ServerError(message["error"]))
            else:
                future.set_result(message["result"])
        elif "id" in message:
            self.requests.append(message)
            answer = self.on.get(message["method"])
            value = answer(message.get("params")) if answer else None
            if value is not SILENCE:
                wait = self.reads_questions if "showMessageRequest" in message["method"] else 0
                asyncio.get_running_loop().call_later(wait, self._answer, message["id"], value)
        else:
            self.notifications.append(message)

    def _answer(self, request_id: Any, value: Any) -> None:
        if self.writer.is_closing():
            return
        if isinstance(value, Exception):
            error = {"code": -32601, "message": str(value)}
            self.send({"jsonrpc": "2.0", "id": request_id, "error": error})
        else:
            self.send({"jsonrpc": "2.0", "id": request_id, "result": value})

    async def initialize(self, folder: Path, capabilities: Json, options: Any, **more: Any) -> None:
        params = {
            "processId": os.getpid(),
            "rootUri": folder.as_uri(),
            "capabilities": capabilities,
            "initializationOptions": options,
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
            **more,
        }
        self.result = await self.request("initialize", params)
        self.notify("initialized", {})

    async def leave(self) -> int:
        """Shut down and exit politely; give the exit status."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        return await asyncio.wait_for(self.process.wait(), 30)


SILENCE = object()
"""What a handler in `Editor.on` gives so that the server gets no answer."""


@asynccontextmanager
async def start_server(
    *arguments: str, environ: dict[str, str] | None = None, within: tuple[str, ...] = ()
) -> AsyncGenerator[Editor]:
    """Start ``inhouse lsp`` and nothing more; whatever happens, it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(*within, sys.executable, "-m", "inhouse", "lsp", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environ or {})},
        limit=1 << 26,
    )
    editor = Editor(process, process.stdout, process.stdin)
    listening = asyncio.create_task(editor.listen())

    async def collect() -> None:
        async for line in process.stderr:
            editor.stderr += line

    collecting = asyncio.create_task(collect())
    try:
        yield editor
    except BaseException:
        print(editor.stderr.decode(errors="replace"), file=sys.stderr)  # pytest shows it
        raise
    finally:
        if process.returncode is None:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        await process.wait()
        for task in (listening, collecting):
            task.cancel()
        await asyncio.gather(listening, collecting, return_exceptions=True)


@asynccontextmanager
async def open_editor(
    folder: Path,
    *,
    capabilities: Json | None = None,
    options: Any = None,
    arguments: tuple[str, ...] = (),
    environ: dict[str, str] | None = None,
    within: tuple[str, ...] = (),
    **more: Any,
) -> AsyncGenerator[Editor]:
    """Start the server for a folder and leave politely afterwards; *within* another program."""
    async with start_server(*arguments, environ=environ, within=within) as editor:
        await editor.initialize(folder, capabilities or {}, options, **more)
        yield editor
        if editor.process.returncode is None:
            await editor.leave()


def splice(text: str, edits: list[Json]) -> str:
    """Apply edits as an editor does: all of them made for the same text."""
    starts = [0]
    index = 0
    while index < len(text):
        if text[index] == "\r" and text[index + 1 : index + 2] == "\n":
            index += 1
        if text[index] in "\r\n":
            starts.append(index + 1)
        index += 1

    def offset(place: Json) -> int:
        if place["line"] >= len(starts):
            return len(text)
        at = starts[place["line"]]
        end = starts[place["line"] + 1] if place["line"] + 1 < len(starts) else len(text)
        units = text[at:end].rstrip("\r\n").encode("utf-16-le")[: 2 * place["character"]]
        return at + len(units.decode("utf-16-le"))

    spans = [
        (offset(each["range"]["start"]), offset(each["range"]["end"]), each["newText"])
        for each in edits
    ]
    spans.sort(key=lambda span: span[:2])
    for before, after in itertools.pairwise(spans):
        assert before[1] <= after[0], "edits overlap"
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text


def _path(uri: str) -> Path:
    from urllib.parse import unquote, urlparse

    return Path(unquote(urlparse(uri).path))


VSCODE: Json = {
    "window": {"workDoneProgress": True, "showDocument": {"support": True}, "showMessage": {}},
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
        },
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "executeCommand": {"dynamicRegistration": True},
        "codeLens": {"refreshSupport": True},
        "textDocumentContent": {"dynamicRegistration": True},
        "fileOperations": {"dynamicRegistration": True, "didRename": True},
        "workspaceFolders": True,
    },
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
        "codeLens": {"dynamicRegistration": True},
        "publishDiagnostics": {},
    },
    "general": {"positionEncodings": ["utf-16"]},
}
NEOVIM: Json = {
    "window": {"workDoneProgress": True, "showDocument": {"support": True}, "showMessage": {}},
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"resourceOperations": ["rename", "create", "delete"]},
        "configuration": True,
        "didChangeWatchedFiles": {"dynamicRegistration": False},
    },
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
        "codeLens": {"dynamicRegistration": False},
        "foldingRange": {"dynamicRegistration": False, "lineFoldingOnly": True},
    },
    "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
}
HELIX: Json = {
    "window": {"workDoneProgress": True},
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "workspaceEdit": {"resourceOperations": ["create", "rename", "delete"]},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "executeCommand": {"dynamicRegistration": False},
    },
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
    },
    "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
}
EGLOT: Json = {
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "workspace": {
        "applyEdit": True,
        "executeCommand": {"dynamicRegistration": False},
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "configuration": True,
        "workspaceFolders": True,
    },
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
    },
    "general": {"positionEncodings": ["utf-32", "utf-8", "utf-16"]},
}
