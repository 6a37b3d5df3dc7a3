"""Repeats one recorded run inside the namespace of ``audit --verify``; reports it as JSON.

It changes nothing: edits are not made, commands are not run, questions are not answered.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from inhouse import wire
from inhouse.core.errors import InhouseError
from inhouse.core.messages import Image
from inhouse.core.own_environment import environment
from inhouse.core.ports import Question, Workspace
from inhouse.core.request import RunRequest
from inhouse.core.settings import EditMode
from inhouse.core.text import Position, Range
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.store.replays import Replay, read_replay
from inhouse.tools.edit.disk_workspace import DiskWorkspace

HARMLESS = {"edits": "review", "commands": "never"}


class Nobody:
    """An approver that answers no question."""

    async def ask(self, question: Question) -> tuple[str, ...]:
        del question
        return ()


def main() -> None:
    replay = read_replay(json.load(sys.stdin))
    try:
        told = asyncio.run(repeat(replay))
    except InhouseError as error:
        told = {"failure": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")


async def repeat(replay: Replay) -> dict[str, Any]:
    """Repeat the request exactly.  Raises `InhouseError` if it cannot start."""
    host = Host(
        roots=tuple(map(Path, replay.roots)),
        environ=dict(environment()),
        door=HostCallbacks(_workspace, Nobody()),
        editor_values={**replay.editor, **HARMLESS},
        client_trusted=replay.client_trusted,
        prefer_embedded=replay.prefer_embedded,
    )
    try:
        await host.start()
        plan = host.plan(_request(replay))
        done = await host.run(plan, host.new_run_id(), lambda _: None)
        return {"result": wire.run_result(done), "privacy": host.world.settings.privacy.value}
    finally:
        await host.aclose()


def _request(replay: Replay) -> RunRequest:
    at = replay.range
    return RunRequest(
        agent=replay.agent,
        prompt=replay.prompt,
        params=replay.params,
        images=tuple(Image(*one) for one in replay.images),
        endpoint=replay.endpoint,
        model=replay.model,
        path=Path(replay.path) if replay.path else None,
        range=Range(Position(at[0], at[1]), Position(at[2], at[3])) if at else None,
    )


def _workspace(context: WorkspaceRequest) -> Workspace:
    return DiskWorkspace(
        context.roots[0],
        context.emit,
        context.approver,
        mode=EditMode.REVIEW,
        extra_roots=context.roots[1:],
    )


if __name__ == "__main__":
    main()
