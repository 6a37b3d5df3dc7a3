"""Text that every server accepts: no half of a surrogate pair stands alone."""

from math import isfinite
from typing import Any, cast


def clean_text(text: str) -> str:
    """Join surrogate pairs and replace what is left of broken ones."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def clean_json(value: Any) -> Any:
    """Clean every text in a JSON value, keys too; what is no number becomes null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        return {clean_text(str(key)): clean_json(item) for key, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in cast("list[Any]", value)]
    return None if isinstance(value, float) and not isfinite(value) else value
