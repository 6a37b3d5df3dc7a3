"""JSON Schema: the only module that knows jsonschema."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from json import dumps
from typing import Any, cast

_SHOWN_VALUE = 60


def problems_with(schema: Mapping[str, Any], value: object) -> list[str]:
    """List what is wrong with a value, most telling first.  An invalid schema allows everything."""
    check = _checker(dumps(schema, sort_keys=True, default=str))
    return [] if check is None else [_text(error) for error in check(value)]


def schema_problem(schema: Any) -> str | None:
    """Say what is wrong with a schema itself; None if nothing is."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  Slow to import.
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message
    return None


@lru_cache(maxsize=256)
def _checker(schema_text: str) -> Callable[[Any], list[Any]] | None:
    from json import loads  # noqa: PLC0415

    from jsonschema import Draft202012Validator  # noqa: PLC0415  Slow to import.
    from jsonschema.exceptions import relevance  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    schema = loads(schema_text)
    if schema_problem(schema) is not None:
        return None
    # An empty registry: a ``$ref`` to somewhere else is never fetched.
    registry = cast("Any", Registry)()
    validator = cast("Any", Draft202012Validator)(schema, registry=registry)

    def check(value: object) -> list[Any]:
        try:
            errors = cast("Iterator[Any]", validator.iter_errors(value))
            return sorted(map(_deepest, errors), key=cast("Any", relevance), reverse=True)
        except Unresolvable:
            return []

    return check


def _deepest(error: Any) -> Any:
    """If all alternatives fail, return the failure of the one that comes closest."""
    if not error.context:
        return error
    alternatives: dict[Any, list[Any]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    closest = min(
        alternatives.values(), key=lambda errors: (any(map(_of_kind, errors)), len(errors))
    )
    return _deepest(closest[0])


def _of_kind(error: Any) -> bool:
    """Return whether an alternative was not meant at all."""
    return error.validator == "const" or (error.validator == "type" and not error.relative_path)


def _text(error: Any) -> str:
    path = cast("list[str | int]", list(error.absolute_path))
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    where = where.removeprefix(".")
    if error.validator == "required":
        missing = error.message.partition(" is a required")[0]
        return f"{missing} is missing{f' in {where}' if where else ''}"
    if error.validator == "type":
        return f"{where or 'it'} is {_brief(error.instance)}, not {_kinds(error.validator_value)}"
    message = str(error.message)
    shown = message if len(message) <= 2 * _SHOWN_VALUE else f"{message[: 2 * _SHOWN_VALUE]}…"
    return f"{where}: {shown}" if where else shown


def _kinds(kinds: object) -> str:
    names = cast("list[str]", kinds) if isinstance(kinds, list) else [str(kinds)]
    return " or ".join(f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names)


def _brief(value: object) -> str:
    text = dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}…"
