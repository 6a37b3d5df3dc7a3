"""What a model is told about a failed call: only tools that the model has are named."""

import re
from collections.abc import Collection, Mapping
from typing import Any, cast

_SENTENCE = re.compile(r"(?<=[.!?])(\s+)")
_WORD = re.compile(r"(?<![a-z])[a-z]++(?:_[a-z]+)+|\bglob\b")
_NAME = "[a-z_]{1,64}"
_LIST = re.compile(rf"\b(?:{_NAME}, ){{0,24}}{_NAME} (?:or|and) {_NAME}\b")
"""Bounded, since an error may quote a model's text, which may be a megabyte of commas."""


def for_model(output: object, had: Collection[str], known: Collection[str]) -> object:
    """Remove advice that only a model with other tools could follow.

    *had* are this model's tools, *known* are all.
    """
    if isinstance(output, str):
        return advised(output, had, known)
    match output:
        case {"errorMessage": str(problem)}:
            fields = cast("Mapping[str, Any]", output)
            return {**fields, "errorMessage": advised(problem, had, known)}
        case _:
            return output


def advised(text: str, had: Collection[str], known: Collection[str]) -> str:
    """Drop sentences that name a missing tool; shorten lists of several tools."""
    missing = set(known) - set(had)
    if not any(word in missing for word in _WORD.findall(text)):
        return text
    parts = _SENTENCE.split(_LIST.sub(lambda match: _shortened(match[0], had, missing), text))
    kept = [
        f"{parts[index]}{parts[index + 1] if index + 1 < len(parts) else ''}"
        for index in range(0, len(parts), 2)
        if index == 0 or not missing.intersection(_WORD.findall(parts[index]))
    ]
    return "".join(kept).rstrip()


def _shortened(listed: str, had: Collection[str], missing: Collection[str]) -> str:
    """Keep what the model has of ``a, b or c``; a list of anything else stays as it is."""
    names = re.split(r", | or | and ", listed)
    left = [name for name in names if name in had]
    if not left or not all(name in had or name in missing for name in names):
        return listed
    word = " and " if " and " in listed else " or "
    return word.join([", ".join(left[:-1]), left[-1]]) if len(left) > 1 else left[0]
