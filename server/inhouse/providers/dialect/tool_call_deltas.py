"""Assembles tool calls from the pieces of a stream, whatever the server leaves out."""

import json
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from attrs import define, field

from inhouse.core.messages import ToolCall
from inhouse.providers.dialect.private_members import PrivateMembers

_NOTHING: Mapping[str, Any] = MappingProxyType({})
PLAIN = 4
"""An entry of a call with more members than ``index``, ``id``, ``type`` and ``function``."""
_EACH = 100
"""What a call counts besides its texts, since a server may begin any number of calls."""


@define(eq=False)
class _Slot:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(factory=list[str])
    private: PrivateMembers = field(factory=PrivateMembers)

    def is_whole(self) -> bool:
        try:
            return isinstance(json.loads("".join(self.arguments)), dict)
        except ValueError:
            return False


@define(eq=False)
class CallPieces:
    """Merges deltas: whole or streamed, index missing, ids null or repeated, names repeated."""

    _names: frozenset[str] = frozenset()
    """The tools that the model was offered."""
    _slots: list[_Slot] = field(factory=list[_Slot])
    _by_index: dict[int, _Slot] = field(factory=dict[int, _Slot])
    size: int = 0
    """About how many characters are kept."""

    def take(self, entries: Any) -> None:
        if isinstance(entries, dict):
            entries = [entries]
        if not isinstance(entries, list):
            return
        many = cast("list[Any]", entries)
        for position, entry in enumerate(many):
            if isinstance(entry, dict):
                self._take_one(cast("dict[str, Any]", entry), position, alone=len(many) == 1)

    def complete(self) -> tuple[ToolCall, ...]:
        """Return the calls in order, each with an id of its own and JSON for arguments."""
        used: set[str] = set()
        calls: list[ToolCall] = []
        for slot in self._slots:
            if not slot.name:
                continue
            identifier = slot.id if slot.id and slot.id not in used else new_call_id()
            used.add(identifier)
            arguments = _said_once("".join(slot.arguments)) or "{}"
            calls.append(
                ToolCall(identifier, slot.name, arguments, extra=slot.private.whole() or _NOTHING)
            )
        return tuple(calls)

    def _take_one(self, entry: dict[str, Any], position: int, *, alone: bool) -> None:
        function = entry.get("function")
        fields = cast("dict[str, Any]", function) if isinstance(function, dict) else entry
        identifier = entry.get("id") if isinstance(entry.get("id"), str) else ""
        name = fields.get("name") if isinstance(fields.get("name"), str) else ""
        arguments = fields.get("arguments")
        told = arguments if isinstance(arguments, str) else ""
        if isinstance(arguments, dict | list):
            told = json.dumps(arguments)
        slot = self._slot(
            entry.get("index"), str(identifier), str(name), told, position, alone=alone
        )
        slot.id = slot.id or str(identifier)
        before = len(slot.name)
        slot.name = self._merged(slot.name, str(name))
        self.size += len(slot.name) - before
        if len(entry) > PLAIN:
            before = slot.private.size
            slot.private.take(entry)
            self.size += slot.private.size - before
        if isinstance(arguments, str):
            slot.arguments.append(arguments)
        elif told:
            slot.arguments[:] = [told]
        self.size += len(told)

    def _slot(
        self, index: object, identifier: str, name: str, told: str, position: int, *, alone: bool
    ) -> _Slot:
        if isinstance(index, str) and index.isdecimal():
            index = int(index[:9])
        if isinstance(index, int):
            slot = self._by_index.get(index)
            if slot is None or self._is_another(slot, identifier, name, told):
                slot = self._by_index[index] = self._new()
            return slot
        if identifier:
            known = next((one for one in reversed(self._slots) if one.id == identifier), None)
            if known is not None:
                return self._new() if self._begins_anew(known, name, told) else known
        if not self._slots:
            return self._new()
        if not alone and not identifier and not name and position < len(self._slots):
            return self._slots[position]
        last = self._slots[-1]
        fresh = (identifier and last.id) or self._begins_anew(last, name, told)
        return self._new() if fresh else last

    def _is_another(self, slot: _Slot, identifier: str, name: str, told: str) -> bool:
        """Return whether an entry begins another call; some servers give every call the index 0."""
        if identifier and slot.id and identifier != slot.id:
            return bool(name)
        return self._begins_anew(slot, name, told)

    def _begins_anew(self, slot: _Slot, name: str, told: str) -> bool:
        """Return whether an entry is a call of its own, although its id or index was used before.

        A server may also repeat the name with each piece, or the whole call at the end.
        """
        if not name or not slot.name:
            return False
        known = self._names
        if name != slot.name and name in known and slot.name in known:
            return not name.startswith(slot.name)
        if not told.lstrip().startswith("{") or not slot.is_whole():
            return False
        so_far = "".join(slot.arguments).strip()
        return so_far not in ("{}", told.strip())

    def _new(self) -> _Slot:
        self._slots.append(_Slot())
        self.size += _EACH
        return self._slots[-1]

    def _merged(self, have: str, more: str) -> str:
        """Merge names, which are sent once, repeated with every piece, or in parts."""
        if not more or more == have:
            return have or more
        if not have or more.startswith(have):
            return more
        if have in self._names:
            return have
        return have + more


def _said_once(arguments: str) -> str:
    """Return arguments without what servers send before or after them.

    Some begin with an empty object (Bedrock, Gemini), some say the whole once more (Mistral).
    """
    given = arguments.strip()
    objects: list[str] = []
    at = 0
    while at < len(given):
        try:
            value, end = _decoder.raw_decode(given, at)
        except (ValueError, RecursionError):
            return arguments
        if not isinstance(value, dict):
            return arguments
        if value or not objects:
            objects.append(given[at:end])
        at = end + len(given[end:]) - len(given[end:].lstrip())
    if len(objects) > 1 and not json.loads(objects[0]):
        del objects[0]
    return objects[0] if len(set(objects)) == 1 else arguments


_decoder = json.JSONDecoder()


def new_call_id() -> str:
    """Make an id that every server accepts: nine letters and digits (Mistral), not only digits."""
    return f"c{secrets.token_hex(4)}"
