"""Every command of docs/protocol.md: one short handler each."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inhouse import wire
from inhouse.core.errors import InhouseError, ProviderError, RefusedError, UserError
from inhouse.lsp.commands import arguments, check_endpoints
from inhouse.lsp.commands.agent_commands import PREFIX
from inhouse.lsp.commands.arguments import Token, structure
from inhouse.lsp.edits import review_commands
from inhouse.lsp.language import definition_commands as language
from inhouse.lsp.runs import run_reporter

if TYPE_CHECKING:
    from inhouse.lsp.session import Session

Handler = Callable[["Session", str, list[Any] | None, Token | None], Any]
"""Takes session, command, arguments and ``workDoneToken``; gives JSON, or an awaitable of it."""


def execute(
    session: "Session", command: str, given: list[Any] | None, token: Token | None
) -> Any | Awaitable[Any]:
    """Run one command.  Raises `InhouseError` for what the user can mend."""
    handler = COMMANDS.get(command)
    if handler is not None:
        return handler(session, command, given, token)
    if command.startswith(PREFIX):
        argument = structure(command, given, arguments.RunPrompt)
        return run_reporter.start(session, evolve(argument, agent=command[len(PREFIX) :]), token)
    raise UserError(f"No command {command!r}.  Commands: {', '.join(COMMANDS)}, {PREFIX}AGENT")


def is_refusal(error: InhouseError) -> bool:
    """Tell whether the request was well formed, and something else says no."""
    return isinstance(error, RefusedError | ProviderError)


def _run(session: "Session", command: str, given: list[Any] | None, token: Token | None) -> Any:
    return run_reporter.start(session, structure(command, given, arguments.RunArguments), token)


def _cancel(session: "Session", command: str, given: list[Any] | None, _: Token | None) -> Any:
    argument = structure(command, given, arguments.OptionalRunId)
    if argument.run_id is not None and session.runs.get(argument.run_id) is None:
        session.host.book.result(argument.run_id)  # Raises where there is no such run.
    return {"cancelled": session.runs.cancel(argument.run_id)}


def _result(session: "Session", command: str, given: list[Any] | None, _: Token | None) -> Any:
    argument = structure(command, given, arguments.RunId)
    return wire.run_result(session.host.book.result(argument.run_id))


async def _runs(session: "Session", command: str, given: list[Any] | None, _: Token | None) -> Any:
    argument = structure(command, given, arguments.ListArguments)
    if argument.limit is not None and argument.limit < 0:
        raise UserError(f"{command}: 'limit' must not be negative.")
    known = [wire.run_summary(result) for result in session.host.book.results(argument.limit)]
    if argument.earlier:
        known += [wire.kept_run(run) for run in await session.transcripts.earlier(argument.limit)]
    return known[: argument.limit]


def _agents(session: "Session", command: str, given: list[Any] | None, _: Token | None) -> Any:
    structure(command, given, arguments.Nothing)
    return [wire.agent_summary(summary) for summary in session.host.agents()]


def _endpoints(
    session: "Session", command: str, given: list[Any] | None, token: Token | None
) -> Any:
    argument = structure(command, given, arguments.Endpoints)
    if argument.check:
        names: tuple[str, ...] = ()
        if argument.agent is not None:
            names = (session.host.explain(argument.agent).endpoint,)
        own = argument.work_done_token
        work = check_endpoints.check(session, token if own is None else own, names)
        session.spawn(work, name="checks")
    known = session.host.endpoints()
    return [wire.endpoint_status(session.checked.get(each.name, each)) for each in known]


async def _reload(
    session: "Session", command: str, given: list[Any] | None, _: Token | None
) -> Any:
    structure(command, given, arguments.Nothing)
    await session.host.reload()
    catalog = session.host.world.catalog
    return {"agents": len(catalog.agents), "problems": len(catalog.every_problem)}


async def _transcript(
    session: "Session", command: str, given: list[Any] | None, _: Token | None
) -> Any:
    argument = structure(command, given, arguments.OptionalRunId)
    return {"uri": await session.transcripts.show(argument.run_id)}


def _answer(session: "Session", command: str, given: list[Any] | None, _: Token | None) -> Any:
    session.approver.answer(structure(command, given, arguments.AnswerArguments))
    return None


async def _set_key(
    session: "Session", command: str, given: list[Any] | None, _: Token | None
) -> Any:
    """Take a key that the editor keeps: in memory only, and never in a log."""
    argument = structure(command, given, arguments.SetKey)
    await session.host.set_session_key(argument.name, argument.value)
    return None


COMMANDS: dict[str, Handler] = {
    "inhouse.run": _run,
    "inhouse.cancel": _cancel,
    "inhouse.result": _result,
    "inhouse.runs": _runs,
    "inhouse.agents": _agents,
    "inhouse.explain": language.explain,
    "inhouse.endpoints": _endpoints,
    "inhouse.reload": _reload,
    "inhouse.trust": language.trust,
    "inhouse.schema": language.get_schema,
    "inhouse.transcript": _transcript,
    "inhouse.answer": _answer,
    "inhouse.setKey": _set_key,
    "inhouse.edits": review_commands.edits,
    "inhouse.edits.apply": review_commands.apply,
    "inhouse.edits.reject": review_commands.reject,
    "inhouse.edits.show": review_commands.show,
    "inhouse.edits.preview": review_commands.preview,
}
