"""What a server's tool returns, as a model and ``handleSteps`` get it."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, cast

from inhouse.core.messages import Image, ToolParts

MOST_CHARACTERS = 50_000
"""Of one result; the middle of a longer one is left out."""
MOST_IMAGE = 5_000_000
"""Characters of base64; no model's server takes more."""
MOST_IMAGES = 8
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def value_of(result: Mapping[str, Any]) -> Any:
    """Return the JSON value of a result: a text alone is that text, as in Codebuff."""
    blocks = [_block(each) for each in _blocks(result)]
    if not blocks and result.get("structuredContent") is not None:
        return _bounded(result["structuredContent"])
    if not blocks:
        return "(The tool returned nothing.)"
    return _bounded(blocks[0] if len(blocks) == 1 else blocks)


def parts_of(result: Mapping[str, Any]) -> ToolParts:
    """Return a result for a model and for ``handleSteps``, each as in Codebuff."""
    blocks = _blocks(result)
    parts = tuple(_part(each) for each in blocks) or ({"type": "json", "value": value_of(result)},)
    return ToolParts(value_of(result), parts, images_of(result))


def images_of(result: Mapping[str, Any]) -> tuple[Image, ...]:
    """Return the pictures of a result that a model can be shown."""
    return tuple(
        Image(str(each["data"]), str(each["mimeType"]))
        for each in _blocks(result)
        if each.get("type") == "image" and _is_picture(each)
    )[:MOST_IMAGES]


def _is_picture(block: Mapping[str, Any]) -> bool:
    data = str(block.get("data", ""))
    if block.get("mimeType") not in _PICTURES or not 0 < len(data) <= MOST_IMAGE:
        return False
    try:
        return bool(b64decode(data, validate=True))
    except ValueError:
        return False


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return one block as Codebuff's ``toolResult`` has it."""
    match block.get("type"):
        case "text":
            return {"type": "json", "value": _cut(str(block.get("text", "")))}
        case "image" | "audio":
            data, kind = str(block.get("data", "")), str(block.get("mimeType", ""))
            return {"type": "media", "data": data[:MOST_IMAGE], "mediaType": kind}
        case "resource":
            held = cast("Mapping[str, Any]", block.get("resource") or {})
            data = str(held.get("text", held.get("blob", "")))
            kind = str(held.get("mimeType") or "text/plain")
            return {"type": "media", "data": data[:MOST_IMAGE], "mediaType": kind}
        case _:
            value = block["uri"] if isinstance(block.get("uri"), str) else json.dumps(dict(block))
            return {"type": "json", "value": _cut(value)}


def text_of(result: Mapping[str, Any]) -> str:
    """Return all text of a result, for an error message."""
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


def _bounded(value: object) -> Any:
    if isinstance(value, str):
        return _cut(value)
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MOST_CHARACTERS else _cut(text)


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half, left_out = MOST_CHARACTERS // 2, len(text) - MOST_CHARACTERS
    return f"{text[:half]}\n[… {left_out:,} more characters …]\n{text[-half:]}"
