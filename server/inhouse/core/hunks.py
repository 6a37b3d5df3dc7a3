r"""Changes as hunks: split, apply in any order, re-base, and turn into an editor's edits.

Everything is pure and keeps texts as they are: line ends, a missing last one and form feeds.  Lines
end with ``\n`` only; ``\r\n`` is part of the line.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate

from attrs import evolve, frozen

from inhouse.core.positions import line_starts, position_at
from inhouse.core.text import Range
from inhouse.core.unicode import clean_text

CONTEXT = 3
"""Unchanged lines that a hunk remembers on each side; hunks stand at least as far apart."""

_MOST_WORK = 40_000_000
"""Old lines times new lines: a larger difference becomes one hunk, which needs no search."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@frozen
class Hunk:
    """Some lines of the old text and what replaces them."""

    start: int
    """The first old line, from 0; without old lines, the line that the new ones go before."""
    old: tuple[str, ...]
    new: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Unchanged lines above, up to `CONTEXT`."""
    after: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The first old line after it."""
        return self.start + len(self.old)


@frozen
class TextEdit:
    """A piece of text to replace, as an editor takes it (UTF-16)."""

    range: Range
    text: str


@frozen
class Rebased:
    """Hunks moved to another text, and those with no exact place in it."""

    hunks: tuple[Hunk, ...]
    refused: tuple[Hunk, ...]


def lines(text: str) -> list[str]:
    r"""Split *text* after each ``\n``; joined, the parts are *text* again."""
    return _LINE.findall(text)


def hunks(old: str | None, new: str | None) -> tuple[Hunk, ...]:
    """Return the changes from *old* to *new*, top to bottom; None means no file."""
    before, after = lines(old or ""), lines(new or "")
    return _as_hunks(before, after, _joined(changed_lines(before, after)))


@lru_cache(maxsize=4)
def _fine_hunks(old: str, new: str) -> tuple[Hunk, ...]:
    """Like `hunks`, but without joining changes that are close to each other."""
    before, after = lines(old), lines(new)
    return _as_hunks(before, after, changed_lines(before, after))


def _as_hunks(
    before: list[str], after: list[str], changes: list[tuple[int, int, int, int]]
) -> tuple[Hunk, ...]:
    found: list[Hunk] = []
    for index, (start, end, new_start, new_end) in enumerate(changes):
        first = changes[index - 1][1] if index else 0
        last = changes[index + 1][0] if index + 1 < len(changes) else len(before)
        found.append(
            Hunk(
                start,
                tuple(before[start:end]),
                tuple(after[new_start:new_end]),
                tuple(before[max(first, start - CONTEXT) : start]),
                tuple(before[end : min(last, end + CONTEXT)]),
            )
        )
    return tuple(found)


def apply_hunks(old: str | None, chosen: Iterable[Hunk]) -> str:
    """Return *old* with the *chosen* hunks applied; their order does not matter."""
    text = lines(old or "")
    for hunk in sorted(chosen, key=lambda each: (each.start, each.end), reverse=True):
        if tuple(text[hunk.start : hunk.end]) != hunk.old:
            raise ValueError(f"The hunk at line {hunk.start + 1} does not belong to this text.")
        text[hunk.start : hunk.end] = hunk.new
    return "".join(text)


def shifted(hunk: Hunk, applied: Iterable[Hunk]) -> Hunk:
    """Return *hunk* where it is once the hunks in *applied* are in the text."""
    above = (each for each in applied if (each.start, each.end) < (hunk.start, hunk.end))
    return evolve(hunk, start=hunk.start + sum(len(each.new) - len(each.old) for each in above))


def rebase(moving: Sequence[Hunk], current: str) -> Rebased:
    """Move hunks to *current*, a text that has changed since they were made.

    Exact or not at all: a hunk moves only if its lines, with the unchanged lines around them, occur
    in *current* exactly once.
    """
    text = _indexed(current)
    placed: list[Hunk] = []
    refused: list[Hunk] = []
    taken: list[tuple[int, int]] = []
    for hunk in moving:
        start = _only_place(text, hunk)
        if start is None or any(_overlap(start, hunk, other) for other in taken):
            refused.append(hunk)
            continue
        taken.append((start, start + len(hunk.old)))
        placed.append(evolve(hunk, start=start))
    return Rebased(tuple(placed), tuple(refused))


