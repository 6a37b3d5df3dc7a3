"""JSON Schema that takes bounded time: the only module that knows jsonschema.

A schema comes with a definition or an MCP server, and may double its work with each reference, have
a pattern that backtracks for years, or compare each of many items with each other.  So steps are
counted, items are compared by their text, and a pattern is left out for a text on which it could
take long.  Nothing that a schema refers to is fetched.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, partial
from importlib import import_module
from itertools import islice
from typing import Any, cast

from attrs import define, fields

MOST_STEPS = 200_000
"""Steps of one check, about ten microseconds each."""
_MOST_WAYS = 2_000_000
"""Ways to match a text that a pattern may try."""
_MOST_ERRORS = 100


class TooManyStepsError(Exception):
    """A schema asks for more work than it may."""


@define
class _Steps:
    left: int
    size: int = 0
    """Characters of the schema, which the library searches for each anchor."""


_steps: ContextVar[_Steps | None] = ContextVar("steps", default=None)


@contextmanager
def one_check() -> Generator[_Steps]:
    """Let whatever is checked inside share the steps of one check."""
    if (counted := _steps.get()) is not None:
        yield counted
        return
    token = _steps.set(counted := _Steps(MOST_STEPS))
    try:
        yield counted
    finally:
        _steps.reset(token)


def errors_of(schema: Mapping[str, Any]) -> list[Any]:
    """Return what is not valid in a schema itself (2020-12), as errors of jsonschema.

    Raises `TooManyStepsError` and `RecursionError`.
    """
    return _errors(_meta_validator(), schema)


def checker(schema: Mapping[str, Any]) -> Callable[[object], list[Any]]:
    """Return a function that returns the errors of a value, and raises as `errors_of` does.

    A reference to something that is not there allows everything, and so does what is not valid
    in the schema and hidden from `errors_of` (``{"$ref": "#/x", "x": {"pattern": 5}}``).
    """
    from referencing import Registry  # noqa: PLC0415  Slow to import.

    # An empty registry: a ``$ref`` to somewhere else is never fetched.
    registry = cast("Any", Registry)()
    validator = _validator_class()(schema, registry=registry)
    size = len(json.dumps(schema, default=str))

    def check(value: object) -> list[Any]:
        try:
            return _errors(validator, value, size)
        except (TooManyStepsError, RecursionError, MemoryError):
            raise
        except Exception:  # noqa: BLE001  the library raises anything for a schema that is not valid
            return []

    return check


def _errors(validator: Any, value: object, size: int = 0) -> list[Any]:
    with one_check() as steps:
        steps.size = size
        return list(islice(cast("Iterator[Any]", validator.iter_errors(value)), _MOST_ERRORS))


@cache
def _meta_validator() -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  Slow to import.

    return _validator_class()(Draft202012Validator.META_SCHEMA)


@cache
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415  Slow to import.

    plain = cast("Mapping[str, Any]", Draft202012Validator.VALIDATORS)
    own: dict[str, Any] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        # The library evaluates the whole schema once more for these, uncounted.
        "unevaluatedItems": _left_out,
        "unevaluatedProperties": _left_out,
    }
    for name in ("$ref", "$dynamicRef"):
        own[name] = partial(_reference, plain[name])
    counted = {name: partial(_counted, keyword) for name, keyword in {**plain, **own}.items()}
    bounded = cast("Any", validators).extend(Draft202012Validator, counted)
    names = [(each.name, each.alias) for each in fields(bounded) if each.init]

    def evolve(self: Any, **changes: Any) -> Any:
        """Stay in this class; the library's own ``evolve`` leaves it at each ``$schema``."""
        unchanged = {alias: getattr(self, name) for name, alias in names if alias not in changes}
        return bounded(**unchanged, **changes)

    bounded.evolve = evolve
    return bounded


