"""Checks endpoints, with progress."""

import itertools

from inhouse.lsp.contract.arguments import Token
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_diagnostics import DefinitionDiagnostics
from inhouse.lsp.language.known_models import remember
from inhouse.lsp.runs.work_done import WorkDone
from inhouse.lsp.transport.refreshes import ENDPOINTS, ListChanges


class EndpointChecks:
    """Checks endpoints for the client, and shows what that says about definitions."""

    def __init__(
        self, context: EditorContext, definitions: DefinitionDiagnostics, lists: ListChanges
    ) -> None:
        self._context = context
        self._lists = lists
        self._definitions = definitions
        self._numbers = itertools.count(1)

    async def check(
        self, token: Token | None, wanted: tuple[str, ...] = (), base_url: str | None = None
    ) -> None:
        """Check the named endpoints, or all, and report what was found; only that at *base_url*."""
        context = self._context
        names = list(wanted or (status.name for status in context.host.endpoints()))
        bar = WorkDone(
            context.rpc,
            f"inhouse-check-{next(self._numbers)}" if token is None else token,
            title="Checking endpoints",
            describe=lambda: ", ".join(names),
            cancellable=False,
        )
        if token is None:
            context.spawn(bar.create(), name="progress of checks")
        else:
            bar.begin()
        ending = "stopped"
        try:
            bar.report()
            found = await context.host.check_endpoints(wanted, base_url)
            self._lists.touch(ENDPOINTS)
            self._definitions.show()
            await remember(context)
            reachable = sum(status.reachable is True for status in found)
            ending = f"{reachable} of {len(found)} endpoints answer"
        finally:
            bar.end(ending)
