"""Calls in a ``STEP_TEXT``: ``<codebuff_tool_call>{"cb_tool_name": …}</codebuff_tool_call>``.

Calls that a model writes into its text are found by `inhouse.providers`, which knows more forms.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from attrs import frozen

TAG = "codebuff_tool_call"
_CALL = re.compile(rf"<{TAG}>\s*(.*?)\s*</{TAG}>", re.DOTALL)


@frozen
class TextCall:
    """A call found in a text.  ``name`` is empty if none can be made out."""

    name: str
    arguments: str


def segments(text: str) -> Iterator[str | TextCall]:
    """Split a text into what is said and what is called, in order."""
    end = 0
    for match in _CALL.finditer(text):
        if said := text[end : match.start()].strip():
            yield said
        yield _call(match[1])
        end = match.end()
    if said := (text[end:] if end else text).strip():
        yield said


def _call(body: str) -> TextCall:
    from json_repair import repair_json  # noqa: PLC0415  Only once a model needs it.

    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        try:
            value = cast("Any", repair_json(body, return_objects=True))
        except RecursionError:
            value = None
    if not isinstance(value, dict):
        return TextCall("", body)
    members = cast("dict[str, Any]", value)
    name = members.pop("cb_tool_name", "")
    members.pop("cb_easp", None)
    return TextCall(name if isinstance(name, str) else "", json.dumps(members, ensure_ascii=False))
