"""Every command of docs/protocol.md: one short handler each."""

from collections.abc import Callable
from functools import partial

from attrs import evolve

from inhouse import wire
from inhouse.core.errors import InhouseError, ProviderError, RefusedError, UserError
from inhouse.core.events import RunResult
from inhouse.core.json_values import Json
from inhouse.lsp.commands import endpoint_commands
from inhouse.lsp.commands.check_endpoints import EndpointChecks
from inhouse.lsp.commands.embedded_model import EmbeddedModel
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import Given, Token, structure
from inhouse.lsp.contract.command_names import AGENT_PREFIX, COMMANDS, Command
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.review_commands import ReviewCommands
from inhouse.lsp.language import definition_commands
from inhouse.lsp.runs.questions import EditorApprover
from inhouse.lsp.runs.run_reporter import RunLauncher
from inhouse.lsp.sessions.session_commands import SessionCommands

Handler = Callable[[str, Given, Token | None], object]
"""Takes command, arguments and ``workDoneToken``; returns JSON, or an awaitable of it."""


class Commands:
    """Runs the commands of ``workspace/executeCommand``."""

    def __init__(
        self,
        context: EditorContext,
        *,
        launcher: RunLauncher,
        sessions: SessionCommands,
        approver: EditorApprover,
        review: ReviewCommands,
        checks: EndpointChecks,
    ) -> None:
        self._context = context
        self._host = context.host
        self._prompts = sessions.prompts
        self._runs = launcher.runs
        self._transcripts = launcher.transcripts
        self._approver = approver
        self._checks = checks
        self._embedded = EmbeddedModel(context)
        self._review = review
        self._sessions = sessions

    def execute(self, command: str, given: Given, token: Token | None) -> object:
        """Run one command; return JSON, or an awaitable of it.  Raises `InhouseError`."""
        if command in COMMANDS:
            return self._handler(Command(command))(command, given, token)
        if command.startswith(AGENT_PREFIX):
            argument = structure(command, given, arguments.RunPrompt)
            return self._prompts.start(evolve(argument, agent=command[len(AGENT_PREFIX) :]), token)
        known = ", ".join(COMMANDS)
        raise UserError(f"No command {command!r}.  Commands: {known}, {AGENT_PREFIX}AGENT")

    def _handler(self, command: Command) -> Handler:  # noqa: C901, PLR0911, PLR0912  one a command
        match command:
            case Command.RUN:
                return self._run
            case Command.CANCEL:
                return self._cancel
            case Command.RESULT:
                return self._result
            case Command.RUNS:
                return self._list_runs
            case Command.AGENTS:
                return self._agents
            case Command.EXPLAIN:
                return partial(definition_commands.explain, self._context)
            case Command.ENDPOINTS:
                return self._endpoints
            case Command.PROVIDERS:
                return partial(endpoint_commands.providers, self._context)
            case Command.ENDPOINT_TEST:
                return partial(endpoint_commands.test, self._context)
            case Command.ENDPOINT_ADD:
                return partial(endpoint_commands.add, self._context)
            case Command.ENDPOINT_DEFAULT:
                return partial(endpoint_commands.default, self._context)
            case Command.ENDPOINT_KEY:
                return partial(endpoint_commands.key, self._context)
            case Command.EMBEDDED:
                return self._embedded.embedded
            case Command.AGENT_NEW:
                return partial(endpoint_commands.new_agent, self._context)
            case Command.RELOAD:
                return self._reload
            case Command.TRUST:
                return partial(definition_commands.trust, self._context)
            case Command.SCHEMA:
                return definition_commands.get_schema
            case Command.TRANSCRIPT:
                return self._transcript
            case Command.ANSWER:
                return self._answer
            case Command.SET_KEY:
                return self._set_key
            case Command.SESSIONS:
                return self._sessions.sessions
            case Command.SESSION_TURNS:
                return self._sessions.turns
            case Command.SESSION_OPEN:
                return self._sessions.open
            case Command.SESSION_RENAME:
                return self._sessions.rename
            case Command.SESSION_DELETE:
                return self._sessions.delete
            case Command.SESSION_FORK:
                return self._sessions.fork
            case Command.SESSION_UNDO:
                return self._sessions.undo
            case Command.SESSION_SEND:
                return self._sessions.send
            case Command.SESSION_COMPACT:
                return self._sessions.compact
            case Command.STEER:
                return self._sessions.steer
            case Command.EDITS:
                return self._review.edits
            case Command.EDITS_APPLY:
                return self._review.apply
            case Command.EDITS_REJECT:
                return self._review.reject
            case Command.EDITS_SHOW:
                return self._review.show
            case Command.EDITS_PREVIEW:
                return self._review.preview

    def _run(self, command: str, given: Given, token: Token | None) -> object:
        return self._prompts.start(structure(command, given, arguments.RunArguments), token)

    def _cancel(self, command: str, given: Given, _: Token | None) -> object:
        argument = structure(command, given, arguments.OptionalRunId)
        if argument.run_id is not None and self._runs.get(argument.run_id) is None:
            self._host.book.result(argument.run_id)  # Raises if there is no such run.
        return {"cancelled": self._runs.cancel(argument.run_id)}

    async def _result(self, command: str, given: Given, _: Token | None) -> object:
        argument = structure(command, given, arguments.RunId)
        result, has_text = await self._host.result(argument.run_id)
        return wire.run_result(result, has_text=has_text)

    async def _list_runs(self, command: str, given: Given, _: Token | None) -> object:
        argument = structure(command, given, arguments.ListArguments)
        limit = argument.limit
        if limit is not None and limit < 0:
            raise UserError(f"{command}: 'limit' must not be negative.")
        known = [self._summary(result) for result in self._host.book.results(limit)]
        if argument.earlier:
            known += [wire.kept_run(run) for run in await self._transcripts.earlier(limit)]
        return known[:limit]

    def _summary(self, result: RunResult) -> Json:
        summary, run = wire.run_summary(result), self._runs.get(result.run_id)
        if run is None or run.id != result.run_id:
            return summary
        if run.context_tokens:
            summary["contextTokens"] = run.context_tokens
        if run.context_window is not None:
            summary["contextWindow"] = run.context_window
        if run.ended is None:
            summary |= {"doing": str(run.doing), "asks": run.questions > 0}
        return summary

    def _agents(self, command: str, given: Given, _: Token | None) -> object:
        structure(command, given, arguments.Nothing)
        return [wire.agent_summary(summary) for summary in self._host.agents()]

    def _endpoints(self, command: str, given: Given, token: Token | None) -> object:
        argument = structure(command, given, arguments.Endpoints)
        if argument.check:
            names: tuple[str, ...] = ()
            base_url = argument.base_url
            if argument.name is not None:
                names = (argument.name,)
            elif argument.agent is not None:
                route = self._host.explain(argument.agent)
                names, base_url = (route.endpoint,), route.base_url
            own = argument.work_done_token
            work = self._checks.check(token if own is None else own, names, base_url)
            self._context.spawn(work, name="checks")
        used = self._host.book.usage_by_endpoint()
        return [
            wire.endpoint_status(
                self._host.checked.get((each.name, each.base_url), each), used.get(each.name)
            )
            for each in self._host.endpoints()
        ]

    async def _reload(self, command: str, given: Given, _: Token | None) -> object:
        structure(command, given, arguments.Nothing)
        await self._host.reload()
        catalog = self._host.world.catalog
        return {"agents": len(catalog.agents), "problems": len(catalog.every_problem)}

    async def _transcript(self, command: str, given: Given, _: Token | None) -> object:
        argument = structure(command, given, arguments.OptionalRunId)
        return {"uri": await self._transcripts.show(argument.run_id)}

    def _answer(self, command: str, given: Given, _: Token | None) -> object:
        self._approver.answer(structure(command, given, arguments.AnswerArguments))

    async def _set_key(self, command: str, given: Given, _: Token | None) -> object:
        """Accept a key that the editor stores: in memory only, and never in a log."""
        argument = structure(command, given, arguments.SetKey)
        await self._host.set_session_key(argument.name, argument.value)


def is_refusal(error: InhouseError) -> bool:
    """Return whether the request was well formed but refused for another reason."""
    return isinstance(error, RefusedError | ProviderError)
