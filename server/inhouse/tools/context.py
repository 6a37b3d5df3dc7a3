"""What the tools of one run have in hand."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import Factory, define, field, frozen

from inhouse.core.events import EventPayload
from inhouse.core.own_environment import environment
from inhouse.core.ports import Approver, ClientTerminal, Emit, Workspace
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode, EditMode

from .access.access_policy import Access, access_to
from .known_texts import KnownTexts


class Approvals(Protocol):
    """What the user allowed for good in this workspace.  Must not block for long."""

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool: ...

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None: ...


@define
class SharedRunState:
    """What one run and its sub-agents share: hand a parent's to its children."""

    every_command: bool = False
    """The user allowed commands for this run."""
    allowed_tools: set[tuple[str, ...]] = field(factory=set[tuple[str, ...]])
    """Tools of MCP servers that the user allowed for this run."""
    asking: asyncio.Lock = field(factory=asyncio.Lock)
    """One question about commands at a time: its answer may settle the next one."""
    writing: asyncio.Lock = field(factory=asyncio.Lock)
    """One edit at a time: the next one starts from what it left."""
    agents: int = 0
    """Sub-agents that are at work now."""
    laid_over: dict[Path, tuple[str, int]] = field(factory=dict[Path, tuple[str, int]], init=False)
    """The text and the time that a file had when a command last saw it laid over the disk."""
    background: list["BackgroundCommand"] = field(factory=list["BackgroundCommand"], init=False)
    """Commands that run on."""

    async def aclose(self) -> None:
        """End what still runs: call it when the run is over, however it ended."""
        for command in self.background:
            await command.close()
        self.background.clear()


class BackgroundCommand(Protocol):
    """A command that runs on (`inhouse.tools.shell.background`)."""

    command: str

    @property
    def pid(self) -> int: ...

    async def report(self) -> dict[str, Any]: ...

    async def close(self) -> None: ...


@frozen
class Fetched:
    """A page of the web, as the network door brought it."""

    status: int
    final_url: str
    content_type: str
    body: bytes
    truncated: bool = False


Fetch = Callable[[str], Awaitable[Fetched]]
"""Gets one http(s) URL.  Refuses private addresses and what privacy forbids with an
`InhouseError` whose message says so, also after each redirect."""


@frozen
class NoApprovals:
    """Nothing is allowed for good."""

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool:  # noqa: ARG002
        return False

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None:
        """Keep nothing."""


def _nobody_listens(payload: EventPayload) -> None:
    """Drop what happens."""


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
    """What becomes of changes that a command makes, if it does not run on the disk itself."""
    approvals: Approvals = field(factory=NoApprovals)
    memory: SharedRunState = field(factory=SharedRunState)
    environment: Mapping[str, str] = field(factory=lambda: dict(environment()), repr=False)
    """What commands may inherit from: `inhouse.tools.shell.environment` lets only some
    of it through."""
    allowed_environment: tuple[str, ...] = ()
    """Further variables that the user hands on to commands."""
    extra_roots: tuple[Path, ...] = ()
    """The other folders of a workspace of several."""
    home: Path = field(factory=Path.home)
    fetch: Fetch | None = None
    """None: ``read_url`` says that it is not offered."""
    windowed_file_reads: bool = False
    trusted: bool = False
    """The user trusts the workspace: Git is asked about it, and about no other."""
    vouched: bool = False
    """The user, or the editor for them, said so, and not only that there is nothing to trust."""
    terminal: ClientTerminal | None = None
    """Where commands run that need nothing of Inhouse's own sandbox."""
    offers: Collection[str] | None = None
    """The tools that the model is told of; None: all of them."""
    known: KnownTexts = field(factory=KnownTexts, repr=False)
    """What the model of this run was given of each file."""
    access: Access = field(
        init=False,
        default=Factory(
            lambda self: access_to((self.workspace.root, *self.extra_roots)), takes_self=True
        ),
    )
    """The door to the files: made once, since it keeps the ignore rules."""
