"""A text that never shows itself by accident."""

from attrs import field, frozen


@frozen
class Secret:
    """A key.  ``str()``, ``repr()`` and logs show dots; only ``reveal()`` gives the text."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "•••"
