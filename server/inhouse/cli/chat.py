"""``inhouse chat``: a conversation at the terminal; what is typed while a turn runs steers it."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from pathlib import Path

from attrs import define, evolve, field
from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout
from rich.cells import chop_cells

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import RunEvent, RunFinished, RunResult, TextDelta
from inhouse.core.ports import Question
from inhouse.core.request import RunRequest
from inhouse.core.unicode import visible, without_controls
from inhouse.host.host import Host
from inhouse.host.plan import Plan
from inhouse.host.session_undo import undo

from . import BAD_USAGE, COMPLETED, output
from .approver import TerminalApprover, show_question, understood
from .chat_completion import ChatCompleter
from .open_host import open_host, tell_what_is_inert
from .parser import whole_number
from .printer import Printer
from .run import session_of
from .session_output import disk_files, markdown, show_table, show_undone

_TAIL = 2_000
_LINES = 6
"""How many characters and lines of an unfinished block are shown above the prompt."""


async def chat(options: argparse.Namespace) -> int:
    """Talk until the user leaves."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "`inhouse chat` needs a terminal.  In a script: `inhouse run AGENT PROMPT`, then "
            "`inhouse run -c PROMPT`."
        )
    approver = ChatApprover()
    async with open_host(options, approver) as host:
        await host.ask_for_trust()
        tell_what_is_inert(host)
        talk = Chat(host, options, approver)
        if not await talk.begin():
            return BAD_USAGE
        await talk.run()
    return COMPLETED


@define
class ChatApprover:
    """Asks in the chat: the next line that is typed is the answer."""

    before: TerminalApprover = field(factory=TerminalApprover)
    started: bool = False
    _question: Question | None = None
    _answer: "asyncio.Future[tuple[str, ...]] | None" = None
    _turn: asyncio.Lock = field(factory=asyncio.Lock)

    @property
    def question(self) -> Question | None:
        """The question that waits for an answer."""
        return self._question

    async def ask(self, question: Question) -> tuple[str, ...]:
        """Return the choices taken; empty if the user does not answer."""
        if not self.started:
            return await self.before.ask(question)
        async with self._turn:
            self._question = question
            self._answer = asyncio.get_running_loop().create_future()
            show_question(question)
            try:
                return await self._answer
            finally:
                self._question = self._answer = None

    def take(self, line: str) -> None:
        """Take a line that was typed as the answer, if it is one."""
        if self._question is None or self._answer is None or self._answer.done():
            return
        taken = understood(self._question, line)
        if taken is None:
            output.status().print("  Type a number, or the choice itself.")
        else:
            self._answer.set_result(taken)


class LinePrinter(Printer):
    """Prints what the model says above the prompt: blocks rendered, or lines as they are.

    What has not ended yet is `unfinished`, shown between them and the prompt.
    """

    def __init__(self, *, thinking: bool, plain: bool = False) -> None:
        super().__init__(thinking=thinking, plain=plain)
        self._rest = ""
        """The unfinished line of an answer that is not rendered."""

    @property
    def unfinished(self) -> str:
        """What the model has said so far of an unfinished block or line."""
        return self._rest + self._answer.pending

    def show(self, event: RunEvent) -> None:
        """Show one event."""
        if self._answer.is_rendered:
            super().show(event)
            return
        if isinstance(event.payload, TextDelta) and event.parent is None:
            lines, newline, rest = (self._rest + event.payload.text).rpartition("\n")
            self._rest = rest
            if newline:
                super().show(evolve(event, payload=TextDelta(lines + newline)))
            return
        if self._rest and event.parent is None:
            super().show(evolve(event, payload=TextDelta(self._rest + "\n")))
            self._rest = ""
        super().show(event)


