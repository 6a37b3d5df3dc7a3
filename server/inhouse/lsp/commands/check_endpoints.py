"""Checks of endpoints, as progress."""

import itertools
from typing import TYPE_CHECKING

from inhouse.lsp.commands.arguments import Token
from inhouse.lsp.documents import definition_diagnostics
from inhouse.lsp.language.known_models import remember
from inhouse.lsp.runs.work_done import WorkDone

if TYPE_CHECKING:
    from inhouse.lsp.session import Session

_numbers = itertools.count(1)


async def check(session: "Session", token: Token | None, wanted: tuple[str, ...] = ()) -> None:
    """Check endpoints, all where none is named, and tell what was found."""
    names = list(wanted or (status.name for status in session.host.endpoints()))
    bar = WorkDone(
        session.link,
        f"inhouse-check-{next(_numbers)}" if token is None else token,
        title="Checking endpoints",
        describe=lambda: ", ".join(names),
        cancellable=False,
    )
    if token is None:
        session.spawn(bar.create(), name="progress of checks")
    else:
        bar.begin()
    ending = "stopped"
    try:
        bar.report()
        found = await session.host.check_endpoints(wanted)
        session.checked = {**session.checked, **{status.name: status for status in found}}
        definition_diagnostics.show(session)
        await remember(session)
        reachable = sum(status.reachable is True for status in found)
        ending = f"{reachable} of {len(found)} endpoints answer"
    finally:
        bar.end(ending)