def rebased_text(old: str | None, new: str | None, current: str | None) -> str | None:
    """Return *current* with the change from *old* to *new* applied; None if that is not exact."""
    if current == old:
        return new
    if current is None or old is None or new is None:
        return None
    return merged(old, new, current)


def merged(base: str, mine: str, theirs: str) -> str | None:
    """Merge two texts that were made from *base*, line by line; None if that is not exact.

    A merge is not exact if both changed the same lines or added at the same place, or if one
    changed lines that the other copied, since either copy could be meant.
    """
    if theirs == base:
        return mine
    if mine in (base, theirs):
        return theirs
    others = _fine_hunks(base, theirs)
    placed: list[Hunk] = []
    for hunk in _fine_hunks(base, mine):
        if any((hunk.start, hunk.old, hunk.new) == (o.start, o.old, o.new) for o in others):
            continue
        place = _beside(hunk, others)
        if place is None or _is_copied(hunk, base, theirs):
            return None
        placed.append(place)
    return apply_hunks(theirs, placed)


def moved(hunk: Hunk, base: str, current: str) -> Hunk | None:
    """Return a hunk of *base* at its place in *current*; None if that is not exact."""
    if current == base:
        return hunk
    place = _beside(hunk, _fine_hunks(base, current))
    if place is not None and not _is_copied(hunk, base, current):
        return place
    found = rebase((hunk,), current).hunks
    return found[0] if found else None


def _beside(hunk: Hunk, others: Iterable[Hunk]) -> Hunk | None:
    """Move *hunk* by the lines that *others* add and remove above it; None if they touch it."""
    grown = 0
    for other in others:
        if _clash(hunk, other):
            return None
        if other.end <= hunk.start:
            grown += len(other.new) - len(other.old)
    return evolve(hunk, start=hunk.start + grown)


def _clash(hunk: Hunk, other: Hunk) -> bool:
    """Adjacent lines do not clash; an addition at the edge of a change has no exact place."""
    if not hunk.old:
        return other.start <= hunk.start <= other.end
    return hunk.start < other.end and other.start < hunk.end


def _is_copied(hunk: Hunk, base: str, current: str) -> bool:
    """Return whether the lines around a change stand more often in *current* than in *base*."""
    block = (*hunk.before, *hunk.old, *hunk.after)
    if not block:
        return False
    return len(_places(_indexed(current), block)) > max(1, len(_places(_indexed(base), block)))


def text_edits(old: str, chosen: Iterable[Hunk]) -> tuple[TextEdit, ...]:
    """Return the *chosen* hunks as an editor's edits of *old*, top to bottom, none overlapping."""
    offsets, starts = _layout(old)
    return tuple(
        TextEdit(
            Range(
                position_at(old, offsets[hunk.start], starts),
                position_at(old, offsets[hunk.end], starts),
            ),
            "".join(hunk.new),
        )
        for hunk in sorted(chosen, key=lambda each: (each.start, each.end))
    )


@lru_cache(maxsize=4)
def _layout(text: str) -> tuple[tuple[int, ...], list[int]]:
    """Return the offset of each line and of the end, and where an editor's lines begin."""
    return tuple(accumulate(map(len, lines(text)), initial=0)), line_starts(text)


def unified_diff(name: str, old: str | None, new: str | None) -> str:
    """Return the change as ``diff -u`` and Git write it; empty if nothing changes."""
    return unified_hunks(name, old, hunks(old, new), gone=new is None)