class Chat:
    """One conversation at a time, and what was chosen for it."""

    def __init__(self, host: Host, options: argparse.Namespace, approver: ChatApprover) -> None:
        self._host = host
        self._options = options
        self._approver = approver
        self._agent: str = options.agent
        self._endpoint: str | None = options.endpoint
        self._model: str | None = options.model
        self._session: str | None = None
        self._task: asyncio.Task[RunResult] | None = None
        self._printer = LinePrinter(thinking=options.show_thinking, plain=options.plain)
        self._passed: dict[str, int] = {}
        """The turn that had nothing to undo, by session: the next `/undo` goes on before it."""
        self._leaving = False
        self._history = InMemoryHistory()
        self._prompt: PromptSession[str] = PromptSession(
            history=self._history,
            multiline=True,
            key_bindings=_keys(),
            completer=ChatCompleter(self._agents, COMMANDS, host),
            complete_while_typing=True,
            bottom_toolbar=self._toolbar,
            refresh_interval=0.5,
        )

    async def begin(self) -> bool:
        """Find the session and the agent, and greet the user."""
        self._session = await session_of(self._host, self._options)
        if self._session is not None:
            known = await self._host.sessions.named(self._session)
            self._agent = self._agent or known.agent
            output.status().print(f"{known.title} · {known.turns} turns", markup=False, style="dim")
        if not self._agent:
            usable = [one for one in self._host.agents() if one.usable and one.route is not None]
            own = [one for one in usable if one.agent.from_workspace] or usable
            if not own:
                output.error("No agent can run.  `inhouse doctor` shows why.")
                return False
            self._agent = own[0].agent.id
        self._check()
        for one in reversed(await self._host.sessions.summaries(limit=20)):
            for turn in await asyncio.to_thread(self._host.sessions.store.turns, one.id):
                if turn.prompt:
                    self._history.append_string(turn.prompt)
        told = f"{self._agent}.  Alt-Enter: a new line.  Ctrl-C: stop the turn.  Ctrl-D: leave.  "
        output.status().print(f"{told}/help: more.", markup=False, style="dim")
        self._approver.started = True
        return True

    async def run(self) -> None:
        """Read lines until the user leaves."""
        with patch_stdout(raw=True):
            while not self._leaving:
                try:
                    text = await self._prompt.prompt_async(self._message)
                except KeyboardInterrupt:
                    self._stop()
                    continue
                except EOFError:
                    break
                await self._take(text)
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def _take(self, text: str) -> None:
        if self._approver.question is not None:
            self._approver.take(text)
        elif not text.strip():
            return
        elif text.startswith("/"):
            name, _, rest = text[1:].strip().partition(" ")
            command = COMMANDS.get(name)
            if command is None:
                output.error(f"No command /{name}.  /help lists them.")
                return
            try:
                await command[1](self, rest.strip())
            except InhouseError as error:
                output.error(str(error))
        else:
            await self._say(text)

    async def _say(self, text: str) -> None:
        """Begin a turn, or steer the running one."""
        if self._session is not None and (turn := self._host.sessions.running(self._session)):
            turn.steer(text)
            output.status().print("» The agent gets this before its next step.", style="dim")
            return
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])
        try:
            request = RunRequest(
                agent=self._agent,
                prompt=text,
                endpoint=self._endpoint,
                model=self._model,
                session=self._session,
            )
            plan = self._host.plan(await self._host.sessions.resolve(request))
        except InhouseError as error:
            output.error(str(error))
            return
        self._begin_turn(plan)

    def _begin_turn(self, plan: Plan) -> None:
        self._passed = {}
        self._session = plan.request.session
        self._task = asyncio.create_task(
            self._host.run(plan, self._host.new_run_id(), self._show), name="chat turn"
        )
        self._task.add_done_callback(lambda _: self._prompt.app.invalidate())

    def _show(self, event: RunEvent) -> None:
        self._printer.show(event)
        if isinstance(event.payload, TextDelta | RunFinished):
            self._prompt.app.invalidate()

    def _stop(self) -> None:
        if self._approver.question is not None:
            self._approver.take("")
        if self.busy and self._task is not None:
            self._task.cancel()
        else:
            output.status().print("Nothing is running.  Ctrl-D leaves.", style="dim")

    @property
    def busy(self) -> bool:
        """Whether a turn runs."""
        return self._task is not None and not self._task.done()

    def _message(self) -> ANSI:
        if (question := self._approver.question) is not None:
            return ANSI("answer: " if question.safe or not question.choices else "number: ")
        columns = self._prompt.app.output.get_size().columns
        # A line that was sent stays on the screen; the unfinished text comes again below it.
        unfinished = "" if self._prompt.app.is_done else self._printer.unfinished
        said = "".join(f"\x1b[2m{line}\x1b[0m\n" for line in _end(unfinished, columns))
        return ANSI(f"{said}\x1b[36m{visible(self._agent)}\x1b[0m> ")

    def _toolbar(self) -> str:
        route = self._model or ""
        where = f"{self._endpoint or ''} {route}".strip()
        parts = [self._session or "new session", self._agent, where]
        if self.busy:
            parts.append("running: Ctrl-C stops, a line steers")
        return " · ".join(part for part in parts if part)

    def _agents(self) -> list[str]:
        return [one.agent.id for one in self._host.agents() if one.usable]

    def _check(self) -> None:
        """Raise `UserError` if the agent could not run."""
        self._agent = self._host.world.catalog.find(self._agent).id

    # Commands.

    async def help(self, _: str) -> None:
        """List the commands."""
        for name, (meaning, _do) in COMMANDS.items():
            output.status().print(f"  /{name:<9} {meaning}", markup=False)
        output.status().print("  @path, @path:10-20, @diff, @open … give files and more.")

    async def agent(self, name: str) -> None:
        """Continue with another agent, or list them."""
        if name:
            self._agent = self._host.world.catalog.find(name).id
            return
        for one in self._agents():
            mark = "*" if one == self._agent else " "
            output.status().print(f"{mark} {one}", markup=False)

    async def model(self, name: str) -> None:
        """Continue with another model; without a name, the one that the settings choose."""
        self._model = name or None
        self._where()

    async def endpoint(self, name: str) -> None:
        """Continue at another endpoint; without a name, the one that the settings choose."""
        self._endpoint = name or None
        self._where()

    def _where(self) -> None:
        route = self._host.explain(self._agent, self._endpoint, self._model)
        output.status().print(f"{route.model} on {route.endpoint}", markup=False)

    async def new(self, _: str) -> None:
        """Begin another session."""
        self._idle()
        self._session = None

    async def retry(self, _: str) -> None:
        """Ask the last prompt again, in a fork without its answer."""
        self._idle()
        session = self._some_session()
        turns = await asyncio.to_thread(self._host.sessions.store.turns, session)
        if not turns:
            raise UserError("There is no prompt to repeat yet.")
        self._session = await self._host.sessions.fork(session, turns[-1].number)
        await self._say(turns[-1].prompt)

    async def fork(self, turn: str) -> None:
        """Continue in a new session from before a turn; without one, with all turns."""
        self._idle()
        known = await self._host.sessions.named(self._some_session())
        number = _turn(turn)
        at = known.turns + 1 if number is None else number
        self._session = await self._host.sessions.fork(known.id, at)
        output.status().print(f"Now in {self._session}: turns 1 to {at - 1}.", markup=False)

    async def undo(self, turn: str) -> None:
        """Undo what the last turn, or the one named, changed in files."""
        self._idle()
        number, files, session = _turn(turn), disk_files(self._host), self._some_session()
        passed = self._passed.get(session)
        done = await undo(self._host.state, files, session, number, before=passed)
        if number is not None:
            self._passed = {}
        elif not done.problems:  # With problems it is the next one again.
            goes_on = done.earlier is not None and (passed or done.nothing)
            self._passed = {session: done.turn} if goes_on else {}
        show_undone(done)

    async def compact(self, _: str) -> None:
        """Compact the history, to make room for more turns."""
        self._idle()
        request = await self._host.sessions.compaction(self._some_session())
        self._begin_turn(self._host.plan(request))

    async def sessions(self, query: str) -> None:
        """List the sessions."""
        show_table(await self._host.sessions.summaries(query=query or None, limit=20))

    async def session(self, name: str) -> None:
        """Continue another session."""
        self._idle()
        known = await self._host.sessions.named(name)
        self._session, self._agent = known.id, known.agent
        output.status().print(f"{known.title} · {known.turns} turns", markup=False)

    async def rename(self, title: str) -> None:
        """Give this session another title."""
        await self._host.sessions.rename(self._some_session(), title)

    async def show(self, _: str) -> None:
        """Print the whole session."""
        known = await self._host.sessions.named(self._some_session())
        output.said(await markdown(self._host, known))

    async def export(self, name: str) -> None:
        """Write this session into a Markdown file."""
        known = await self._host.sessions.named(self._some_session())
        path = Path(name or f"{known.id}.md")
        text = await markdown(self._host, known)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_telling(path))
            await asyncio.to_thread(path.write_text, text, encoding="utf-8", errors="replace")
            output.status().print(f"Written: {path}", markup=False)

    async def leave(self, _: str) -> None:
        """Leave."""
        self._leaving = True

    def _some_session(self) -> str:
        if self._session is None:
            raise UserError("This session has no turn yet.")
        return self._session

    def _idle(self) -> None:
        if self.busy:
            raise UserError("A turn is running.  Ctrl-C stops it.")


