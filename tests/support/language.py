"""Somebody who writes definitions in an editor: ``|`` in a text is where the cursor is.

async with writing.editor(VSCODE) as editor:
    at = writing.open(editor, "scout.ts", "export default { id: 'scout', |}")
    labels = await at.complete()
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.editor import Editor, open_editor, splice

Json = dict[str, Any]
SNIPPETS: Json = {
    "textDocument": {
        "completion": {
            "completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "rename": {"prepareSupport": True},
    }
}
PLAIN: Json = {"textDocument": {"hover": {"contentFormat": ["plaintext"]}}}


def merged(*capabilities: Json) -> Json:
    result: Json = {}
    for each in capabilities:
        for name, value in each.items():
            old = result.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[name] = merged(old, value) if both else value
    return result


class At:
    """A cursor in an open document."""

    def __init__(self, editor: Editor, uri: str, position: Json) -> None:
        self.editor = editor
        self.uri = uri
        self.position = position

    @property
    def text(self) -> str:
        return self.editor.buffers[self.uri]

    async def ask(self, method: str, **more: Any) -> Any:
        params = {"textDocument": {"uri": self.uri}, "position": self.position, **more}
        return await self.editor.request(f"textDocument/{method}", params)

    async def completions(self) -> dict[str, Json]:
        return {item["label"]: item for item in await self.ask("completion") or []}

    async def completed(self, label: str) -> str:
        """The text after a completion was taken."""
        items = await self.completions()
        edit = items[label]["textEdit"]
        return splice(self.text, [edit])

    async def hover(self) -> str:
        result = await self.ask("hover")
        return result["contents"]["value"] if result else ""

    async def actions(self, *, only: list[str] | None = None) -> dict[str, Json]:
        where = {"start": self.position, "end": self.position}
        context = {"diagnostics": [], **({"only": only} if only else {})}
        params = {"textDocument": {"uri": self.uri}, "range": where, "context": context}
        found = await self.editor.request("textDocument/codeAction", params)
        return {each["title"]: each for each in found}

    async def lenses(self) -> dict[str, Json]:
        params = {"textDocument": {"uri": self.uri}}
        found = await self.editor.request("textDocument/codeLens", params)
        return {each["command"]["title"]: each for each in found}

    async def symbols(self) -> Any:
        return await self.editor.request(
            "textDocument/documentSymbol", {"textDocument": {"uri": self.uri}}
        )

    async def problems(self, code: str) -> list[Json]:
        """Wait for a diagnostic of a code."""

        def found() -> list[Json]:
            return [each for each in self.editor.diagnostics(self.uri) if each["code"] == code]

        return await self.editor.until(found)


class Writing:
    """A workspace with definitions."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.settings: Json = {"endpoints": {"here": {"baseUrl": "http://127.0.0.1:9/v1"}}}
        self.settings["defaultEndpoint"] = "here"

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    @asynccontextmanager
    async def editor(
        self, *capabilities: Json, trusted: bool | None = True
    ) -> AsyncGenerator[Editor]:
        options: Json = {"inhouse": self.settings}
        if trusted is not None:
            options["trusted"] = trusted
        environ = {"INHOUSE_HOME": str(self.home), "HOME": str(self.home)}
        async with open_editor(
            self.folder, capabilities=merged(*capabilities), options=options, environ=environ
        ) as editor:
            await editor.command("inhouse.reload")
            yield editor

    def open(self, editor: Editor, name: str, text: str) -> At:
        """Open a file of ``.agents`` (or another folder) with a text that is not saved."""
        before, _, after = text.partition("|")
        path = self.folder / (name if "/" in name else f".agents/{name}")
        line = before.rpartition("\n")[2]
        position = {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}
        return At(editor, editor.open(path, before + after, "typescript"), position)
