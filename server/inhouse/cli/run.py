"""``inhouse run``: one agent, its text on stdout, everything else on stderr."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve
from rich.markup import escape
from rich.prompt import Prompt

from inhouse import wire
from inhouse.core.errors import UserError
from inhouse.core.events import (
    EditChanged,
    EditState,
    Notice,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    RunResult,
    RunStarted,
    RunStatus,
    Steered,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.core.request import RunRequest
from inhouse.core.unicode import visible, without_controls
from inhouse.host.host import Host
from inhouse.host.run_context import Listen
from inhouse.host.run_plan import Plan

from . import BAD_USAGE, CANCELLED, COMPLETED, FAILED, output
from .open_host import open_host

EXIT = {
    RunStatus.COMPLETED: COMPLETED,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELLED: CANCELLED,
    RunStatus.RUNNING: FAILED,
}
BAD_CONFIGURATION = frozenset({"refused", "invalid", "untrusted", "budget"})


async def run(options: argparse.Namespace) -> int:
    """Run one agent to its end."""
    words = [*options.prompt]
    if goes_on(options) and options.agent:  # Its agent is known: all of it is the prompt.
        words.insert(0, options.agent)
    elif not goes_on(options) and not (options.agent or options.other_agent):
        raise UserError("Which agent?  `inhouse agents` lists them; -c goes on with a session.")
    request = RunRequest(
        agent=options.other_agent or ("" if goes_on(options) else options.agent),
        prompt=await _prompt(words),
        params=_params(options.params),
        endpoint=options.endpoint,
        model=options.model,
    )
    async with open_host(options) as host:
        await host.ask_for_trust()
        session = await session_of(host, options)
        request = await host.sessions.resolve(evolve(request, session=session))
        if (
            session is not None
            and await host.sessions.runs_elsewhere(session)
            and (said := await host.sessions.steer_elsewhere(session, request.prompt)) is not None
        ):
            output.status().print(
                f"Session {said.session} is running: it gets this before its next step.",
                markup=False,
            )
            return COMPLETED
        plan = await _planned(host, request)
        return await follow(host, plan, as_json=options.json, thinking=options.show_thinking)


async def follow(host: Host, plan: Plan, *, as_json: bool, thinking: bool) -> int:
    """Run a plan to its end and print what happens; give the exit status."""
    show = _as_json() if as_json else Printer(thinking=thinking).show
    listen = _until_nobody_reads(show, lambda: task.cancel())  # noqa: PLW0108  it comes next
    task = asyncio.ensure_future(host.run(plan, host.new_run_id(), listen))
    with _ctrl_c(task):
        await asyncio.wait([task])
    return CANCELLED if task.cancelled() else _exit_status(task.result())


def goes_on(options: argparse.Namespace) -> bool:
    """Say whether the command goes on with a session."""
    return options.last or options.session is not None or options.fork is not None


async def session_of(host: Host, options: argparse.Namespace) -> str | None:
    """Give the session that the options name, forked where they say so.  Raises `UserError`."""
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
        if error.code != "no-endpoint" or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        from .endpoint import choose_endpoint  # noqa: PLC0415  only the first time

        output.status().print("There is no model to ask yet.  Let us add one.")
        if await choose_endpoint(host) != COMPLETED:
            raise
        return host.plan(request)


def _until_nobody_reads(show: Listen, cancel: Callable[[], object]) -> Listen:
    """Cancel a run whose reader has gone (``inhouse run … | head``), and print no more."""
    gone = False

    def listen(event: RunEvent) -> None:
        nonlocal gone
        if gone:
            return
        try:
            show(event)
        except BrokenPipeError:
            gone = True
            output.nobody_reads()
            cancel()

    return listen


def _exit_status(result: RunResult) -> int:
    if result.error is not None and result.error.code in BAD_CONFIGURATION:
        return BAD_USAGE
    return EXIT[result.status]


@contextlib.contextmanager
def _ctrl_c(task: "asyncio.Future[Any]") -> Any:
    """Let Ctrl-C and a friendly kill cancel the run, which then cleans up."""
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


async def _prompt(words: list[str]) -> str:
    """Take the prompt from the command line and what is piped in; ask for one if there is none.

    ``-`` stands for standard input.  What is piped in beside a prompt comes behind it.
    """
    given = " ".join(words).strip()
    piped = "" if not _is_piped() else (await asyncio.to_thread(sys.stdin.read)).rstrip("\n")
    if given in ("", "-"):
        if piped or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return piped
        return (await asyncio.to_thread(Prompt.ask, "Prompt", console=output.status())) or ""
    return f"{given}\n\n{piped}" if piped else given


def _is_piped() -> bool:
    """Say whether standard input is a file or a pipe: something that ends."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


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


