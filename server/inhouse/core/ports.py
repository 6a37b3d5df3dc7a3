"""What the rooms need from each other and from the outside world."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import Factory, field, frozen

from .events import EditState, EventPayload, ModelChunk
from .hunks import Hunk, apply_hunks, hunks, rebased_text, unified_hunks
from .json_values import Json
from .messages import Message

Emit = Callable[[EventPayload], None]
"""Where a run reports.  Must not block and must not raise."""


Schema = Mapping[str, Any]
"""A JSON Schema."""
Arguments = Mapping[str, Any]
"""The arguments of a call, which the tool's JSON Schema has checked."""


@frozen
class ToolSpec:
    """A tool as a model sees it."""

    name: str
    description: str
    parameters: Schema
    """A JSON Schema of type object."""
    exact: bool = False
    """The tool changes something, so input that would have to be guessed is refused."""


@frozen
class Tool:
    """A tool as a run has it, bound to the run's workspace, approver and state."""

    spec: ToolSpec
    run: Callable[[str, Arguments], Awaitable[object]]
    """Takes the call's id and its checked input; returns the value that the model sees.

    That is the JSON value of Codebuff's ``toolResult[0].value``, or `ToolParts`. Raises `ToolError`
    for what the model can fix.
    """
    ends_step: bool = True
    """Codebuff's ``endsAgentStep``: the model must see the result before it continues."""
    writes: bool = False
    """Changes files or runs commands: a child gets it only if its parent may."""
    offered: bool = True
    """False if no model is offered it; it exists only to say why it is unavailable."""
    also: tuple[str, ...] = ()
    """Other names by which a model or ``handleSteps`` may call it."""
    arrange: Callable[[Arguments], Arguments] | None = None
    """Reorders input that is known to arrive in another order than the spec's."""
    is_foreign: bool = False
    """Its results are another program's words, passed on unchanged."""


@frozen
class Prompt:
    """One request to a model."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    output_schema: Mapping[str, object] | None = None
    """Asks for an answer that is JSON of this schema, if the server can enforce it."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    """None for the server's default, but 0 for a local model that is offered tools."""


Chunks = Sequence[ModelChunk]
"""The part of an answer that one read of the connection completed."""


class Model(Protocol):
    """One model at one endpoint."""

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Chunks]]:
        """Open one streamed answer.  Leaving the context closes the connection at once.

        The last chunk of a complete answer is `Answered`.  Raises `ProviderError`.
        """
        ...


@frozen
class Document:
    """A file as the user sees it."""

    path: Path
    text: str
    """With its own line ends, unchanged."""
    version: int | None
    """The editor's version; None if no editor has it open."""


@frozen
class Edit:
    """A change of one whole file: ``old`` None creates it, ``new`` None deletes it."""

    path: Path
    old: str | None
    """The text it was made for."""
    new: str | None
    version: int | None = None
    """The document's version it was made for; None if no editor has it open."""
    hunks: tuple[Hunk, ...] = field(
        kw_only=True,
        default=Factory(lambda edit: hunks(edit.old, edit.new), takes_self=True),
        repr=False,
        eq=False,
    )
    """The changes from ``old`` to ``new``, computed once when the edit is made."""

    def __attrs_post_init__(self) -> None:
        if apply_hunks(self.old, self.hunks) != (self.new or ""):
            raise ValueError("These hunks do not lead from the old text to the new one.")

    def onto(self, current: str | None) -> "Edit | None":
        """Return the same change for a text that has changed since; None if that is not exact."""
        if current == self.old:
            return self
        new = rebased_text(self.old, self.new, current)
        return None if new is None else Edit(self.path, current, new, self.version)

    def diff(self, name: str) -> str:
        """Return the change as ``diff -u`` and Git write it; empty if nothing changes."""
        return unified_hunks(name, self.old, self.hunks, gone=self.new is None)


@frozen
class EditOutcome:
    """What became of an edit; the message goes to the model."""

    state: EditState
    message: str
    merged: str | None = None
    """The resulting text, if the file had changed since the edit was made."""
    taken: str | None = None
    """The part of the new text that the user accepted; None if it was all or nothing."""


