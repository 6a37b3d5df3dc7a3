"""What is wrong with a value, in few words."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from json import dumps
from typing import Any, cast

from inhouse.bounded_schema import TooManyStepsError, checker, errors_of

_SHOWN_VALUE = 60
_TOO_MUCH = "its schema takes too many steps to check, so nothing can be said to fit it"


def problems_with(schema: Mapping[str, Any], value: object) -> list[str]:
    """List what is wrong with a value, most telling first.  An invalid schema allows everything.

    Inside `inhouse.bounded_schema.one_check`, all calls together are one check.
    """
    from jsonschema.exceptions import relevance  # noqa: PLC0415  Slow to import.

    try:
        check = _checker(dumps(schema, sort_keys=True, default=str))
        errors = [] if check is None else check(value)
    except TooManyStepsError:
        return [_TOO_MUCH]
    deepest = sorted(map(_deepest, errors), key=cast("Any", relevance), reverse=True)
    return [_text(error) for error in deepest]


@lru_cache(maxsize=256)
def _checker(schema_text: str) -> Callable[[object], list[Any]] | None:
    from json import loads  # noqa: PLC0415

    schema = loads(schema_text)
    return None if errors_of(schema) else checker(schema)


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
