"""A host for one command of the terminal."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment
from inhouse.core.ports import Workspace
from inhouse.core.settings import EditMode
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.host.host_state import MakeWorkspace
from inhouse.tools.edit.disk_workspace import DiskWorkspace

from . import output
from .approver import TerminalApprover


@asynccontextmanager
async def open_host(options: argparse.Namespace) -> AsyncGenerator[Host]:
    """Open the host of the workspace that *options* name, and close it after."""
    host = Host(
        roots=(_root(options.workspace),),
        environ=dict(environment()),
        door=HostCallbacks(
            _workspaces(yes=getattr(options, "yes_edits", False)), TerminalApprover()
        ),
        client_trusted=True if options.trust else None,
        prefer_embedded=getattr(options, "embedded", False),
    )
    try:
        await host.start()
        for problem in host.world.problems:
            output.warning(f"{problem.source}: {problem.message}")
        yield host
    finally:
        await host.aclose()


def _root(folder: str | None) -> Path:
    root = Path(folder or ".").resolve()
    if not root.is_dir():
        raise UserError(f"No folder {str(root)!r}: --workspace takes an existing folder.")
    return root


def _workspaces(*, yes: bool) -> MakeWorkspace:
    def make(context: WorkspaceRequest) -> Workspace:
        return DiskWorkspace(
            context.roots[0],
            context.emit,
            context.approver,
            mode=EditMode.APPLY if yes else context.settings.edits,
            extra_roots=context.roots[1:],
        )

    return make