def _counted(keyword: Any, validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
    """Check a keyword, and count how much there is to compare."""
    _spend(1 + _size(wanted) // 4 + _size(value) // 64)
    return keyword(validator, wanted, value, schema)


def _left_out(*_: Any) -> None:
    return None


def _reference(keyword: Any, validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
    with one_check() as steps:
        if not str(wanted).startswith("#/"):
            _spend(steps.size // 200)
    return keyword(validator, wanted, value, schema)


def _spend(steps: int) -> None:
    with one_check() as counted:
        counted.left -= steps
        if counted.left < 0:
            raise TooManyStepsError


def _size(value: Any) -> int:
    return len(cast("str", value)) if isinstance(value, (list, dict, str)) else 0


def _pattern(validator: Any, wanted: str, value: Any, _: Any) -> Generator[Any, None, None]:
    if validator.is_type(value, "string") and _matches(wanted, value) is False:
        yield _error(f"{value!r} does not match {wanted!r}")


def _pattern_properties(
    validator: Any, wanted: Mapping[str, Any], value: Any, _: Any
) -> Generator[Any, None, None]:
    if validator.is_type(value, "object"):
        for pattern, inner in wanted.items():
            for name, item in value.items():
                if _matches(pattern, name):
                    yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, wanted: Any, value: Any, schema: Mapping[str, Any]
) -> Generator[Any, None, None]:
    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [
        name
        for name in value
        if name not in known and not any(_matches(each, name) is not False for each in patterns)
    ]
    if validator.is_type(wanted, "object"):
        for name in extra:
            yield from validator.descend(value[name], wanted, path=name)
    elif not wanted and extra:
        names = ", ".join(map(repr, sorted(extra)))
        were = "was" if len(extra) == 1 else "were"
        yield _error(f"Additional properties are not allowed ({names} {were} unexpected)")


def _unique_items(validator: Any, wanted: Any, value: Any, _: Any) -> Generator[Any, None, None]:
    if not wanted or not validator.is_type(value, "array"):
        return
    seen = set[str]()
    for item in value:
        text = json.dumps(_plain(item), sort_keys=True)
        _spend(len(text) // 64)
        if text in seen:
            yield _error(f"{value!r} has non-unique elements")
            return
        seen.add(text)


def _plain(value: Any) -> Any:
    """Return a value in which equal numbers have equal texts."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_plain(item) for item in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _error(message: str) -> Any:
    from jsonschema import ValidationError  # noqa: PLC0415  Slow to import.

    return ValidationError(message)


def _matches(pattern: str, text: str) -> bool | None:
    """Return whether a pattern occurs in a text; None if that could take long or is no pattern."""
    parsed = _parsed(pattern)
    if parsed is None:
        return None
    ways = min(_ways(parsed, len(text) + 1), _MOST_WAYS + 1) * (len(text) + 1)
    if ways > _MOST_WAYS:
        return None
    _spend(ways // 100)
    return re.search(pattern, text) is not None


@lru_cache(maxsize=1_000)
def _parsed(pattern: str) -> Any:
    try:
        re.compile(pattern)
        return cast("Any", import_module("re._parser")).parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _ways(parsed: Any, length: int) -> int:
    """Return how many ways there can be to match a parsed pattern at one place of a text.

    Never less than there are: parts multiply, alternatives add up, and a repeated part has the ways
    of each number of times.
    """
    ways = 1
    for name, inner in parsed:
        ways = min(ways * _ways_of(str(name), inner, length), _MOST_WAYS + 1)
    return ways


def _ways_of(name: str, inner: Any, length: int) -> int:
    match name:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, repeated = inner
            each = _ways(repeated, length)
            times = min(int(most), max(length, int(least)))
            if each == 1:
                return times - int(least) + 1
            # Beyond this, there are more than are counted.
            return each ** min(times, 24) * (times + 1)
        case "BRANCH":
            parts = inner[1]
        case "GROUPREF_EXISTS":
            parts = [each for each in inner[1:] if each is not None]
        case "SUBPATTERN" | "ASSERT" | "ASSERT_NOT":
            parts = [inner[-1]]
        case "ATOMIC_GROUP":
            parts = [inner]
        case _:
            return 1
    return sum(_ways(each, length) for each in parts)