@contextlib.contextmanager
def _telling(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _end(text: str, columns: int) -> list[str]:
    """Return the last lines of the text being written, as wide as the terminal."""
    lines = without_controls(text[-_TAIL:]).expandtabs(4).rstrip().splitlines()
    width = max(columns - 1, 1)
    return [part for line in lines for part in chop_cells(line, width) or [""]][-_LINES:]


def _keys() -> KeyBindings:
    """Make the key bindings: Enter sends, Alt-Enter begins a new line, a paste may have many."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


Command = Callable[[Chat, str], Awaitable[None]]
COMMANDS: Mapping[str, tuple[str, Command]] = {
    "help": ("list these commands", Chat.help),
    "agent": ("[ID] switch to another agent, or list the agents", Chat.agent),
    "model": ("[NAME] switch to another model", Chat.model),
    "endpoint": ("[NAME] switch to another endpoint", Chat.endpoint),
    "new": ("start a new session", Chat.new),
    "retry": ("repeat the last prompt, in a fork", Chat.retry),
    "fork": ("[TURN] continue in a new session that has the turns before this one", Chat.fork),
    "undo": ("[TURN] undo the file changes of a turn", Chat.undo),
    "compact": ("summarise the conversation to make room", Chat.compact),
    "sessions": ("[TEXT] list the sessions", Chat.sessions),
    "session": ("ID switch to another session", Chat.session),
    "rename": ("TITLE rename this session", Chat.rename),
    "show": ("print this session", Chat.show),
    "export": ("[FILE] export this session as Markdown", Chat.export),
    "quit": ("leave (also Ctrl-D)", Chat.leave),
}


def _turn(text: str) -> int | None:
    """Return the number of a turn; None if nothing was named.  Raises `UserError`."""
    try:
        return whole_number(text) if text else None
    except argparse.ArgumentTypeError as error:
        raise UserError(f"That is not the number of a turn: {error}.") from error
