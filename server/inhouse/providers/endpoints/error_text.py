"""What servers say when they refuse: the sentence for people, the pause, the missing tools."""

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any, cast

import jiter


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After`` (seconds or a date) or ``retry-after-ms``."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}([.][0-9]+)?", text):
            return float(text) * unit
        if text and (date := email.utils.parsedate_tz(text)) is not None:
            return max(0.0, email.utils.mktime_tz(date) - time.time())
    return None


def refuses_tools(said: str) -> bool:
    """Ollama's and vLLM's ways to say that there are no native tool calls (Q13, Q21)."""
    return bool(_NO_TOOLS.search(said))


def message_in(body: Any) -> str:
    """Find the sentence for people in any server's error body."""
    value = parsed(body)
    fields = error_fields(value)
    for key in ("message", "error", "detail", "msg"):
        text = fields.get(key)
        if isinstance(text, str) and text.strip():
            metadata = fields.get("metadata")
            raw = cast("dict[str, Any]", metadata).get("raw") if isinstance(metadata, dict) else ""
            return f"{text.strip()} {raw}".strip() if isinstance(raw, str) else text.strip()
    if isinstance(value, str) and "<" not in value[:64]:
        return value.strip()
    return ""


def parsed(body: Any) -> Any:
    if not isinstance(body, str):
        return body
    try:
        return jiter.from_json(body.encode("utf-8", "replace"))
    except ValueError:
        return body


def error_fields(value: Any) -> dict[str, Any]:
    if isinstance(value, list) and value:
        value = cast("list[Any]", value)[0]
    if not isinstance(value, dict):
        return {}
    fields = cast("dict[str, Any]", value)
    inner = fields.get("error")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else fields


_NO_TOOLS = re.compile(
    r"does not support tools|enable-auto-tool-choice|tool-call-parser"
    r"|tools? (?:calling |use )?(?:is|are) not supported|does not support (?:function|tool)"
    r"|no endpoints found that support tool",
    re.IGNORECASE,
)
