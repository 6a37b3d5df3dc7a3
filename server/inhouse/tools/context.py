"""What the tools of one run can use."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from attrs import Factory, define, field, frozen

from inhouse.core.events import EventPayload
from inhouse.core.json_values import Json
from inhouse.core.own_environment import environment
from inhouse.core.ports import Approver, ClientTerminal, Emit, Workspace
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode, EditMode

from .access.access_policy import Access, access_to
from .known_texts import KnownTexts


class Approvals(Protocol):
    """What the user allowed permanently in this workspace.  Must not block for long."""

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool: ...

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None: ...


@define
class SharedRunState:
    """What one run and its sub-agents share: pass a parent's to its children."""

    every_command: bool = False
    """Whether the user allowed all commands for this run."""
    allowed_tools: set[tuple[str, ...]] = field(factory=set[tuple[str, ...]])
    """Tools of MCP servers that the user allowed for this run."""
    asking: asyncio.Lock = field(factory=asyncio.Lock)
    """One question about commands at a time, since its answer may settle the next one."""
    writing: asyncio.Lock = field(factory=asyncio.Lock)
    """One edit at a time, since the next one starts from its result."""
    agents: int = 0
    """How many sub-agents are working now."""
    laid_over: dict[Path, tuple[str, int]] = field(factory=dict[Path, tuple[str, int]], init=False)
    """The text and time of each file when a command last saw it laid over the disk."""
    background: list["BackgroundCommand"] = field(factory=list["BackgroundCommand"], init=False)
    """Commands that run in the background."""

    async def aclose(self) -> None:
        """End what still runs; call it when the run is over, however it ended."""
        for command in self.background:
            await command.close()
        self.background.clear()


class BackgroundCommand(Protocol):
    """A command in the background (`inhouse.tools.shell.background`)."""

    command: str

    @property
    def pid(self) -> int: ...

    async def report(self) -> Json: ...

    async def close(self) -> None: ...


@frozen
class Fetched:
    """A web page, as the network room fetched it."""

    status: int
    final_url: str
    content_type: str
    body: bytes
    truncated: bool = False


Fetch = Callable[[str], Awaitable[Fetched]]
"""Fetches one http(s) URL.  Raises `InhouseError` for private addresses and what privacy
forbids, also after each redirect."""


@frozen
class NoApprovals:
    """Nothing is allowed permanently."""

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool:  # noqa: ARG002
        return False

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None:
        """Keep nothing."""


def _nobody_listens(payload: EventPayload) -> None:
    """Drop events."""


@frozen
class ToolContext:
    """The workspace, the user and the settings of one run."""

    workspace: Workspace
    approver: Approver
    emit: Emit = _nobody_listens
    commands: CommandMode = CommandMode.ASK
    allowed_commands: tuple[str, ...] = ()
    privacy: Privacy = Privacy.ANY
    edits: EditMode = EditMode.APPLY
    """What happens to a command's changes if it does not run on the disk itself."""
    approvals: Approvals = field(factory=NoApprovals)
    memory: SharedRunState = field(factory=SharedRunState)
    environment: Mapping[str, str] = field(factory=lambda: dict(environment()), repr=False)
    """The environment of commands, of which `inhouse.tools.shell.environment` passes on only
    some."""
    allowed_environment: tuple[str, ...] = ()
    """Further variables that the user passes to commands."""
    extra_roots: tuple[Path, ...] = ()
    """The other folders of a workspace that has several."""
    home: Path = field(factory=Path.home)
    fetch: Fetch | None = None
    """None if ``read_url`` is unavailable."""
    windowed_file_reads: bool = False
    trusted: bool = False
    """Whether the user trusts the workspace; Git is used only in a trusted one."""
    vouched: bool = False
    """Whether the user or the editor trusts it explicitly, not only for lack of anything to
    trust."""
    terminal: ClientTerminal | None = None
    """Where commands run that do not need Inhouse's own sandbox."""
    offers: Collection[str] | None = None
    """The tools that the model is offered; None for all."""
    known: KnownTexts = field(factory=KnownTexts, repr=False)
    """What this run's model has seen of each file."""
    access: Access = field(
        init=False,
        default=Factory(
            lambda self: access_to((self.workspace.root, *self.extra_roots)), takes_self=True
        ),
    )
    """The access to files; made once, since it caches the ignore rules."""
