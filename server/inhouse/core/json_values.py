"""Foreign JSON, narrowed without trusting it: each function returns the type it says."""

from collections.abc import Mapping
from typing import Any, TypeGuard, cast

Json = dict[str, object]
"""An object that is written, or that nobody has looked into yet."""


def fields(value: Any) -> dict[str, Any]:
    """Return an object's members; none if the value is not an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the members of an object that may be frozen; none if the value is not an object."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return a list's items; none if the value is not a list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; anything else in it is left out."""
    return [cast("dict[str, Any]", one) for one in items(value) if isinstance(one, dict)]


def texts(value: Any) -> list[str]:
    """Return the texts of a list; anything else in it is left out."""
    return [one for one in items(value) if isinstance(one, str)]


def text(value: Any) -> str:
    """Return a string; an empty one if the value is not a string."""
    return value if isinstance(value, str) else ""


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a JSON number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any) -> int | None:
    """Return a positive whole number, else None."""
    is_one = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_one else None
