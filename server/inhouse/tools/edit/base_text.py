"""A change is made to the text that the model knows and applied to the current text.

If the two differ, they are merged exactly (`inhouse.core.hunks.merged`), or the change is refused
with what has changed since.
"""

from collections.abc import Callable

from attrs import evolve, frozen

from inhouse.core.errors import ToolError
from inhouse.core.hunks import merged, unified_diff
from inhouse.core.ports import Document
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.known_texts import KnownText

from .replace import Replaced

_MOST_SHOWN = 8_000
"""How many characters of a difference the model is shown."""


@frozen
class View:
    """A file as the run sees it and as its model knows it."""

    place: WorkspacePath
    document: Document | None
    """None if there is no such file."""
    known: KnownText | None
    """None if the model never saw it."""

    @property
    def text(self) -> str | None:
        return None if self.document is None else self.document.text

    @property
    def is_known(self) -> bool:
        """Return whether the model was shown all of the current text."""
        return self.known is not None and self.known.text == self.text and self.known.is_whole


@frozen
class Change:
    """The new text of a file, and what to tell the model about it."""

    text: str | None
    """None to delete the file."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    whole: bool = True
    """Whether the model knows all of the new text."""


class StaleError(ToolError):
    """The file is not what the model knows.  The next try starts from its current text."""

    def __init__(self, message: str, *, told: bool) -> None:
        super().__init__(message, code="changed")
        self.told = told
        """Whether the message shows all of the difference."""


def whole_change(view: View, content: str, notes: tuple[str, ...]) -> Change:
    """Return the change to a whole new text.  Raises `ToolError`."""
    if view.text is None:
        if view.known is not None:
            raise _stale(view, "it was deleted, and nothing was written")
        return Change(content, notes=notes)
    if content == view.text:
        raise ToolError("The file has exactly this content: nothing to do.", code="no_change")
    name = repr(view.place.shown)
    if view.known is None and view.text.strip():
        raise ToolError(
            f"{name} exists, and you have not read it: nothing was written.  Read it with "
            "read_files first, or use str_replace for a part of it.",
            code="not_read",
        )
    if view.known is None or view.is_known:
        return Change(content, notes=notes)
    if not view.known.is_whole:
        raise ToolError(
            f"You have read only a part of {name}, so that its whole text cannot be replaced: "
            "nothing was written.  Read the rest, or use str_replace for a part of it.",
            code="not_read",
        )
    both = merged(view.known.text, content, view.text)
    if both is None:
        raise _stale(view, "your text does not fit these changes, and nothing was written")
    return _with_theirs(view, Change(both, notes=notes))


def placed_change(view: View, change: Callable[[str], Replaced]) -> Change:
    """Find the place of a change in the text that the model knows, else in the current text.

    Raises `ToolError`.
    """
    assert view.text is not None  # noqa: S101  the callers have checked
    known, current = view.known, view.text
    if known is None or known.text == current:
        replaced = change(current)
    else:
        replaced = _merged(known.text, current, change) or change(current)
    if replaced.text == current:
        raise ToolError(
            "\n\n".join(replaced.problems) or "The file has this change already: nothing to do.",
            code="no_change",
        )
    whole = known is not None and known.is_whole
    made = Change(replaced.text, replaced.problems, replaced.notes, whole=whole)
    return made if known is None or known.text == current else _with_theirs(view, made)


def deletion(view: View) -> Change:
    """Return the deletion of a file, if it is as the model knows it.  Raises `ToolError`."""
    if view.known is not None and view.known.text != view.text:
        raise _stale(view, "it was not deleted")
    return Change(None)


def _merged(known: str, current: str, change: Callable[[str], Replaced]) -> Replaced | None:
    """Make the change in the text that the model knows, and merge it into the current text."""
    try:
        replaced = change(known)
    except ToolError:
        return None
    both = None if replaced.problems else merged(known, replaced.text, current)
    return None if both is None else evolve(replaced, text=both)


def _with_theirs(view: View, change: Change) -> Change:
    """Tell the model what else is in the file now."""
    difference = _since(view)
    told = len(difference) <= _MOST_SHOWN
    note = "The file had changed since you read it; those changes are kept:"
    shown = difference if told else f"{difference[:_MOST_SHOWN]}\n[cut: read the file again]"
    notes = (*change.notes, f"{note}\n{shown}")
    return evolve(change, notes=notes, whole=change.whole and told)


def _stale(view: View, outcome: str) -> StaleError:
    difference = _since(view)
    told = len(difference) <= _MOST_SHOWN
    advice = "Repeat it from this text." if told else "Read it again, and repeat it from that."
    shown = difference if told else f"{difference[:_MOST_SHOWN]}\n[cut]"
    return StaleError(
        f"{view.place.shown!r} has changed since you read it: {outcome}.  {advice}  "
        f"What has changed:\n{shown}",
        told=told,
    )


def _since(view: View) -> str:
    known = None if view.known is None else view.known.text
    return unified_diff(view.place.shown, known, view.text)
