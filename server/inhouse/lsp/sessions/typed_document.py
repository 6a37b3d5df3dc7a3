"""A session's document as the user has changed it, and where our new text belongs in it."""

from collections.abc import Mapping

from attrs import frozen

from inhouse.host.session_document import SessionDocument, heading_of

_ANCHOR = 300
"""How many characters identify a place in a text that somebody else changed."""
_NEAR = 40


@frozen
class Place:
    """A piece of a text."""

    start: int
    end: int
    text: str
    """Without the white space around it."""


@frozen
class TypedDocument:
    """A document as it is in the editor."""

    draft: Place
    """The text under the last heading."""
    heading_end: int
    """Where that heading ends."""
    prompts: Mapping[int, Place] | None
    """The turns' prompts by number; None if the text between them was changed."""
    headings: Mapping[int, int]
    """Where the headings of prompts are, by turn, as far as the text between them is ours.

    They are found by what is around them: an answer may contain a line that looks like one.
    """


def read_typed(document: SessionDocument, text: str) -> TypedDocument | None:
    """Find what the user wrote; None if there is no heading for the next prompt."""
    heading = heading_of(document.next_turn)
    at = _last_line(text, heading)
    if at < 0:
        return None
    end = at + len(heading)
    prompts, headings = _prompts(document, text[:end])
    is_whole = len(prompts) == len(document.prompts)
    return TypedDocument(
        _place(text, end, len(text)),
        end,
        prompts if is_whole else None,
        {**headings, document.next_turn: at},
    )


def _prompts(document: SessionDocument, text: str) -> tuple[dict[int, Place], dict[int, int]]:
    """Find the prompts and the headings above them, up to where the text is no longer ours."""
    found: dict[int, Place] = {}
    headings: dict[int, int] = {}
    end = 0
    for number, piece in enumerate(document.fixed):
        ours = piece.strip()
        at = text.find(ours, end)
        if at < 0 or (number == 0 and text[:at].strip()):
            break
        if number:
            found[number] = _place(text, end, at)
        end = at + len(ours)
        headings[number + 1] = end - len(heading_of(number + 1))
    return found, headings


@frozen
class Change:
    """A replacement of text[start:end]."""

    start: int
    end: int
    new: str


def change_for(text: str, shown: str, wanted: str) -> Change | None:
    """Find the change in *text* that corresponds to *shown* becoming *wanted*.

    *text* is *shown* followed by more text, and perhaps with the user's changes in it.  Returns
    None if the place is no longer as we left it.
    """
    start = _common(shown, wanted)
    rest = min(len(shown), len(wanted)) - start
    same = _common(shown[::-1][:rest], wanted[::-1][:rest])
    old, new = shown[start : len(shown) - same], wanted[start : len(wanted) - same]
    if text.startswith(shown):
        return Change(start, start + len(old), new)
    near = shown[max(0, start - _NEAR) : start]
    tail = shown[-_ANCHOR:]
    if (at := text.rfind(tail)) >= 0:
        from_end = at + len(tail) - (len(shown) - start)
        if _stands(text, from_end, near, old):
            return Change(from_end, from_end + len(old), new)
    return Change(start, start + len(old), new) if _stands(text, start, near, old) else None


def _stands(text: str, start: int, near: str, old: str) -> bool:
    return start >= len(near) and text[start - len(near) : start + len(old)] == near + old


def _common(one: str, other: str) -> int:
    """Count the equal characters at the beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _last_line(text: str, line: str) -> int:
    """Find the last line equal to this one; -1 if there is none."""
    end = len(text)
    while (at := text.rfind(line, 0, end)) >= 0:
        follows = text[at + len(line) : at + len(line) + 1]
        if (at == 0 or text[at - 1] in "\r\n") and follows in ("", "\r", "\n"):
            return at
        end = at + len(line) - 1
    return -1


def _place(text: str, start: int, end: int) -> Place:
    inside = text[start:end]
    bare = inside.strip()
    begin = start + (inside.index(bare) if bare else 0)
    return Place(begin, begin + len(bare), bare)
