"""Members of a streamed answer that its server wants back, assembled from their pieces.

Signatures of thoughts and calls (Gemini's ``extra_content``, Anthropic's ``thinking_blocks`` behind
LiteLLM) and whole thoughts (OpenRouter's ``reasoning_details``).
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from inhouse.core.json_values import fields, items

_PRIVATE = re.compile(
    r"signature|extra_content|provider_specific|encrypted|opaque|_details$|thinking_blocks|^thought"
)
_EACH = 50
_TEXTS = ("text", "thinking", "summary")


@define(eq=False)
class PrivateMembers:
    """Takes piece after piece, reading each once."""

    size: int = 0
    """About how many characters are kept."""
    _texts: dict[str, list[str]] = field(factory=dict[str, list[str]])
    _values: dict[str, Any] = field(factory=dict[str, Any])
    _parts: dict[str, list["_Part"]] = field(factory=dict[str, list["_Part"]])

    def take(self, told: Mapping[str, Any]) -> None:
        for name, value in told.items():
            if not value or isinstance(value, bool) or not _PRIVATE.search(name):
                continue
            self.size += _EACH + (len(value) if isinstance(value, str) else len(str(value)))
            if isinstance(value, str):
                pieces = self._texts.setdefault(name, [])
                if not pieces or pieces[-1] != value:
                    pieces.append(value)
            elif isinstance(value, list):
                self._take_parts(self._parts.setdefault(name, []), items(value))
            elif isinstance(value, dict):
                self._values[name] = {**fields(self._values.get(name)), **fields(value)}

    def whole(self) -> dict[str, Any]:
        """Return the members as an unstreamed answer would have them."""
        return {
            **self._values,
            **{name: "".join(pieces) for name, pieces in self._texts.items()},
            **{name: [part.whole() for part in parts] for name, parts in self._parts.items()},
        }

    @staticmethod
    def _take_parts(parts: list["_Part"], more: list[Any]) -> None:
        for one in more:
            if parts and isinstance(one, dict) and parts[-1].goes_on_with(fields(one)):
                parts[-1].add(fields(one))
            else:
                parts.append(_Part(one))


@define(eq=False)
class _Part:
    """One thought among several."""

    first: Any
    _pieces: dict[str, list[str]] = field(factory=dict[str, list[str]])
    _members: dict[str, Any] = field(factory=dict[str, Any])

    def __attrs_post_init__(self) -> None:
        self.add(fields(self.first))

    def goes_on_with(self, one: dict[str, Any]) -> bool:
        """Return whether a piece continues this thought."""
        mine = self._members
        if not mine or any(one.get(key) != mine.get(key) for key in ("type", "index")):
            return False
        kind = str(one.get("type", ""))
        if "encrypted" in kind or "redacted" in kind or mine.get("signature"):
            return False
        return one.get("id") in (None, mine.get("id"))

    def add(self, one: dict[str, Any]) -> None:
        for name, value in one.items():
            if name in _TEXTS and isinstance(value, str):
                self._pieces.setdefault(name, []).append(value)
            elif value is not None or name not in self._members:
                self._members[name] = value

    def whole(self) -> Any:
        if not self._members and not self._pieces:
            return self.first
        texts = {name: "".join(pieces) for name, pieces in self._pieces.items()}
        return {**self._members, **texts}
