"""``inhouse run``: one agent, its text on stdout, everything else on stderr."""

import argparse
import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Generator, Mapping
from typing import Any

from attrs import evolve
from rich.markup import escape
from rich.prompt import Prompt

from inhouse import wire
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import EventPayload, RunEvent, RunResult, RunStatus
from inhouse.core.request import RunRequest
from inhouse.core.unicode import visible
from inhouse.host.host import Host
from inhouse.host.plan import usable_definition
from inhouse.host.run_context import Listen
from inhouse.host.run_plan import Plan
from inhouse.tools.edit.disk_workspace import DiskWorkspace

from . import BAD_USAGE, CANCELLED, COMPLETED, FAILED, PROPOSED, output
from .approver import TerminalApprover
from .hunk_review import HunkReview
from .open_host import open_host, tell_what_is_inert
from .patches import Proposals, deliver, review
from .printer import Printer
from .streams import beside_a_prompt, is_piped, is_terminal, piped_text, typed

EXIT = {
    RunStatus.COMPLETED: COMPLETED,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELLED: CANCELLED,
    RunStatus.RUNNING: FAILED,
}
_CHANGES = "{CODEBUFF_GIT_CHANGES_PROMPT}"
"""What gives an agent something to work on without a prompt."""
BAD_CONFIGURATION = frozenset({"refused", "invalid", "untrusted", "budget"})


async def run(options: argparse.Namespace) -> int:
    """Run one agent to its end."""
    words = [*options.prompt]
    if goes_on(options) and options.agent:  # The agent is known, so everything is the prompt.
        words.insert(0, options.agent)
    elif not goes_on(options) and not (options.agent or options.other_agent):
        raise UserError("Which agent?  `inhouse agents` lists them; -c continues the last session.")
    agent = options.other_agent or ("" if goes_on(options) else options.agent)
    proposals: Proposals = {}
    collects = options.patch is not None or not is_terminal()
    async with open_host(options, proposals=proposals, collects=collects) as host:
        await host.ask_for_trust()
        tell_what_is_inert(host)
        prompt = await _prompt(words, lambda: _described(host, agent))
        if not (prompt or words or options.params) and _needs_prompt(host, agent):
            raise UserError(
                f'There is no prompt.  Add it: inhouse run {agent or "-c"} "…", or pipe it in.  '
                'To run without one, write "".'
            )
        request = RunRequest(
            agent=agent,
            prompt=prompt,
            params=_params(options.params),
            endpoint=options.endpoint,
            model=options.model,
        )
        session = await session_of(host, options)
        request = await host.sessions.resolve(evolve(request, session=session))
        if (
            session is not None
            and await host.sessions.runs_elsewhere(session)
            and (said := await host.sessions.steer_elsewhere(session, request.prompt)) is not None
        ):
            output.status().print(
                f"Session {said.session} is running.  It gets this before its next step.",
                markup=False,
            )
            return COMPLETED
        plan = await _planned(host, request)
        printer = Printer(
            thinking=options.show_thinking,
            live=True,
            plain=options.plain,
            root=host.main_root,
            diffs=not collects,
            beside=options.patch == "-",
        )
        status = await follow(host, plan, printer, as_json=options.json)
        if collects and proposals:
            await deliver(proposals, options.patch, as_json=options.json, at_once=options.yes_edits)
            return PROPOSED if status == COMPLETED else status
        await _review_the_rest(host, proposals)
        return status


async def follow(host: Host, plan: Plan, printer: Printer, *, as_json: bool) -> int:
    """Run a plan to its end and print what happens; return the exit status."""
    show = _as_json() if as_json else printer.show
    listen = _Shown(show, lambda: task.cancel())  # noqa: PLW0108  it comes next
    task = asyncio.ensure_future(host.run(plan, host.new_run_id(), listen))
    try:
        with _ctrl_c(task):
            await asyncio.wait([task])
    finally:
        printer.close()
    if listen.failure is not None:
        output.error(listen.failure)
        return FAILED
    return CANCELLED if task.cancelled() else _exit_status(task.result())


async def _review_the_rest(host: Host, proposals: Proposals) -> None:
    """Ask about proposals of ``propose_*`` now that the run has ended."""
    if proposals:
        approver, printer = TerminalApprover(), Printer(thinking=False, root=host.main_root)

        def tell(payload: EventPayload) -> None:
            printer.show(RunEvent("", "", payload))

        roots = host.roots or (host.main_root,)
        workspace = DiskWorkspace(
            *(roots[0], tell, approver),
            extra_roots=roots[1:],
            review=HunkReview(approver),
        )
        await review(proposals, workspace)