class Workspace(Protocol):
    """The files as a run sees them: unsaved text wins over the disk.

    Its undecided proposals count as accepted; such a document has a version, like an open one.
    Paths are absolute and already checked (`inhouse.tools.access.paths`).
    """

    @property
    def root(self) -> Path: ...

    async def read(self, path: Path) -> Document:
        """Read a file.  Raises `OSError` and `UnicodeDecodeError` as `Path.read_text` does."""
        ...

    async def apply(self, edit: Edit) -> EditOutcome:
        """Apply or propose an edit, as the settings say.  Emits `EditChanged` itself."""
        ...

    async def propose(self, edit: Edit) -> EditOutcome:
        """Keep an edit for review, whatever the settings say."""
        ...

    async def unsaved(self) -> Mapping[Path, str | None]:
        """Return texts that differ from the disk, by real path; None for a deleted file."""
        ...

    async def save(self) -> Mapping[Path, str]:
        """Apply pending edits and save unsaved text, so that the disk has both; the user agreed.

        Returns what still is not on the disk, with the reason.
        """
        ...

    def open_files(self) -> tuple[Path, ...]: ...

    def selection(self) -> Mapping[str, object] | None:
        """Return where the run was started: ``{path, range, text}``."""
        ...

    async def diagnostics(self, path: Path | None) -> list[Json] | None:
        """Return what the editor's other servers report; None if the editor does not share it."""
        ...


@frozen
class Question:
    """Something only the user can decide."""

    id: str
    text: str
    choices: tuple[str, ...]
    """Empty: any text is an answer."""
    multiple: bool = False
    kind: str = "question"
    """``command``, ``question``, ``trust``, ``host``, ``repeat``, ``edit``,
    ``budget``."""
    detail: str = ""
    diff: str = ""
    """The changes it is about as a unified diff, if any; doors offer to show it."""
    keys: tuple[str, ...] = ()
    """A letter for each choice that a terminal takes instead of the whole word."""
    safe: str = ""
    """The choice that changes nothing: doors show it first, and take it by default.

    Every kind but ``question`` has one, and it is the first of the choices.  Empty if any choice is
    as good as another.  Anything else must be chosen deliberately, and only after the whole
    question could be read.
    """
    lasting: tuple[str, ...] = ()
    """The choices that apply to more than this one time."""
    is_told: bool = False
    """An event of a run announces it, so a door may leave the asking to whoever receives that."""

    def __attrs_post_init__(self) -> None:
        if self.safe != (self.choices[0] if self.choices and self.kind != "question" else ""):
            raise ValueError(f"a question of kind {self.kind!r} begins with its safe choice")
        if self.safe in self.lasting or not set(self.lasting) <= set(self.choices):
            raise ValueError("what holds for longer must be a choice that is not the safe one")


class Approver(Protocol):
    """Can ask the user: an editor or a terminal."""

    async def ask(self, question: Question) -> tuple[str, ...]:
        """Return the choices, or a free text; empty if dismissed or if nobody can be asked."""
        ...


@frozen
class TerminalRun:
    """The result of a command in one of the client's terminals."""

    output: str
    """Standard output and error, as the user saw them."""
    code: int | None
    """Its exit status; None if it was stopped after its time limit."""


class ClientTerminal(Protocol):
    """Terminals of the client, in which the user sees a command run."""

    async def run(
        self,
        call_id: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        seconds: float,
    ) -> TerminalRun | None:
        """Run a command to its end with exactly these variables.

        Returns None if the client did not start it.  Cancelling ends it.
        """
        ...


# handleSteps, driven from the loop and run in the sandbox.


@frozen
class StepYield:
    """What a ``handleSteps`` generator yielded: ``STEP``, ``STEP_ALL`` or an object."""

    value: object


@frozen
class StepDone:
    """The generator returned."""

    value: object = None


@frozen
class StepFailed:
    """The generator threw, looped for ever or used too much memory."""

    message: str


@frozen
class StepLog:
    level: str
    text: str


class Steps(Protocol):
    """A paused ``handleSteps`` generator in its sandbox."""

    async def send(self, value: object) -> StepYield | StepDone | StepFailed:
        """Resume with ``{agentState, toolResult, stepsComplete, nResponses}``.

        The first call sends the context's ``agentState`` again and is ignored by the generator.
        """
        ...

    async def aclose(self) -> None:
        """End it, wherever it has paused."""
        ...


@frozen
class StepContext:
    """What ``handleSteps`` is called with."""

    agent_state: Mapping[str, object]
    prompt: str | None
    params: Mapping[str, object] | None = None
    """None: ``undefined`` in the generator, as in Codebuff."""
    model: str = ""
