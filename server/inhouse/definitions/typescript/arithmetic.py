"""JavaScript's operators on plain values."""

from collections.abc import Callable, Mapping
from typing import Any

from inhouse.core.json_values import is_number
from inhouse.definitions.readers.parsed_values import UNDEFINED, UNKNOWN, FunctionText
from inhouse.definitions.typescript.js_values import as_text, is_true, whole

_NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right if right else UNKNOWN,
    "+": lambda left, right: left + right,
}
_EQUALS = {"===": True, "!==": False}


def binary_value(operator: str, left: object, right: object) -> Any:  # noqa: PLR0911 - a table
    """Return the result, or `UNKNOWN`."""
    if is_missing(left):
        return UNKNOWN
    match operator:
        case "&&":
            return right if is_true(left) else left
        case "||":
            return left if is_true(left) else right
        case "??":
            return right if left is None or left is UNDEFINED else left
        case _ if is_missing(right):
            return UNKNOWN
        case "===" | "!==" if not any(isinstance(each, FunctionText) for each in (left, right)):
            return _is_same(left, right) is _EQUALS[operator]
        case "+" if isinstance(left, str) or isinstance(right, str):
            return _joined(left, right)
        case _ if operator in _NUMBERS and is_number(left) and is_number(right):
            return _calculated(operator, left, right)
        case _:
            return UNKNOWN


def is_missing(value: object) -> bool:
    """Return whether only an evaluation shows the value."""
    return value is UNKNOWN


def _is_same(left: object, right: object) -> bool:
    """Compare scalars strictly: Python's True equals 1, and JavaScript's 1 is 1.0."""
    if is_number(left) and is_number(right):
        return left == right
    return type(left) is type(right) and left == right


def _joined(left: object, right: object) -> Any:
    before, after = as_text(left), as_text(right)
    if isinstance(before, str) and isinstance(after, str):
        return before + after
    return UNKNOWN


def _calculated(operator: str, left: float, right: float) -> Any:
    result = _NUMBERS[operator](left, right)
    return whole(float(result)) if isinstance(result, int | float) else UNKNOWN
