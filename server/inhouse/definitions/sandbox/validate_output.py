"""Validates what comes out of the sandbox, trusting nothing.

It must be JSON, not too deep, with only JSON's numbers, and in valid Unicode.
"""

import json
from typing import Any

_MOST_DEPTH = 120


def checked(body: bytes) -> Any:
    """Raises `ValueError` or `RecursionError`."""
    return _plain(json.loads(body, parse_constant=_refuse_constant), 0)


def checked_object(body: bytes) -> dict[str, Any]:
    """Raises `ValueError` or `RecursionError`."""
    value = checked(body)
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004
    return value  # pyright: ignore[reportUnknownVariableType]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"the number {name}")


def _plain(value: Any, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {_clean(str(key)): _plain(each, depth + 1) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _clean(text: str) -> str:
    """Replace unpaired surrogates, which no file and no server accepts."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
