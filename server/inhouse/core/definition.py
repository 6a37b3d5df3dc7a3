"""An agent's definition: Codebuff's AgentDefinition, as values.

Field names are Codebuff's in snake case; docs/reference/definitions.md says what each means.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import field, frozen

from .secret import Secret
from .text import Problem, Range


class OutputMode(StrEnum):
    LAST_MESSAGE = "last_message"
    ALL_MESSAGES = "all_messages"
    STRUCTURED_OUTPUT = "structured_output"


@frozen
class LocalProvider:
    base_url: str
    api_key: Secret | None = None


@frozen
class AgentDefinition:
    id: str
    display_name: str
    model: str
    version: str | None = None
    publisher: str | None = None
    local_provider: LocalProvider | None = None
    """Also from ``providerOptions.baseUrl`` and ``.apiKey``."""
    reasoning_options: Mapping[str, object] | None = None
    provider_options: Mapping[str, object] | None = None
    """OpenRouter's routing, without ``baseUrl`` and ``apiKey``."""
    mcp_servers: Mapping[str, object] = field(factory=dict[str, Any])
    tool_names: tuple[str, ...] = ()
    spawnable_agents: tuple[str, ...] = ()
    input_schema: Mapping[str, object] | None = None
    output_mode: OutputMode = OutputMode.LAST_MESSAGE
    output_schema: Mapping[str, object] | None = None
    spawner_prompt: str | None = None
    system_prompt: str = ""
    instructions_prompt: str = ""
    step_prompt: str = ""
    include_message_history: bool = False
    inherit_parent_system_prompt: bool = False
    windowed_file_reads: bool = False
    compact_context: bool | Mapping[str, object] = False
    handle_steps: str | None = None
    """Source of the generator function, beginning with ``function*``."""


@frozen
class Agent:
    """A definition and where it was found."""

    id: str
    source: Path
    range: Range
    """The position of the ``id``."""
    definition: AgentDefinition | None
    """None if it cannot be used; the problems say why."""
    problems: tuple[Problem, ...] = ()
    shadowed_by: Path | None = None
    from_workspace: bool = True
    """False for one of the user's own, from the home folder."""
    content_hash: str = ""
    """SHA-256 over the file and the modules it was evaluated with: what trust is given to."""
    display_name: str = ""
    """Also set for a definition that cannot be used, if it could be read."""
    model: str = ""
    spawner_prompt: str = ""
    stale: bool = False
    """The file is broken now; this is the last good definition."""
