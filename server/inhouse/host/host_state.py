"""The state of one workspace while a process serves it, which the host's modules share."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from inhouse.core.ports import Approver, ClientTerminal, Emit, Workspace
from inhouse.core.request import RunRequest
from inhouse.core.route import EndpointStatus
from inhouse.core.settings import Settings
from inhouse.processes import keep_out_of

from .record_writer import RecordKeeper
from .run_recorder import RunRegistry
from .services import Services
from .sessions import Sessions
from .workspace_snapshot import ClientSettings, WorkspaceSnapshot


@frozen
class WorkspaceRequest:
    """What a door needs to make a run's workspace."""

    run_id: str
    request: RunRequest
    emit: Emit
    settings: Settings
    approver: Approver
    roots: tuple[Path, ...]


MakeWorkspace = Callable[[WorkspaceRequest], Workspace]


def _nobody() -> None:
    """Do nothing."""


@frozen
class HostCallbacks:
    """What the host needs from the door that opened it."""

    make_workspace: MakeWorkspace
    approver: Approver
    changed: Callable[[], None] = field(default=_nobody)
    """Called when settings, agents or trust have changed.  Must not block."""
    terminal: ClientTerminal | None = None
    """Where commands run that do not need Inhouse's own sandbox."""
    shows_window: bool = False
    """Whether it shows how full a model's window is, so that servers are asked for its size."""


@define(eq=False)
class HostState:
    """Settings, catalog and runs of one workspace; `inhouse.host.host.Host` changes them."""

    roots: tuple[Path, ...]
    environ: Mapping[str, str] = field(repr=False)
    door: HostCallbacks
    services: Services
    client: ClientSettings
    records: RecordKeeper
    world: WorkspaceSnapshot
    book: RunRegistry = field(factory=RunRegistry)
    sessions: Sessions = field(init=False)
    checked: Mapping[tuple[str, str], EndpointStatus] = field(
        factory=dict[tuple[str, str], EndpointStatus]
    )
    """What the last check of each endpoint found, until the endpoints change."""
    texts: Mapping[Path, str] = field(factory=dict[Path, str])
    """The unsaved texts of an editor."""
    reading: asyncio.Lock = field(factory=asyncio.Lock)
    """Held while `world` is replaced."""

    def __attrs_post_init__(self) -> None:
        self.sessions = Sessions(self)
        keep_out_of(self.roots)

    @property
    def main_root(self) -> Path:
        """The first folder; the user's home where none is open."""
        return self.roots[0] if self.roots else Path.home()
