"""A host for one command of the terminal."""

import argparse
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from inhouse.core.errors import UserError
from inhouse.core.settings import EditMode
from inhouse.host.host import Host, RunContext
from inhouse.tools.disk import DiskWorkspace

from . import output
from .approver import TerminalApprover


@asynccontextmanager
async def open_host(options: argparse.Namespace) -> AsyncGenerator[Host]:
    """Open the host of the workspace that *options* name, and close it after."""
    root = Path(options.workspace or ".").resolve()
    if not root.is_dir():
        raise UserError(f"No folder {str(root)!r}: --workspace takes an existing folder.")
    host = Host(
        roots=(root,),
        environ=dict(os.environ),
        make_workspace=_workspace(yes=getattr(options, "yes_edits", False)),
        approver=TerminalApprover(),
        client_trusted=True if options.trust else None,
    )
    if getattr(options, "embedded", False):
        host.prefer_embedded()
    try:
        await host.start()
        for problem in host.setting_problems:
            output.warning(str(problem))
        yield host
    finally:
        await host.aclose()
