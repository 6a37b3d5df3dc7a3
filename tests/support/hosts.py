"""A host in this process, as a door would open it: for what a real door cannot show."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from inhouse.core.ports import Question, Workspace
from inhouse.core.settings import EditMode
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.tools.edit.disk_workspace import DiskWorkspace


class Nobody:
    async def ask(self, question: Question) -> tuple[str, ...]:
        del question
        return ()


def disk(context: WorkspaceRequest) -> Workspace:
    return DiskWorkspace(context.roots[0], context.emit, context.approver, mode=EditMode.APPLY)


@asynccontextmanager
async def open_host(
    folder: Path, values: Any = None, *, trusted: bool | None = True, **environ: str
) -> AsyncGenerator[Host]:
    """Open a host on *folder*/work, with *folder*/home for everything of the user."""
    (folder / "work").mkdir(exist_ok=True)
    host = Host(
        roots=(folder / "work",),
        environ={"INHOUSE_HOME": str(folder / "home"), **environ},
        door=HostCallbacks(disk, Nobody()),
        editor_values=values,
        client_trusted=trusted,
    )
    try:
        await host.start()
        yield host
    finally:
        await host.aclose()
