"""What a run's model knows of each file: the text that it was given or wrote.

Its later edits are based on that text, not on what the file contains by then.
"""

from pathlib import Path

from attrs import define, field, frozen

Span = tuple[int, int]


@frozen
class KnownText:
    """A file as the model knows it."""

    text: str
    spans: tuple[Span, ...]
    """The ranges that the model was shown, in characters."""

    @property
    def is_whole(self) -> bool:
        """Return whether all of it was shown."""
        return not self.text or self.spans == ((0, len(self.text)),)


@define
class KnownTexts:
    """The texts that one conversation was given, by real path."""

    _files: dict[Path, KnownText] = field(factory=dict[Path, KnownText])

    def get(self, path: Path) -> KnownText | None:
        """Return what is known of a file; None if nothing is."""
        return self._files.get(path)

    def shown(self, path: Path, text: str, start: int = 0, end: int | None = None) -> None:
        """Remember that the model was shown a range of *text*, by default all of it."""
        span = (start, len(text) if end is None else end)
        known = self._files.get(path)
        before = known.spans if known is not None and known.text == text else ()
        self._files[path] = KnownText(text, _joined((*before, span)))

    def wrote(self, path: Path, text: str | None, *, whole: bool) -> None:
        """Remember the result of the model's own edit; None if the file was deleted."""
        if text is None:
            self._files.pop(path, None)
        else:
            self._files[path] = KnownText(text, ((0, len(text)),) if whole and text else ())

    def forget(self, path: Path) -> None:
        """Forget a file."""
        self._files.pop(path, None)

    def copy(self) -> "KnownTexts":
        """Return a copy for a conversation that begins as a copy of this one."""
        return KnownTexts(dict(self._files))


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
