"""A text that is never shown by accident."""

from collections.abc import Callable

from attrs import field, frozen

from .redaction import DOTS, remember


@frozen
class Secret:
    """A key.  ``str()``, ``repr()`` and logs show dots; only ``reveal()`` gives the text."""

    _text: str | Callable[[], str] = field(repr=False)
    """The text, or what fetches it; ``reveal()`` may then raise `UserError` and be slow."""
    named: str = field(default="", kw_only=True, eq=False)
    """Where it is stored: ``keyring:NAME`` or ``env:NAME``; empty if the key itself is given."""
    _fetched: list[str] = field(factory=list[str], eq=False, repr=False, init=False)
    """The fetched text, so that a keyring is asked only once."""

    def __attrs_post_init__(self) -> None:
        if isinstance(self._text, str):
            remember(self._text)

    def reveal(self) -> str:
        if isinstance(self._text, str):
            return self._text
        if not self._fetched:
            text = self._text()
            remember(text)
            self._fetched.append(text)
        return self._fetched[0]

    @property
    def is_at_hand(self) -> bool:
        """Return whether ``reveal()`` answers immediately."""
        return isinstance(self._text, str) or bool(self._fetched)

    def __str__(self) -> str:
        return DOTS
