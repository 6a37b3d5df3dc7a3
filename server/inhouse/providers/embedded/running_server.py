"""An embedded server that is ready."""

from pathlib import Path

from attrs import frozen

from inhouse.core.secret import Secret

ALIAS = "embedded"
"""The model's name in requests; llama.cpp answers to any."""


@frozen
class EmbeddedServerHandle:
    """A server that is ready."""

    base_url: str
    key: Secret
    model: Path