def goes_on(options: argparse.Namespace) -> bool:
    """Return whether the command continues a session."""
    return options.last or options.session is not None or options.fork is not None


async def session_of(host: Host, options: argparse.Namespace) -> str | None:
    """Return the session that the options name, forked if they say so.  Raises `UserError`."""
    if not goes_on(options):
        return None
    sessions = host.sessions
    known = await (sessions.named(options.session) if options.session else sessions.newest())
    return known.id if options.fork is None else await sessions.fork(known.id, options.fork)


async def _planned(host: Host, request: RunRequest) -> Plan:
    """Plan a run; if no model serves yet, help a person at a terminal to add one first."""
    try:
        return host.plan(request)
    except UserError as error:
        if error.code != "no-endpoint" or not is_terminal():
            raise
        from .endpoint import choose_endpoint  # noqa: PLC0415  only the first time

        output.status().print("No endpoint is set up yet.  Choose one:")
        if await choose_endpoint(host) != COMPLETED:
            raise
        return host.plan(request)


class _Shown:
    """Shows a run, and cancels it if its output can no longer be written.

    Its reader may have gone (``inhouse run … | head``), or the disk may be full.
    """

    def __init__(self, show: Listen, cancel: Callable[[], object]) -> None:
        self._show = show
        self._cancel = cancel
        self._gone = False
        self.failure: str | None = None
        """Why nothing could be written; None if nobody is reading."""

    def __call__(self, event: RunEvent) -> None:
        if self._gone:
            return
        try:
            self._show(event)
        except OSError as error:
            self._gone = True
            output.nobody_reads()
            if not isinstance(error, BrokenPipeError):
                self.failure = f"The output cannot be written: {error.strerror}."
            self._cancel()


def _exit_status(result: RunResult) -> int:
    if result.error is not None and result.error.code in BAD_CONFIGURATION:
        return BAD_USAGE
    return EXIT[result.status]


@contextlib.contextmanager
def _ctrl_c(task: "asyncio.Future[Any]") -> Generator[None]:
    """Let Ctrl-C and SIGTERM cancel the run, which then cleans up."""
    loop = asyncio.get_running_loop()
    installed: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt cancels
            loop.add_signal_handler(number, task.cancel)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)


async def _prompt(words: list[str], describe: Callable[[], str]) -> str:
    """Return the prompt from the command line and piped input; ask for one if there is none.

    ``-`` stands for standard input.  Piped input follows a prompt that is given too.
    """
    waits = words[-1:] == ["-"]
    given = " ".join(words[:-1] if waits else words).strip()
    if not words and is_terminal():

        def ask() -> str:
            return Prompt.ask(describe(), console=output.status(), default="", show_default=False)

        return (await typed(ask)).strip()
    if not (waits or is_piped()):
        return given
    if not given or waits:
        piped = await piped_text()
    elif (piped := await beside_a_prompt()) is None:
        output.status().print(
            "Nothing came on standard input, so the run starts without it.  To wait for it, end "
            "the command with ` -`.",
            style="dim",
        )
    return "\n\n".join(part for part in (given, piped) if part)


def _described(host: Host, agent: str) -> str:
    """Say what prompt an agent expects, in its definition's own words if there are any."""
    with contextlib.suppress(InhouseError):
        schema = usable_definition(host.world.catalog.find(agent)).input_schema or {}
        match schema.get("prompt"):
            case {"description": str(text)} if text.strip():
                return escape(visible(text.strip().rstrip(".:")))
            case _:
                pass
    return "Prompt"


def _needs_prompt(host: Host, agent: str) -> bool:
    """Return whether an agent can do nothing without a prompt; one that is not there needs none."""
    if not agent:  # The next turn of a session.
        return True
    with contextlib.suppress(InhouseError):
        definition = usable_definition(host.world.catalog.find(agent))
        said = f"{definition.system_prompt or ''}{definition.instructions_prompt or ''}"
        schema = definition.input_schema or {}
        only_params = bool(schema.get("params")) and not schema.get("prompt")
        return not (definition.handle_steps or only_params or _CHANGES in said)
    return False


def _params(text: str | None) -> Mapping[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(f'--params is not JSON: {error}.  Example: \'{{"path": "a"}}\'') from error
    if not isinstance(value, dict):
        raise UserError('--params takes a JSON object, such as \'{"path": "a"}\'.')
    return value  # pyright: ignore[reportUnknownVariableType]  foreign JSON


def _as_json() -> Listen:
    """Make an event sink that prints one RunEvent per line."""
    seq = 0

    def show(event: RunEvent) -> None:
        nonlocal seq
        value = wire.run_event(seq, event)
        if value is not None:
            output.line(value)
            seq += 1

    return show
