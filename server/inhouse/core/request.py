"""What a user asks for, and summaries of agents and runs."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from .definition import Agent
from .json_values import Json
from .messages import Image
from .route import Route
from .text import Range
from .unicode import clean_json, clean_text


@frozen
class RunRequest:
    """A request for one run."""

    agent: str
    prompt: str = field(default="", converter=clean_text)
    """Without unpaired surrogates, which neither a file nor a server accepts."""
    params: Mapping[str, object] = field(factory=Json, converter=clean_json)
    endpoint: str | None = None
    model: str | None = None
    images: tuple[Image, ...] = ()
    """Pictures that came with the prompt."""
    session: str | None = None
    """Runs of one session share their history."""
    path: Path | None = None
    """Where it was started."""
    range: Range | None = None
    compact: bool = False
    """Only compact the session's history."""


@frozen
class AgentSummary:
    agent: Agent
    usable: bool
    route: Route | None = None
    """Where it would run; None if nothing can serve it."""
