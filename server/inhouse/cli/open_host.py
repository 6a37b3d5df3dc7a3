"""A host for one command of the terminal."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment
from inhouse.core.ports import Approver, Workspace
from inhouse.core.settings import EditMode
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.host.host_state import MakeWorkspace
from inhouse.store.trust import Untrusted
from inhouse.tools.edit.disk_workspace import DiskWorkspace, Proposal

from . import output
from .approver import TerminalApprover
from .hunk_review import HunkReview

_LOOKING = frozenset({"agents", "explain", "doctor", "mcp", "endpoint", "welcome"})
"""Commands that say immediately what is inert; `run` and `chat` ask about trust first."""
_NAMED = 6
_PROJECT = ("inhouse.toml", ".agents", ".git")
"""What marks the top folder of a project."""


@asynccontextmanager
async def open_host(
    options: argparse.Namespace,
    approver: Approver | None = None,
    *,
    proposals: dict[Path, Proposal] | None = None,
    collects: bool = False,
) -> AsyncGenerator[Host]:
    """Open the host of the workspace that *options* name, and close it after.

    Proposed edits are kept in *proposals*; with *collects*, so are edits that would need a
    question.
    """
    yes = getattr(options, "yes_edits", False)
    host = Host(
        roots=(workspace_root(options.workspace),),
        environ=dict(environment()),
        door=HostCallbacks(
            _workspaces(
                yes=yes,
                proposals=proposals,
                collects=collects,
                # An editor cannot use the terminal while the chat's prompt does.
                in_editor=getattr(options, "command", "") != "chat",
            ),
            approver or TerminalApprover(),
        ),
        client_trusted=True if options.trust else None,
        prefer_embedded=getattr(options, "embedded", False),
    )
    try:
        await host.start()
        command = getattr(options, "command", "")
        if command != "completion":
            for problem in host.world.problems:
                output.warning(f"{problem.source}: {problem.message}")
        if command in _LOOKING:
            tell_what_is_inert(host)
        yield host
    finally:
        await host.aclose()


def tell_what_is_inert(host: Host) -> None:
    """Say in one line what the workspace contains that has no effect without trust."""
    state = host.world.trusting.state
    if isinstance(state, Untrusted) and state.changes:
        names = ", ".join(one.name for one in state.changes[:_NAMED])
        more = f" and {len(state.changes) - _NAMED} more" if len(state.changes) > _NAMED else ""
        output.warning(
            f"Not trusted, so without effect: {names}{more}.  `inhouse trust` shows and trusts "
            "this folder."
        )


def workspace_root(folder: str | None) -> Path:
    """Return the named folder, else the project around the current one, as Git does."""
    if folder is None:
        try:
            current = Path.cwd()
        except FileNotFoundError:
            raise UserError(
                "The current folder no longer exists.  Change to another, or use --workspace "
                "FOLDER."
            ) from None
        return project_root(current, Path.home())
    root = Path(folder).resolve()
    if not root.is_dir():
        what = (
            f"{str(root)!r} is a file, not a folder"
            if root.exists()
            else f"No folder {str(root)!r}"
        )
        raise UserError(f"{what}: --workspace takes an existing folder.")
    return root


def project_root(current: Path, home: Path) -> Path:
    """Return the nearest folder from *current* up that is a project; *current* if none is.

    The search ends below the home folder, whose ``.agents`` are the user's own.
    """
    for folder in (current, *current.parents):
        if folder in (home, Path(folder.anchor)):
            break
        if any((folder / name).exists() for name in _PROJECT):
            return folder
    return current


def _workspaces(
    *, yes: bool, proposals: dict[Path, Proposal] | None, collects: bool, in_editor: bool
) -> MakeWorkspace:
    def make(context: WorkspaceRequest) -> Workspace:
        return DiskWorkspace(
            context.roots[0],
            context.emit,
            context.approver,
            mode=EditMode.APPLY if yes else context.settings.edits,
            extra_roots=context.roots[1:],
            review=HunkReview(context.approver, edits=in_editor),
            collects=collects,
            proposals={} if proposals is None else proposals,
        )

    return make
