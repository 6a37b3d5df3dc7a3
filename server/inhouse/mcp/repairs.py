"""Repairs what servers send against the protocol, before the SDK reads it.

Otherwise one wrong tool would lose all tools of its server, and one wrong block a result.
"""

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, cast

import anyio
from attrs import define
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse

MOST_TOOLS = 2_000
"""Of one page of a listing."""
MOST_DESCRIPTION = 8_000
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("uri", "name"),
}


@define
class RepairedStream:
    """A stream of a server's messages, each repaired; says when there will be no more."""

    _inner: Any
    _ended: Callable[[], None]

    async def receive(self) -> SessionMessage | Exception:
        try:
            return _repaired(await self._inner.receive())
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._ended()
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return _repaired(await self._inner.__anext__())
        except (StopAsyncIteration, anyio.ClosedResourceError):
            self._ended()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _repaired(item: SessionMessage | Exception) -> SessionMessage | Exception:
    if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCResponse):
        result = item.message.result
        if isinstance(result.get("tools"), list):
            found = (_tool(each) for each in cast("list[Any]", result["tools"])[:MOST_TOOLS])
            result["tools"] = [tool for tool in found if tool is not None]
        elif "content" in result or "structuredContent" in result:
            _repair_result(result)
    return item


def _tool(given: Any) -> dict[str, Any] | None:
    """Keep what is used of a tool; None if it has no name."""
    tool = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        return None
    schema = tool.get("inputSchema")
    kept: dict[str, Any] = {
        "name": name,
        "inputSchema": {**schema, "type": "object"} if isinstance(schema, dict) else _NO_INPUT,
    }
    if isinstance(description := tool.get("description"), str):
        kept["description"] = description[:MOST_DESCRIPTION]
    hints = tool.get("annotations")
    if isinstance(hints, dict):
        known = cast("dict[str, Any]", hints)
        kept["annotations"] = {
            key: known[key] for key in _HINTS if isinstance(known.get(key), bool)
        }
    return kept


_NO_INPUT: dict[str, Any] = {"type": "object", "properties": {}}


def _repair_result(result: dict[str, Any]) -> None:
    content = result.get("content")
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    if content is not None and not isinstance(content, list):
        blocks = [content]
    result["content"] = [_block(each) for each in blocks]
    structured = result.get("structuredContent")
    if "structuredContent" in result and not isinstance(structured, dict):
        del result["structuredContent"]
        if structured is not None and not blocks:
            result["content"] = [_text(structured)]
    if "isError" in result:
        result["isError"] = bool(result["isError"])


def _block(given: Any) -> dict[str, Any]:
    block = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    kind = str(block.get("type"))
    block = {key: value for key, value in block.items() if key not in {"annotations", "_meta"}}
    if kind in _FIELDS and all(isinstance(block.get(key), str) for key in _FIELDS[kind]):
        kept = (*_FIELDS[kind], "title", "description", "mimeType")
        return {"type": kind, **{key: block[key] for key in kept if _is_text(block.get(key))}}
    resource = block.get("resource")
    if kind == "resource" and isinstance(resource, dict):
        held = cast("dict[str, Any]", resource)
        whole = {
            key: held[key] for key in ("uri", "mimeType", "text", "blob") if _is_text(held.get(key))
        }
        if "uri" in whole and ("text" in whole or "blob" in whole):
            return {"type": "resource", "resource": whole}
    return _text(given)


def _text(value: Any) -> dict[str, Any]:
    return {"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
