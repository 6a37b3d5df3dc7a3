"""What a file in `inhouse.tools.own` declares: a tool, and what models are told of it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:  # Completion in an editor reads names and descriptions, and runs no tool.
    from inhouse.core.ports import Arguments, Schema
    from inhouse.tools.context import ToolContext

RunTool = Callable[["ToolContext", str, "Arguments"], Awaitable[object]]
"""Runs a tool of the workspace: `Tool.run`, with the run's context before it."""


@frozen
class OwnTool:
    """A tool of Inhouse's own, as the constant ``TOOL`` of its file."""

    name: str
    description: str
    """What a model is told of it, in one imperative sentence."""
    parameters: "Schema"
    """A JSON Schema of type object."""
    run: RunTool
    """Raises `ToolError` for what the model can correct."""
    changes: bool = False
    """Changes files or runs commands: nothing in its input is guessed."""
    ends_step: bool = True
    """Whether the model must see the result before it continues."""
