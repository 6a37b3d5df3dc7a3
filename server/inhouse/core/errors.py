"""Errors, sorted by who can do something about them.

* InhouseError
  + UserError         the user fixes it: an argument, a definition, a key, a setting
    - RefusedError    privacy, trust or a budget says no; says which step would allow it
    - DefinitionError  a definition cannot be used; says where in which file
  + ToolError         the model fixes it: becomes a tool result and the run goes on
  + ProviderError     the endpoint refused or broke
    - ProviderUnavailableError   worth another try before the first token
    - ContextOverflowError       the prompt does not fit the window; carries both numbers
    - ToolsUnsupportedError      the model takes no native tools: calls go into the text

Anything else is a bug: it propagates and is logged once, at the door.
"""

from pathlib import Path


class InhouseError(Exception):
    """Base of every error this package raises on purpose.

    ``code`` is a short stable word for programs (``RunResult.error.code`` on the wire);
    the message says what is wrong, where, and what would work.
    """

    def __init__(self, message: str, *, code: str = "error") -> None:
        super().__init__(message)
        self.code = code


class UserError(InhouseError):
    """The user can fix this.  The message says how."""

    def __init__(self, message: str, *, code: str = "invalid") -> None:
        super().__init__(message, code=code)


class RefusedError(UserError):
    """A policy (privacy, trust, budget) refuses; ``remedy`` is the one step that would allow it."""

    def __init__(self, reason: str, remedy: str, *, code: str = "refused") -> None:
        super().__init__(f"{reason}  {remedy}", code=code)
        self.reason = reason
        self.remedy = remedy


class DefinitionError(UserError):
    """A definition cannot be used.  ``path`` and ``line`` (from 0) are where to mend it."""

    def __init__(self, message: str, path: Path, line: int) -> None:
        super().__init__(message, code="definition")
        self.path = path
        self.line = line


class ToolError(InhouseError):
    """The model can fix this.  The message is sent to it as the tool's result."""

    def __init__(self, message: str, *, code: str = "tool") -> None:
        super().__init__(message, code=code)


class ProviderError(InhouseError):
    """The endpoint refused or broke.  The message names endpoint, model and remedy."""

    status: int | None = None
    """The HTTP status, if one was told."""
    said: str = ""
    """The server's own words and codes, complete; to be searched, never shown."""
    about: tuple[str, ...] = ()
    """What the server says it is about: names of parameters, paths in the request."""
    written: str | None = None
    """What the model wrote, if the server could not read it as a call."""

    def __init__(self, message: str, *, code: str = "provider") -> None:
        super().__init__(message, code=code)


class ProviderUnavailableError(ProviderError):
    """The endpoint may well answer next time.

    ``retry_after`` is in seconds, if the server gave one.
    """

    def __init__(
        self, message: str, *, code: str = "unavailable", retry_after: float | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ContextOverflowError(ProviderError):
    """The prompt needs ``needed`` tokens; the model's window holds ``window``."""

    def __init__(self, message: str, *, needed: int | None, window: int | None) -> None:
        super().__init__(message, code="context_overflow")
        self.needed = needed
        self.window = window


class ToolsUnsupportedError(ProviderError):
    """The model or its server takes no native tool calls."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="tools_unsupported")
