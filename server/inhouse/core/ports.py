"""What the rooms need from each other and from the outside world."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import Factory, field, frozen

from .events import EditState, EventPayload, ModelChunk
from .hunks import Hunk, apply_hunks, hunks, rebased_text, unified_hunks
from .messages import Message

Emit = Callable[[EventPayload], None]
"""Where a run reports.  Must not block and must not raise."""


@frozen
class ToolSpec:
    """A tool as a model sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """A JSON Schema of type object."""
    exact: bool = False
    """It changes something: input that would have to be guessed at is refused."""


@frozen
class Tool:
    """A tool as a run has it, bound to the run's workspace, approver and state."""

    spec: ToolSpec
    run: Callable[[str, Mapping[str, Any]], Awaitable[Any]]
    """Takes the call's id and its checked input; gives the JSON value of Codebuff's
    ``toolResult[0].value``, or `ToolParts`.  Raises `ToolError` for what the model can mend."""
    ends_step: bool = True
    """Codebuff's ``endsAgentStep``: the model must see the result before it goes on."""
    writes: bool = False
    """Changes files or runs commands: a child has it only where its parent may."""
    offered: bool = True
    """False: no model is told of it; it is there to say why it is not."""
    also: tuple[str, ...] = ()
    """Further names by which a model or ``handleSteps`` may call it."""
    arrange: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Puts input that is known to come in another order into the one that the spec says."""
    is_foreign: bool = False
    """What it says are another program's words, which are passed on as they are."""


@frozen
class Prompt:
    """One request to a model."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    """Asks for an answer that is JSON of this schema, where the server can enforce it."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    """None: the server's own, but 0 for a local model that is offered tools."""


Chunks = Sequence[ModelChunk]
"""What came of an answer at one time: all that one read of the connection completed."""


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
    """With its own line ends, untouched."""
    version: int | None
    """The editor's version; None where no editor has it open."""


def _difference(edit: "Edit") -> tuple[Hunk, ...]:
    return hunks(edit.old, edit.new)


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
        kw_only=True, default=Factory(_difference, takes_self=True), repr=False, eq=False
    )
    """What leads from ``old`` to ``new``: found once, when the edit is made."""

    def __attrs_post_init__(self) -> None:
        if apply_hunks(self.old, self.hunks) != (self.new or ""):
            raise ValueError("These hunks do not lead from the old text to the new one.")

    def onto(self, current: str | None) -> "Edit | None":
        """Give the same change of a text that has changed since; None if that is not exact."""
        if current == self.old:
            return self
        new = rebased_text(self.old, self.new, current)
        return None if new is None else Edit(self.path, current, new, self.version)

    def diff(self, name: str) -> str:
        """Give the change as ``diff -u`` and Git write it; empty if nothing changes."""
        return unified_hunks(name, self.old, self.hunks, gone=self.new is None)


@frozen
class EditOutcome:
    """What became of an edit; the message is told to the model."""

    state: EditState
    message: str
    merged: str | None = None
    """The text that came about, where the file had changed since the edit was made."""
    taken: str | None = None
    """The new text as far as the user took it; None: the edit was taken or refused whole."""


class Workspace(Protocol):
    """The files, as a run sees them: unsaved text wins over what is on disk.

    What it has proposed and nobody has decided on yet counts as accepted; such a document has
    a version, as an open one has.  Paths are absolute and already checked
    (`inhouse.tools.access.paths`).
    """

    @property
    def root(self) -> Path: ...

    async def read(self, path: Path) -> Document:
        """Raises `OSError` and `UnicodeDecodeError` as `Path.read_text` does."""
        ...

    async def apply(self, edit: Edit) -> EditOutcome:
        """Apply or propose an edit, as the settings say.  Emits `EditChanged` itself."""
        ...

    async def propose(self, edit: Edit) -> EditOutcome:
        """Keep an edit for review, whatever the settings say."""
        ...

    async def unsaved(self) -> Mapping[Path, str | None]:
        """The texts of files that are not what the disk holds, by real path; None: it is gone."""
        ...

    async def save(self) -> Mapping[Path, str]:
        """Apply what waits and save what is unsaved, so that the disk holds it: the user agreed.

        Gives what the disk does not hold for all that, with the reason.
        """
        ...

    def open_files(self) -> tuple[Path, ...]: ...

    def selection(self) -> Mapping[str, Any] | None:
        """Where the run was started: ``{path, range, text}``."""
        ...

    async def diagnostics(self, path: Path | None) -> list[dict[str, Any]] | None:
        """What is known to be wrong, by the editor's other servers; None where it cannot tell."""
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
    """What it is about as a unified diff, where it is about changes: doors lead to it."""
    keys: tuple[str, ...] = ()
    """A letter for each choice, where a terminal takes one as well as the choice's word."""
    safe: str = ""
    """The choice that changes nothing: doors show it first, and take it by default.

    Every kind but ``question`` has one, and it is the first of the choices.  Empty: any choice is
    as good as another.  What is not safe is allowed deliberately, and only where the whole
    question could be read.
    """
    lasting: tuple[str, ...] = ()
    """The choices that hold for more than this once."""
    is_told: bool = False
    """An event of a run tells of it: a door may leave the asking to who hears that."""

    def __attrs_post_init__(self) -> None:
        if self.safe != (self.choices[0] if self.choices and self.kind != "question" else ""):
            raise ValueError(f"a question of kind {self.kind!r} begins with its safe choice")
        if self.safe in self.lasting or not set(self.lasting) <= set(self.choices):
            raise ValueError("what holds for longer must be a choice that is not the safe one")


class Approver(Protocol):
    """Whoever can ask the user: an editor or a terminal."""

    async def ask(self, question: Question) -> tuple[str, ...]:
        """The choices taken, or a free text; empty when dismissed or when nobody can be asked."""
        ...


@frozen
class TerminalRun:
    """What came of a command in a terminal of the client."""

    output: str
    """Both of its outputs, as the user saw them."""
    code: int | None
    """Its exit status; None: it was stopped when its time was over."""


class ClientTerminal(Protocol):
    """Terminals that a client offers, where the user sees a command run."""

    async def run(
        self,
        call_id: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        seconds: float,
    ) -> TerminalRun | None:
        """Run a command to its end, with these variables and no others.

        None where the client did not start it.  Cancelling ends it.
        """
        ...


# handleSteps, driven from the loop and run in the sandbox.


@frozen
class StepYield:
    """What a ``handleSteps`` generator yielded: ``STEP``, ``STEP_ALL`` or an object."""

    value: Any


@frozen
class StepDone:
    """The generator returned."""

    value: Any = None


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
        """End it, wherever it is."""
        ...


@frozen
class StepContext:
    """What ``handleSteps`` is called with."""

    agent_state: Mapping[str, Any]
    prompt: str | None
    params: Mapping[str, Any] | None = None
    """None: ``undefined`` in the generator, as in Codebuff."""
    model: str = ""
