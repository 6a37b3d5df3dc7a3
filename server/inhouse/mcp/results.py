"""What a tool of a server gives back, as a model and ``handleSteps`` get it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from inhouse.core.messages import Image

MOST_CHARACTERS = 50_000
"""Of one result; its middle is left out where it is longer."""


def value_of(result: Mapping[str, Any]) -> Any:
    """Give the JSON value of a result: a text alone is that text, as in Codebuff."""
    blocks = [_block(each) for each in _blocks(result)]
    if not blocks and result.get("structuredContent") is not None:
        return _bounded(result["structuredContent"])
    if not blocks:
        return "(The tool gave back nothing.)"
    return _bounded(blocks[0] if len(blocks) == 1 else blocks)


def images_of(result: Mapping[str, Any]) -> tuple[Image, ...]:
    """Give the pictures of a result."""
    return tuple(
        Image(str(each["data"]), str(each.get("mimeType") or "image/png"))
        for each in _blocks(result)
        if each.get("type") == "image" and each.get("data")
    )


def text_of(result: Mapping[str, Any]) -> str:
    """Give all that a result says in words, for an error."""
    texts = [str(each["text"]) for each in _blocks(result) if each.get("type") == "text"]
    return _cut("\n".join(texts)).strip()


def _block(block: Mapping[str, Any]) -> Any:
    match block.get("type"):
        case "text":
            return str(block.get("text", ""))
        case "image" | "audio" as kind:
            size = len(str(block.get("data", ""))) * 3 // 4
            return {"type": kind, "mimeType": str(block.get("mimeType", "")), "bytes": size}
        case "resource":
            return _resource(cast("Mapping[str, Any]", block.get("resource") or {}))
        case "resource_link":
            kept = ("uri", "name", "title", "description", "mimeType")
            told = {key: block[key] for key in kept if block.get(key)}
            return {"type": "resource_link", **told}
        case _:
            return dict(block)


def _resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: resource[key] for key in ("uri", "mimeType") if resource.get(key)}
    if "text" in resource:
        return {"type": "resource", **told, "text": str(resource["text"])}
    return {"type": "resource", **told, "bytes": len(str(resource.get("blob", ""))) * 3 // 4}


def _blocks(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = result.get("content")
    return cast("list[Mapping[str, Any]]", content) if isinstance(content, list) else ()


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MOST_CHARACTERS else _cut(text)


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half, left_out = MOST_CHARACTERS // 2, len(text) - MOST_CHARACTERS
    return f"{text[:half]}\n[… {left_out:,} more characters …]\n{text[-half:]}"
