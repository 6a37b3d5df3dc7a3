"""``<think>…</think>`` at the beginning of an answer, told apart from the text while it streams."""

from collections.abc import Iterator

from attrs import define

OPEN_TAGS = ("<think>", "<thinking>")

Part = tuple[bool, str]
"""Whether it is a thought, and its text."""


@define(eq=False)
class ThinkingText:
    """Withholds text only as long as it may still be one of the tags."""

    over: bool = False
    """What comes now is text, whatever it looks like."""
    _held: str = ""
    _close: str | None = None
    _known: bool = False

    def told_apart(self) -> None:
        """The server tells its thoughts in a field of their own: they are not told twice."""
        self._known = True

    def take(self, text: str) -> Iterator[Part]:
        if self.over:
            yield False, text
            return
        self._held += text
        if self._close is None:
            yield from self._look_for_open()
        if self._close is not None:
            yield from self._look_for_close(self._close)

    def flush(self) -> Iterator[Part]:
        """Give what was withheld: the answer is over."""
        held, self._held = self._held, ""
        self.over = True
        if held and not (self._close is not None and self._known):
            yield self._close is not None, held

    def _look_for_open(self) -> Iterator[Part]:
        start = self._held.lstrip()
        for tag in OPEN_TAGS:
            if start.startswith(tag):
                self._close = f"</{tag[1:]}"
                self._held = start[len(tag) :]
                return
        if not any(tag.startswith(start) for tag in OPEN_TAGS):
            yield from self.flush()

    def _look_for_close(self, close: str) -> Iterator[Part]:
        thought, found, text = self._held.partition(close)
        if not found:
            keep = _overlap(thought, close)
            thought, self._held = thought[: len(thought) - keep], thought[len(thought) - keep :]
        if thought and not self._known:
            yield True, thought
        if found:
            self.over, self._held = True, ""
            if text:
                yield False, text


def _overlap(text: str, tag: str) -> int:
    """Return how much of the text's end may be the beginning of the tag."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0
