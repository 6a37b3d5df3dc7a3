"""A snapshot of a workspace: trust, settings, agents, and access to the network.

A reload makes a new one; runs in progress keep the one they began with.
"""

from pathlib import Path
from typing import Self

from attrs import frozen

from inhouse.core.placeholders import KeySources
from inhouse.core.settings import Settings
from inhouse.definitions.catalog.catalog import AgentFolder, Catalog
from inhouse.providers.network.egress import Egress
from inhouse.settings import Layer, SettingsProblem

from .services import Services
from .workspace_trust import Trusting


@frozen
class ClientSettings:
    """What the door that opened the host says."""

    editor: tuple[Layer, ...]
    """An editor's settings, nearest first."""
    trusted: bool | None
    """Whether the client trusts the workspace; None if the user is to be asked."""
    prefer_embedded: bool = False


@frozen
class WorkspaceSnapshot:
    trusting: Trusting
    settings: Settings
    problems: tuple[SettingsProblem, ...]
    keys: KeySources
    catalog: Catalog
    egress: Egress
    folders: tuple[AgentFolder, ...] = ()
    embedded_installed: bool = False

    @property
    def agent_folders(self) -> tuple[Path, ...]:
        return tuple(folder.path for folder in self.folders)

    @classmethod
    def empty(cls, services: Services) -> Self:
        """Return the snapshot before anything was read."""
        return cls(
            trusting=Trusting(services.trust, (), (), client=None),
            settings=Settings(),
            problems=(),
            keys=KeySources(),
            catalog=Catalog((), None),
            egress=Egress(),
        )
