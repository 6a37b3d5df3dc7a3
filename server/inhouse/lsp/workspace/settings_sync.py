"""The editor's settings, however a client sends them, and what is wrong with them."""

import logging
from contextlib import suppress

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json, fields, items
from inhouse.core.text import Severity
from inhouse.lsp.documents.diagnostics import diagnostic
from inhouse.lsp.editor_context import EditorContext
from inhouse.settings import SettingsProblem

logger = logging.getLogger(__name__)
_PATIENCE = 5.0
_WARNING = 2


class SettingsSync:
    """Keeps the host's editor layer as the client has it."""

    def __init__(self, context: EditorContext) -> None:
        self._context = context
        self._pushed: Json = {}
        self._pulled: Json | None = None
        """None if the client could be asked but has no settings."""
        self._seen: set[str] = set()
        """Settings that the client has sent once: if they are missing later, they were removed.
        What only ``initializationOptions`` named stays: many clients answer ``{}`` when they are
        asked."""
        self._told: set[str] = set()

    async def start(self) -> None:
        """Ask for the settings once the client is ready."""
        if self._context.client.can("workspace.didChangeConfiguration.dynamicRegistration"):
            self._context.spawn(self._register(), name="hearing of settings")
        if self._can_pull:
            await self._pull()

    async def changed(self, settings: object) -> None:
        """Handle ``workspace/didChangeConfiguration``: settings inline, or a hint to ask again."""
        inline = fields(settings)
        if self._can_pull:
            await self._pull()
        elif "inhouse" in inline:
            self._pushed = fields(inline["inhouse"])
            await self._configure()

    def show_problems(self) -> None:
        """Show what is wrong with settings: in the file, or as a message if there is none."""
        found: dict[str, list[Json]] = {}
        for problem in self._context.host.world.problems:
            if problem.path is not None:
                found.setdefault(problem.path.as_uri(), []).append(
                    diagnostic(problem.range, problem.severity, problem.code, problem.message)
                )
            elif problem.severity in (Severity.ERROR, Severity.WARNING) and not self._draws:
                self._tell(f"{problem.source}: {problem.message}")
        self._context.diagnostics.show("settings", found)
        if self._draws:
            placeless = [each for each in self._context.host.world.problems if each.path is None]
            told = {"problems": [*map(_problem, placeless)]}
            self._context.rpc.notify("inhouse/settingsProblems", told)

    @property
    def _draws(self) -> bool:
        return "settingsProblems" in self._context.client.draws

    @property
    def _can_pull(self) -> bool:
        return self._context.client.can("workspace.configuration")

    async def _pull(self) -> None:
        params = {"items": [{"section": "inhouse"}]}
        try:
            answer = await self._context.rpc.request(
                "workspace/configuration", params, seconds=_PATIENCE
            )
        except (InhouseError, TimeoutError) as error:
            logger.warning("The client did not tell its settings: %s", type(error).__name__)
            return
        told = next(iter(items(answer)), None)
        self._pulled = None if told is None else fields(told)
        await self._configure()

    async def _configure(self) -> None:
        told = _set(self._pushed) | _set(self._pulled or {})
        self._seen |= set(told)
        first = self._context.client.settings or {}
        given = {key: value for key, value in first.items() if key not in self._seen}
        await self._context.host.configure(given | told)

    async def _register(self) -> None:
        """Register for changes, since some clients report them only then."""
        entry = {"id": "inhouse-settings", "method": "workspace/didChangeConfiguration"}
        with suppress(InhouseError, TimeoutError):
            await self._context.rpc.request(
                "client/registerCapability", {"registrations": [entry]}, seconds=_PATIENCE
            )

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            params = {"type": _WARNING, "message": f"Inhouse settings: {message}"}
            self._context.rpc.notify("window/showMessage", params)


def _set(layer: Json) -> Json:
    return {key: value for key, value in layer.items() if value is not None}


def _problem(problem: SettingsProblem) -> Json:
    """Return a problem of the editor's own settings, for a client that knows their positions."""
    severity = problem.severity.value
    return {"key": problem.key, "severity": severity, "message": problem.message}
