"""Text that every server accepts, and text that shows people everything it contains."""

import re
import unicodedata
from collections.abc import Mapping
from math import isfinite
from typing import Any, cast, overload


def clean_text(text: str) -> str:
    """Join surrogate pairs and replace unpaired surrogates."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@overload
def clean_json(value: Mapping[str, object]) -> Mapping[str, object]: ...
@overload
def clean_json(value: object) -> object: ...
def clean_json(value: object) -> object:
    """Clean every string in a JSON value, keys too; NaN and infinities become null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        return {clean_text(str(key)): clean_json(item) for key, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in cast("list[Any]", value)]
    return None if isinstance(value, float) and not isfinite(value) else value


_TURNING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Escape what a terminal would obey and what an eye would miss (escapes, bidi marks)."""
    plain = text.replace("\r\n", "\n")
    if plain.isascii() and not _CONTROLS.search(plain):
        return plain
    return "".join(
        one
        if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cf", "Zl", "Zp", "Cs"}
        else _spelt(one)
        for one in plain
    )


def without_controls(text: str) -> str:
    """Escape what a terminal would obey and what reverses the order of letters.

    The rest stays as it was written.
    """
    return _TURNING.sub(lambda found: _spelt(found[0]), text.replace("\r\n", "\n"))


def _spelt(character: str) -> str:
    return f"<U+{ord(character):04X}>"
