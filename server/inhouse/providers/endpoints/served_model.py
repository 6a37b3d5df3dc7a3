"""A model as the server that runs it describes it."""

from attrs import frozen

from inhouse.core.route import ToolMode

SMALL_MODEL = 3_500_000_000
"""Up to this number of parameters, a model writes paths and fences better than JSON."""


@frozen
class ServedModel:
    """A model as its server describes it."""

    name: str = ""
    """The server's own name for it; empty if it does not say."""
    template_has_tools: bool | None = None
    """None if it does not say."""
    parameters: int | None = None
    window: int | None = None
    """Tokens."""

    @property
    def is_small(self) -> bool:
        return self.parameters is not None and self.parameters <= SMALL_MODEL

    @property
    def mode(self) -> ToolMode | None:
        """The way to call tools that will work; None if only trying shows it."""
        if self.template_has_tools is False or self.is_small:
            return ToolMode.FILES
        return ToolMode.NATIVE if self.template_has_tools else None
