"""Review at a terminal, hunk by hunk, with the letters of ``git add -p``."""

import asyncio
import os
import shlex
import tempfile
from pathlib import Path
from uuid import uuid4

from attrs import evolve, frozen

from inhouse.core.hunks import Hunk, apply_hunks, lines, unified_hunks
from inhouse.core.ports import Approver, Edit, Question
from inhouse.processes import find_program, run_in_terminal
from inhouse.tools.edit.disk_workspace import Reviewed

from . import output

_NO, _YES, _REST, _NONE, _EDIT, _RUN = (
    "Reject",
    "Apply",
    "Apply this and the rest of the file",
    "Reject this and the rest of the file",
    "Edit it first",
    "Apply everything in this run",
)
_KEYS = {_NO: "n", _YES: "y", _REST: "a", _NONE: "d", _EDIT: "e", _RUN: "everything"}


@frozen
class HunkReview:
    """`inhouse.tools.edit.disk_workspace.Review` of a terminal."""

    approver: Approver
    edits: bool = True
    """Whether a change may be edited in the user's editor before it is applied."""

    async def __call__(self, shown: str, edit: Edit) -> Reviewed | None:
        """Ask about each hunk of an edit; return None if nobody answers."""
        waiting = list(edit.hunks)
        taken: list[Hunk] = []
        total = len(waiting)
        and_the_rest = False
        while waiting:
            hunk = waiting.pop(0)
            answer = await self._ask(shown, edit.old, hunk, (total - len(waiting), total))
            match answer:
                case "":
                    return None
                case _ if answer == _YES:
                    taken.append(hunk)
                case _ if answer == _EDIT:
                    waiting.insert(0, await _edited(shown, hunk))
                case _ if answer == _NONE:
                    break
                case _ if answer in (_REST, _RUN):
                    taken += [hunk, *waiting]
                    and_the_rest = answer == _RUN
                    break
                case _:
                    pass
        return Reviewed(apply_hunks(edit.old, taken), tuple(taken), total, and_the_rest)

    async def _ask(self, shown: str, old: str | None, hunk: Hunk, place: tuple[int, int]) -> str:
        number, total = place
        which = f" ({number} of {total})" if total > 1 else ""
        choices = [_NO, _YES, _REST, _NONE] if total > 1 else [_NO, _YES]
        choices += [_EDIT, _RUN] if self.edits else [_RUN]
        question = Question(
            id=f"edit-{uuid4().hex[:8]}",
            text=f"Apply this change to {shown}?{which}",
            choices=tuple(choices),
            kind="edit",
            safe=_NO,
            lasting=tuple(each for each in choices if each in (_REST, _RUN)),
            detail=unified_hunks(shown, old, [hunk]),
            keys=tuple(_KEYS[each] for each in choices),
        )
        return next(iter(await self.approver.ask(question)), "")


async def _edited(shown: str, hunk: Hunk) -> Hunk:
    """Let the user edit a hunk's new lines in an editor; on failure the hunk stays unchanged."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    command = command or ("notepad" if os.name == "nt" else "vi")
    try:
        text = await asyncio.to_thread(_in_editor, command, Path(shown).suffix, "".join(hunk.new))
    except (OSError, ValueError) as error:
        output.error(f"The editor {command!r} did not work: {error}.  VISUAL or EDITOR names one.")
        return hunk
    return evolve(hunk, new=_as_before(text, hunk))


def _as_before(text: str, hunk: Hunk) -> tuple[str, ...]:
    """Return edited lines with the line ends that they had; an editor may have changed those."""
    if text == "".join(hunk.new):
        return hunk.new
    before = hunk.new or hunk.old
    end = "\r\n" if any(line.endswith("\r\n") for line in before) else "\n"
    known = {line.rstrip("\r\n"): line for line in reversed((*hunk.old, *hunk.new))}
    edited: list[str] = []
    for line in lines(text.removeprefix("\ufeff")):
        bare = line.rstrip("\r\n")
        as_it_was = known.get(bare, "")
        edited.append(as_it_was if as_it_was.endswith("\n") else f"{bare}{end}")
    if edited and before and not before[-1].endswith("\n"):
        edited[-1] = edited[-1].rstrip("\r\n")
    return tuple(edited)


def _in_editor(command: str, suffix: str, text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="inhouse-") as folder:
        path = Path(folder) / f"change{suffix}"
        path.write_bytes(text.encode("utf-8"))
        name, *options = shlex.split(command)
        program = name if Path(name).is_absolute() else find_program(name)
        if program is None:
            raise OSError("there is no such program on the PATH")
        status = run_in_terminal([program, *options, str(path)])
        if status:
            raise OSError(f"it ended with exit status {status}")
        return path.read_bytes().decode("utf-8")
