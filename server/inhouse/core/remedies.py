"""What a user can do about an error, as actions that a door can put on buttons."""

import re

from attrs import frozen

from .endpoint_kinds import SERVICES, guessed_kind
from .errors import UserError
from .route import NOT_IN_SETTINGS, Endpoint
from .urls import host_of, is_local_name, port_of


@frozen
class Remedy:
    """One way out."""

    id: str
    """``addEndpoint``, ``installModel``, ``setKey``, ``startServer``, ``checkEndpoints``,
    ``openSetting``, ``openFile``, ``trust`` or ``showLog`` (docs/protocol.md)."""
    title: str
    """The text of a button."""
    endpoint: str | None = None
    setting: str | None = None
    command: str | None = None
    """What starts the server, in a terminal."""
    uri: str | None = None
    line: int | None = None
    """From 0."""


ADD = Remedy("addEndpoint", "Add Endpoint")
INSTALL = Remedy("installModel", "Install the Embedded Model")
CHECK = Remedy("checkEndpoints", "Check Endpoints")
TRUST = Remedy("trust", "Trust the Workspace")
LOG = Remedy("showLog", "Show Log")
_SETTINGS = {
    "privacy": "privacy",
    "budget": "budgetUsd",
    "commands_never": "commands",
    "environment-not-allowed": "allowedEnvironment",
    "key-not-bound": "keyHosts",
    "unknown-endpoint": "endpoints",
    "unusable-endpoint": "endpoints",
    "model_not_found": "endpoints",
}
_KEYS = ("unauthorized", "no-key", "no-keyring", "keyring", "variable-not-set")


KEY_REFERENCE = re.compile(r"\$\{(?:env|keyring):[A-Za-z0-9_.@/-]+\}")
"""Where a key is, in the form that settings name it."""
_PAIR = re.compile(r'e\.g\. \{("[^"]*"): ("[^"]*")\}')


def as_in_file(text: str) -> str:
    """Name settings as ``config.toml`` and ``inhouse.toml`` name them.

    A terminal or an ACP client has no Inhouse settings of its own.
    """
    return _PAIR.sub(r"e.g. {\1 = \2}", text.replace("`inhouse.", "`"))


def cause_of(message: str) -> str:
    """Return the part of an error's text that says what is wrong; what would work follows it."""
    return message.partition("  ")[0].strip()


def remedies_for(  # noqa: PLR0911  one a kind of error
    code: str, *, endpoint: str | None = None, url: str = ""
) -> tuple[Remedy, ...]:
    """Return the ways out of an error, shortest first.

    *endpoint* and *url* name the server that it is about, if it is about one.
    """
    match code:
        case "no-endpoint":
            return ADD, INSTALL
        case "embedded-not-installed" | "embedded_missing" | "model_missing":
            return INSTALL, ADD
        case "untrusted" | "needs-trust":
            return (TRUST,)
        case "unreachable" | "hung_up" | "unavailable" | "timeout":
            return (*_starting(url), CHECK, ADD)
        case "broken_stream" | "bad_answer" | "store" | "store-broken" | "embedded_failed":
            return CHECK, LOG
        case _ if code in _KEYS and endpoint in NOT_IN_SETTINGS:
            return (ADD,)
        case _ if code in _KEYS:
            return Remedy("setKey", "Set Key", endpoint=endpoint), ADD
        case _ if code in _SETTINGS:
            return (Remedy("openSetting", "Open Settings", setting=_SETTINGS[code]),)
        case _:
            return ()


def why_no_key(name: str, endpoint: Endpoint | None) -> UserError | None:
    """Return why no door can set a key of the user's for an endpoint, and what works.

    *endpoint* is what settings say of it, if they name it.
    """
    why, code = "", "invalid"
    if name in NOT_IN_SETTINGS:
        place = "a definition's `localProvider`" if name == "definition" else "variables"
        why = (
            f"The address and the key of {name!r} are in {place} and not in your settings: "
            "change the key there, or add the server as an endpoint of your own."
        )
    elif name == "embedded" or (endpoint is not None and endpoint.kind.profile.is_child):
        why = "The embedded model runs on this machine and takes no key."
    elif endpoint is not None and endpoint.from_workspace:
        code = "key-not-bound"
        why = (
            f"The address of {name!r} is not in your own settings, so your keys do not go there "
            "unless you bind it to that host (`inhouse key bind`)."
        )
    elif others := [one.name for one in (endpoint.pool if endpoint else ()) if one.name != name]:
        why = (
            f"{name!r} is a pool of other endpoints, which have keys of their own: set the key "
            f"of {', '.join(others)}."
        )
    elif not KEY_REFERENCE.fullmatch(f"${{keyring:{name}}}"):
        why = (
            f"A key cannot be named like the endpoint {name!r}: write its `apiKey` yourself, as "
            "${keyring:NAME} with letters, digits, dots and dashes."
        )
    return UserError(why, code=code) if why else None


def _starting(url: str) -> tuple[Remedy, ...]:
    if not url or url.startswith(("unix:", "embedded:")) or not is_local_name(url):
        return ()
    kind = guessed_kind(host_of(url), port_of(url))
    return tuple(
        Remedy("startServer", f"Start {one.label}", command=one.start_command)
        for one in SERVICES
        if one.kind is kind and one.start_command is not None
    )
