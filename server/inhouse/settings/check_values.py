"""Checks values against their settings: each check returns the value or says what would work."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Any, cast

from attrs import frozen
from cattrs import Converter
from cattrs.errors import BaseValidationError, IterableValidationError, IterableValidationNote

from inhouse.core.errors import UserError

from .table import ENDPOINT_KEYS, KEYS, MCP_SERVER_KEYS, Key

_LONGEST_WORD = 60


@frozen
class Bad:
    """What is wrong with a value; ``path`` is the way into it from the setting."""

    path: tuple[str | int, ...]
    message: str


def check(value: object, key: Key) -> tuple[Any, tuple[Bad, ...]]:
    """Return the value in the type of its setting, or None, and what is wrong with it.

    A mapping loses only its bad entries; a list is lost as a whole.
    """
    if getattr(key.type, "__origin__", None) is dict:
        return _mapping(value, key)
    try:
        structured = _converter.structure(value, key.type)
        _bounds(structured, key)
    except BaseValidationError as error:
        return None, tuple(_leaves(error, ()))
    except ValueError as error:
        return None, (Bad((), str(error)),)
    return structured, ()


def suggestion(word: str, known: Sequence[str]) -> str:
    """``did you mean 'x'?  `` where one of the known words is close, else nothing."""
    by_form = {_form(one): one for one in known}
    close = get_close_matches(_form(word[:_LONGEST_WORD]), by_form, n=1, cutoff=0.6)
    return f"did you mean {by_form[close[0]]!r}?  " if close else ""


def address_range(text: str) -> str:
    """Check one of ``localAddresses``.  Raises `UserError`."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise UserError(f"{text!r} is not an address range; write it as 192.168.1.0/24.") from None
    if network.prefixlen == 0:
        raise UserError(f"{text!r} is the whole internet; name only your own range.")
    return str(network)


def header(name: str, value: str) -> None:
    """Check a header.  Raises `UserError`; the message never repeats the value."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise UserError(f"{name!r} is not a header name: letters, digits and hyphens.")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise UserError("A header's value is one line without control characters.")
    if name.lower() in {"host", "content-length", "transfer-encoding", "connection"}:
        raise UserError(f"The header {name!r} belongs to the connection and cannot be set.")


def _form(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _mapping(value: object, key: Key) -> tuple[Any, tuple[Bad, ...]]:
    if not isinstance(value, Mapping):
        return None, (Bad((), f"expected an object, not {_shown(value)}"),)
    kept: dict[str, Any] = {}
    bad: list[Bad] = []
    of = key.type.__args__[1]
    for name, one in cast("Mapping[str, Any]", value).items():
        if one is None:
            continue
        try:
            kept[str(name)] = _converter.structure(one, of)
        except BaseValidationError as error:
            bad.extend(_leaves(error, (str(name),)))
        except ValueError as error:
            bad.append(Bad((str(name),), str(error)))
    return kept, tuple(bad)


def _bounds(value: Any, key: Key) -> None:
    declared = key.declared
    if declared.minimum is not None and value < declared.minimum:
        raise ValueError(f"expected {declared.minimum:g} or more, not {value:g}")
    if declared.above is not None and value <= declared.above:
        raise ValueError(f"expected more than {declared.above:g}, not {value:g}")
    if declared.maximum is not None and value > declared.maximum:
        raise ValueError(f"expected {declared.maximum:g} or less, not {value:g}")


def _leaves(error: BaseValidationError, path: tuple[str | int, ...]) -> list[Bad]:
    found: list[Bad] = []
    for inner in error.exceptions:
        note = next(
            (n for n in getattr(inner, "__notes__", ()) if isinstance(n, IterableValidationNote)),
            None,
        )
        here = (*path, note.index) if note is not None else path
        if isinstance(inner, IterableValidationError):
            found.extend(_leaves(inner, here))
        else:
            found.append(Bad(here, str(inner)))
    return found


_HUGE = 1e300


def _shown(value: Any) -> str:
    """Return a wrong value as JSON, never a long text, which may be a key."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            is_short = isinstance(value, float) or -_HUGE < value < _HUGE
            return f"the number {value}" if is_short else "a number of that size"
        case str():
            return "a text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(cast('object', value)).__name__}"


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, not {_shown(value)}")  # noqa: TRY004  one kind of error
    return value


def _flag(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, not {_shown(value)}")  # noqa: TRY004
    return value


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, not {_shown(value)}")  # noqa: TRY004
    if not -_HUGE < value < _HUGE:  # Also infinite, and no number at all.
        raise ValueError(f"expected a number, not {_shown(value)}")
    return float(value)


def _whole(value: object, _: object) -> int:
    number = _number(value, float)
    if not number.is_integer():
        raise ValueError(f"expected a whole number, not {number:g}")
    return int(number)


def _choice(value: object, kind: type[Enum]) -> Enum:
    known = [str(one.value) for one in kind]
    if not isinstance(value, str):
        raise ValueError(f"expected one of {', '.join(known)}, not {_shown(value)}")  # noqa: TRY004
    if value not in known:
        raise ValueError(
            f"expected one of {', '.join(known)}, not {value[:40]!r}"
            + f"; {suggestion(value, known)}".rstrip("; ")
        )
    return kind(value)


def _list(value: Any, kind: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, not {_shown(value)}")  # noqa: TRY004
    return _items.structure(value, kind)


def _dict(value: Any, kind: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object, not {_shown(value)}")  # noqa: TRY004
    return _items.structure(value, kind)


def _is_enumeration(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _strict(*, containers: bool) -> Converter:
    converter = Converter(detailed_validation=True)
    for kind, hook in ((str, _text), (bool, _flag), (int, _whole), (float, _number)):
        converter.register_structure_hook(kind, hook)
    for choice in {
        key.type for key in (*KEYS, *ENDPOINT_KEYS, *MCP_SERVER_KEYS) if _is_enumeration(key.type)
    }:
        converter.register_structure_hook(choice, _choice)
    if containers:
        converter.register_structure_hook_func(
            lambda kind: getattr(kind, "__origin__", None) is list, _list
        )
        converter.register_structure_hook_func(
            lambda kind: getattr(kind, "__origin__", None) is dict, _dict
        )
    return converter


_items = _strict(containers=False)
"""Lists the items of what is known to be a container."""
_converter = _strict(containers=True)
