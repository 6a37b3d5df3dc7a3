"""What a run has changed but the user has not seen yet, so that the run sees its own work.

With edits under review a file stays as it is until the user decides.  A run that edits a file
twice must find its first change there, and hands over both in one edit of the whole file.
"""

from pathlib import Path

from attrs import define, field, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import EditState
from inhouse.core.ports import Document, Edit, EditOutcome, Workspace

from .edits import apply_hunks, hunks, rebase
from .paths import Place
from .texts import find_document, missing


@frozen
class Draft:
    """A file as the user has it, and as the run would have it.  None: no file."""

    base: str | None
    text: str | None


@define
class Drafts:
    """The drafts of one run, or of one run and its sub-agents."""

    _drafts: dict[Path, Draft] = field(factory=dict[Path, Draft], init=False)

    def over(self, place: Place, current: str | None) -> str | None:
        """Give the run's view of a file that the user has as *current*."""
        draft = self._drafts.get(place.path)
        return current if draft is None else _moved(draft, current)

    def keep(self, edit: Edit, place: Place) -> None:
        self._drafts[place.path] = Draft(edit.old, edit.new)

    def drop(self, place: Place) -> None:
        self._drafts.pop(place.path, None)


@frozen
class View:
    """A file as a run sees it."""

    place: Place
    document: Document | None
    """As the user has it."""
    text: str | None
    """With what the run has proposed."""

    def edit(self, new: str | None) -> Edit:
        """Give the edit that leads from the user's text to *new*."""
        if self.document is None:
            return Edit(self.place.path, None, new)
        return Edit(self.place.path, self.document.text, new, self.document.version)


async def view(workspace: Workspace, place: Place, *layers: Drafts) -> View:
    """Look at a file; it need not exist.  Raises `ToolError` where it cannot be read."""
    document = await find_document(workspace, place)
    text = document.text if document else None
    for drafts in layers:
        text = drafts.over(place, text)
    return View(place, document, text)


async def view_text(workspace: Workspace, place: Place, *layers: Drafts) -> str:
    """Give a file's text as the run sees it; raises `ToolError`, also where there is none."""
    text = (await view(workspace, place, *layers)).text
    if text is None:
        raise missing(place)
    return text


async def apply(workspace: Workspace, drafts: Drafts, seen: View, new: str | None) -> EditOutcome:
    """Hand an edit over to the user, and remember it where it waits for a review."""
    edit = seen.edit(new)
    outcome = await workspace.apply(edit)
    if outcome.state is EditState.PROPOSED:
        drafts.keep(edit, seen.place)
    else:
        drafts.drop(seen.place)
    return outcome


async def propose(workspace: Workspace, drafts: Drafts, seen: View, new: str | None) -> EditOutcome:
    """Leave an edit for the user to decide, whatever the settings say."""
    edit = seen.edit(new)
    drafts.keep(edit, seen.place)
    return await workspace.propose(edit)


def refused(outcome: EditOutcome) -> ToolError | None:
    """Give the error of an edit that was not taken."""
    if outcome.state is not EditState.REJECTED:
        return None
    return ToolError(outcome.message, code="rejected")


def _moved(draft: Draft, current: str | None) -> str | None:
    """Put the draft's hunks onto *current*; those that are there or have no place are left out."""
    if current == draft.base:
        return draft.text
    if current is None or draft.base is None or draft.text is None:
        return current
    return apply_hunks(current, rebase(hunks(draft.base, draft.text), current).hunks)
