"""Decides whether a command may run: settings, allow-list, earlier answers, the user."""

from pathlib import Path
from uuid import uuid4

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.ports import Question
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode
from inhouse.core.unicode import visible
from inhouse.processes import find_program
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.context import ToolContext

from .allow_list import Listed, find_listed, plain_words

ONCE = "Run once"
THIS_RUN = "Allow for this run"
ALWAYS = "Always allow this exact command"
DENY = "Deny"


@frozen
class Wish:
    """A command that a model wants to run."""

    command: str
    folder: WorkspacePath
    promise: str | None = None
    """What is promised if it runs without a network; None if it has one."""
    note: str = ""
    """What else the user must know about it."""
    waiting: int = 0
    """Files that it would see without their pending edits."""


@frozen
class Permit:
    """How a command may run."""

    argv: tuple[str, ...] | None = None
    """The program and arguments if these are known to only read: nothing else may be started.
    None if the text may run in a shell."""
    apply_first: bool = False
    """Whether the user wants pending edits applied first."""


async def permit(context: ToolContext, wish: Wish) -> Permit:
    """Return if the command may run; otherwise raise `ToolError`."""
    if context.commands is CommandMode.NEVER:
        raise ToolError(
            'Commands are turned off here (setting commands = "never").  '
            "Go on with the other tools, or tell the user what to run.",
            code="commands_never",
        )
    exposed = context.privacy is Privacy.LOCAL_ONLY and wish.promise is None
    if not exposed:
        if (listed := _listed(context, wish)) is not None:
            return Permit(listed.argv)
        if _was_allowed(context, wish):
            return Permit()
    if context.commands is CommandMode.ALLOW_LISTED:
        raise ToolError(_not_listed(context, exposed=exposed), code="not_listed")
    async with context.memory.asking:
        if context.memory.every_command:
            return Permit()
        return Permit(apply_first=await _ask(context, wish, exposed=exposed))


def _listed(context: ToolContext, wish: Wish) -> Listed | None:
    def may_name(path: str) -> bool:
        try:
            context.access.place(_from(wish.folder, path))
        except ToolError:
            return False
        return True

    found = find_listed(
        wish.command, context.allowed_commands, folder=wish.folder.relative, may_name=may_name
    )
    if found is None:
        return None
    if found.argv is None:
        # It may run what the workspace brings (`npm test`), which is not trusted here.
        return found if context.trusted else None
    if find_program(found.argv[0], outside=context.access.roots) is None:
        return None
    # Git is not used in an untrusted repository (`git_changes`).
    return None if found.argv[0] == "git" and not context.trusted else found


def _was_allowed(context: ToolContext, wish: Wish) -> bool:
    if context.commands is CommandMode.ALLOW_LISTED:
        return False
    return context.memory.every_command or context.approvals.is_allowed(*_exactly(wish))


async def _ask(context: ToolContext, wish: Wish, *, exposed: bool) -> bool:
    """Ask the user; return whether to apply the pending edits first."""
    some = "the waiting edit" if wish.waiting == 1 else f"the {wish.waiting} waiting edits"
    apply_and_run = f"Apply {some} and run"
    answer = await context.approver.ask(
        Question(
            id=f"command-{uuid4().hex[:8]}",
            text=_text(context, wish, exposed=exposed),
            choices=(DENY, *((apply_and_run,) if wish.waiting else ()), ONCE, THIS_RUN, ALWAYS),
            kind="command",
            safe=DENY,
            lasting=(THIS_RUN, ALWAYS),
            detail=visible(wish.command),
        )
    )
    if THIS_RUN in answer:
        context.memory.every_command = True
    elif ALWAYS in answer:
        context.approvals.allow(*_exactly(wish))
    elif apply_and_run not in answer and ONCE not in answer:
        said = "The user denied this command." if answer else "Nobody allowed this command."
        raise ToolError(
            f"{said}  It was not run.  Do not try to run it in another way; go on without it, "
            "or say what it was for.",
            code="denied",
        )
    return apply_and_run in answer


def _text(context: ToolContext, wish: Wish, *, exposed: bool) -> str:
    shown = visible(wish.command)
    where = "" if not wish.folder.relative else f" in {wish.folder.shown}"
    text = f"Run this command{where}?\n{shown}"
    if wish.note:
        text = f"{text}\n{wish.note}"
    if exposed:
        return (
            f"{text}\nPrivacy is local-only, but this system cannot cut a command off from the "
            "network: it could send your files anywhere."
        )
    if context.privacy is Privacy.LOCAL_ONLY:
        return f"{text}\nPrivacy is local-only.  {wish.promise}"
    return text


def _not_listed(context: ToolContext, *, exposed: bool) -> str:
    if exposed:
        return (
            "Not run: privacy is local-only, and this system cannot cut a command off from the "
            'network.  With the setting commands = "ask" the user can decide.'
        )
    listed = ", ".join(repr(each) for each in context.allowed_commands) or "none"
    return (
        'Not run: only listed commands may run (setting commands = "allow-listed").  '
        f"Listed: {listed}.  Each is a command of the workspace's root; programs that only read "
        "may have options that are known to read, and paths that tools may read, but no pipes, "
        "redirections, substitutions or several commands."
    )


def _exactly(wish: Wish) -> tuple[Path, tuple[str, ...]]:
    """Return what an answer applies to: a folder, and a program with its arguments."""
    words = plain_words(wish.command)
    return wish.folder.path, words or ("sh", "-c", wish.command)


def _from(folder: WorkspacePath, path: str) -> str:
    """Resolve an argument as the program will, from the folder it runs in."""
    is_elsewhere = path.startswith(("/", "\\", "~")) or ":" in path
    return path if is_elsewhere else str(folder.path / path)
