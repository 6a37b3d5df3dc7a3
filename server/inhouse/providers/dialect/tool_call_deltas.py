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
            arguments = "".join(slot.arguments) or "{}"
            calls.append(
                ToolCall(identifier, slot.name, arguments, extra=slot.private.whole() or _NOTHING)
            )
        return tuple(calls)

    def _take_one(self, entry: dict[str, Any], position: int, *, alone: bool) -> None:
        function = entry.get("function")
        fields = cast("dict[str, Any]", function) if isinstance(function, dict) else entry
        identifier = entry.get("id") if isinstance(entry.get("id"), str) else ""
        name = fields.get("name") if isinstance(fields.get("name"), str) else ""
        slot = self._slot(entry.get("index"), str(identifier), str(name), position, alone=alone)
        slot.id = slot.id or str(identifier)
        before = len(slot.name)
        slot.name = self._merged(slot.name, str(name))
        self.size += len(slot.name) - before
        if len(entry) > PLAIN:
            before = slot.private.size
            slot.private.take(entry)
            self.size += slot.private.size - before
        arguments = fields.get("arguments")
        if isinstance(arguments, str):
            slot.arguments.append(arguments)
            self.size += len(arguments)
        elif arguments is not None:
            slot.arguments[:] = [json.dumps(arguments)]
            self.size += len(slot.arguments[0])

    def _slot(
        self, index: object, identifier: str, name: str, position: int, *, alone: bool
    ) -> _Slot:
        if isinstance(index, int):
            slot = self._by_index.get(index)
            if slot is None or self._is_another(slot, identifier, name):
                slot = self._by_index[index] = self._new()
            return slot
        if identifier:
            known = next((one for one in self._slots if one.id == identifier), None)
            if known is not None:
                return known
        if not self._slots:
            return self._new()
        if not alone and not identifier and not name and position < len(self._slots):
            return self._slots[position]
        last = self._slots[-1]
        fresh = (identifier and last.id) or (name and last.name and last.is_whole())
        return self._new() if fresh else last

    def _is_another(self, slot: _Slot, identifier: str, name: str) -> bool:
        """Return whether an entry begins another call; some servers give every call the index 0."""
        if identifier and slot.id and identifier != slot.id:
            return bool(name)
        return not identifier and bool(name) and bool(slot.name) and slot.is_whole()

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


def new_call_id() -> str:
    """Make an id that every server accepts: nine letters and digits (Mistral), not only digits."""
    return f"c{secrets.token_hex(4)}"
