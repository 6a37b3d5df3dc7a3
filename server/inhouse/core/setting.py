"""How a setting is declared: once, with the field that holds its value.

`inhouse.settings.table` reads these declarations; the reader, the JSON Schema, the reference page,
VS Code's contributions and completion are all made from them (docs/how-to/contribute.md).
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, TypeVar

import attrs
from attrs import frozen

_KEY = "inhouse.setting"
_Value = TypeVar("_Value")


class SettingScope(Enum):
    """Who may set it."""

    ANYWHERE = auto()
    """Editor, workspace file, user file."""
    NARROWING = auto()
    """Anywhere, but a workspace's value counts only if it allows no more than the user's."""
    USER = auto()
    """Editor and user file; a workspace file may not set it."""
    OWNER = auto()
    """Of an endpoint: a workspace may set it only for an endpoint that it names itself."""


class SettingGroup(Enum):
    """The heading under which an editor shows it."""

    ENDPOINTS = "Endpoints"
    SAFETY = "Safety"
    AGENTS = "Agents"
    SERVER = "Server"


@frozen(kw_only=True)
class SettingDeclaration:
    """Everything about a setting that its field does not say."""

    description: str
    written: Any = None
    """The type in which it is written, if that is not the field's."""
    written_default: Any = None
    """The default as it is documented, if the field has none."""
    scope: SettingScope = SettingScope.ANYWHERE
    minimum: float | None = None
    above: float | None = None
    """Like ``minimum``, but not that value itself."""
    maximum: float | None = None
    examples: tuple[Any, ...] = ()
    group: SettingGroup = SettingGroup.SERVER
    widest_first: tuple[Any, ...] = ()
    """For an enumeration whose scope is ``NARROWING``; for a number, more allows more."""
    choices: Mapping[str, str] = MappingProxyType({})
    """Each value of an enumeration → what it means."""
    is_connection: bool = False
    """For an endpoint: it belongs to the URL and always comes from the same layer."""
    is_harmless: bool = False
    """Of no use to the author of an untrusted workspace.

    Read by client-vscode/scripts/settings.py: every other setting is restricted there.
    """

    def is_narrower(self, theirs: Any, users: Any) -> bool:
        """Return whether a workspace's value allows no more than the user's; None is no limit."""
        if self.widest_first:
            return self.widest_first.index(theirs) >= self.widest_first.index(users)
        return users is None or theirs <= users


def setting(default: _Value, description: str, **more: Any) -> _Value:
    """Declare an optional setting; *more* are fields of `SettingDeclaration`."""
    declared = SettingDeclaration(description=description, **more)
    return attrs.field(default=default, metadata={_KEY: declared})


def hidden_setting(default: _Value, description: str, **more: Any) -> _Value:
    """Declare an optional setting whose value no ``repr`` shows."""
    declared = SettingDeclaration(description=description, **more)
    return attrs.field(default=default, metadata={_KEY: declared}, repr=False)


def required_setting(description: str, **more: Any) -> Mapping[str, Any]:
    """Return the ``metadata`` of a field that is a setting and has no default."""
    return {_KEY: SettingDeclaration(description=description, **more)}


def declaration(attribute: "attrs.Attribute[Any]") -> SettingDeclaration | None:
    """Return what a field declares; None if it is no setting."""
    return attribute.metadata.get(_KEY)