def _as_json() -> Any:
    """Make a sink that prints one RunEvent a line."""
    seq = 0

    def show(event: RunEvent) -> None:
        nonlocal seq
        value = wire.run_event(seq, event)
        if value is not None:
            output.line(value)
            seq += 1

    return show


class Printer:
    """Shows a run to a person: what the model says, and one line for each thing it does."""

    def __init__(self, *, thinking: bool) -> None:
        self._thinking = thinking
        self._mid_line = False
        self._unended = False
        """What was said last does not end its line yet."""

    def show(self, event: RunEvent) -> None:  # noqa: C901  one case a line
        """Show one event.  A sub-agent's text is not the answer: it stays on stderr."""
        child = event.parent is not None
        match event.payload:
            case TextDelta(text) if not child:
                output.said(text)
                self._mid_line = self._unended = not text.endswith("\n")
            case ReasoningDelta(text) if self._thinking and not child:
                output.status().print(without_controls(text), end="", style="dim", markup=False)
            case RunStarted(route):
                where = "[green]local[/]" if route.local else "[red]remote[/]"
                name = escape(f"{event.agent} → {route.endpoint} · {route.model}")
                self._line(f"{name} · {where}", child=child)
            case ToolStarted(_, tool, arguments):
                called = f"[cyan]{escape(visible(tool))}[/] {escape(visible(_short(arguments)))}"
                self._line(called, child=child)
            case ToolFinished(_, ok, summary):
                mark = "[green]✓[/]" if ok else "[red]✗[/]"
                self._line(f"{mark} {escape(visible(summary))}", child=child)
            case ToolOutput(_, text):
                output.status().print(without_controls(text), end="", style="dim", markup=False)
            case EditChanged():
                self._edit(event.payload, child=child)
            case Steered(text, state) if state == "delivered":
                self._line(f"[cyan]»[/] {escape(visible(text))}", child=child)
            case Notice(level, _, message):
                style = "yellow" if level == "warning" else "dim"
                self._line(f"[{style}]{escape(visible(message))}[/]", child=child)
            case RunFinished(result) if not child:
                self._finish(result)
            case _:
                pass

    def _edit(self, edit: EditChanged, *, child: bool) -> None:
        """Show a proposal whole: nobody is asked about it."""
        self._line(f"[magenta]{edit.state.value}[/] {escape(visible(edit.uri))}", child=child)
        if edit.state is EditState.PROPOSED:
            output.diff(edit.diff)

    def _line(self, markup: str, *, child: bool) -> None:
        self._end_line()
        output.status().print(("  " if child else "") + markup)

    def _end_line(self) -> None:
        if self._mid_line:
            # On a terminal the status would go on in the model's last line.
            (output.status() if not sys.stdout.isatty() else output.report()).print()
            self._mid_line = False

    def _finish(self, result: RunResult) -> None:
        if sys.stdout.isatty():
            self._end_line()
        elif self._unended:
            output.text("\n")
        if result.error is not None:
            output.error(result.error.message)
        output.status().print(summary(result), markup=False, style="dim")


def summary(result: RunResult) -> str:
    """Say in one line how a run ended and what it used."""
    usage = result.usage
    cost = "" if usage.cost_usd is None else f" · ${usage.cost_usd:.4f}"
    hosts = ", ".join(dict.fromkeys(contact.host for contact in result.contacts)) or "no host"
    return (
        f"{result.status.value} in {result.duration_ms / 1000:.1f} s · "
        f"{usage.input_tokens} tokens in, {usage.output_tokens} out{cost} · talked to {hosts}"
    )


def _short(value: Any, width: int = 100) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"
