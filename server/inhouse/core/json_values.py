"""Foreign JSON, taken apart without believing it."""

from typing import Any, cast


def fields(value: Any) -> dict[str, Any]:
    """Return an object's members; none where it is no object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list's items; none where it is no list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int | None:
    """Return a positive whole number, else None."""
    is_one = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_one else None