def unified_hunks(name: str, old: str | None, chosen: Iterable[Hunk], *, gone: bool = False) -> str:
    """Return the *chosen* hunks of *old* as a unified diff; *gone*: they delete the file."""
    changing = [hunk for hunk in chosen if hunk.old != hunk.new]
    groups = _grouped(sorted(changing, key=lambda each: (each.start, each.end)))
    if not groups:
        return ""
    source = "/dev/null" if old is None else f"a/{name}"
    target = "/dev/null" if gone else f"b/{name}"
    text, offset = lines(old or ""), 0
    parts = [f"--- {source}\n+++ {target}\n"]
    for group in groups:
        part, offset = _diff_group(group, text, offset)
        parts.append(part)
    return clean_text("".join(parts))


def changed_lines(before: list[str], after: list[str]) -> list[tuple[int, int, int, int]]:
    """Return the changed stretches: start and end in the old lines, and in the new ones."""
    # Lines that are equal at the beginning, and then at the end, need no search.
    most = min(len(before), len(after))
    first = next((i for i in range(most) if before[i] != after[i]), most)
    rest = most - first
    last = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    left, right = before[first : len(before) - last], after[first : len(after) - last]
    if not left and not right:
        return []
    if len(left) * len(right) > _MOST_WORK:
        return [(first, first + len(left), first, first + len(right))]
    matcher = SequenceMatcher(None, left, right)  # lines that occur everywhere are no anchors
    return [
        (start + first, end + first, new_start + first, new_end + first)
        for tag, start, end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def _joined(changes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Join changes that stand closer together than `CONTEXT`."""
    joined: list[tuple[int, int, int, int]] = []
    for start, end, new_start, new_end in changes:
        if joined and start - joined[-1][1] < CONTEXT:
            begin, _, new_begin, _ = joined.pop()
            joined.append((begin, end, new_begin, new_end))
        else:
            joined.append((start, end, new_start, new_end))
    return joined


@frozen
class _Indexed:
    """The lines of a text and where each of them occurs."""

    lines: tuple[str, ...]
    places: dict[str, list[int]]


@lru_cache(maxsize=4)
def _indexed(text: str) -> _Indexed:
    places: dict[str, list[int]] = {}
    for at, line in enumerate(found := tuple(lines(text))):
        places.setdefault(line, []).append(at)
    return _Indexed(found, places)


def _only_place(text: _Indexed, hunk: Hunk) -> int | None:
    block = (*hunk.before, *hunk.old, *hunk.after)
    if not block:
        return None if text.lines else 0
    places = _places(text, block)
    return places[0] + len(hunk.before) if len(places) == 1 else None


def _places(text: _Indexed, block: tuple[str, ...]) -> list[int]:
    size = len(block)
    return [at for at in text.places.get(block[0], ()) if text.lines[at : at + size] == block]


def _overlap(start: int, hunk: Hunk, other: tuple[int, int]) -> bool:
    end = start + len(hunk.old)
    return (start < other[1] and other[0] < end) or (start, end) == other


def _grouped(found: Iterable[Hunk]) -> list[list[Hunk]]:
    groups: list[list[Hunk]] = []
    for hunk in found:
        if groups and hunk.start - groups[-1][-1].end <= 2 * CONTEXT:
            groups[-1].append(hunk)
        else:
            groups.append([hunk])
    return groups


def _diff_group(group: list[Hunk], text: list[str], offset: int) -> tuple[str, int]:
    """Write one ``@@`` part; *offset* is how far the new text has moved so far."""
    start = max(0, group[0].start - CONTEXT)
    end = min(len(text), group[-1].end + CONTEXT)
    grown = sum(len(hunk.new) - len(hunk.old) for hunk in group)
    body: list[str] = []
    at = start
    for hunk in group:
        body += (" " + line for line in text[at : hunk.start])
        body += ("-" + line for line in hunk.old)
        body += ("+" + line for line in hunk.new)
        at = hunk.end
    body += (" " + line for line in text[at:end])
    head = f"@@ -{_span(start, end - start)} +{_span(start + offset, end - start + grown)} @@\n"
    marked = (
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body
    )
    return head + "".join(marked), offset + grown


def _span(start: int, count: int) -> str:
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
