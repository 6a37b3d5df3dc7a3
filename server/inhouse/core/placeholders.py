"""``${env:NAME}`` and ``${keyring:NAME}`` in what users write, and who may receive the values.

A workspace's text receives only what the user allowed: a variable by ``allowedEnvironment``, a key
by binding it to its host (``keyHosts``, ``inhouse key bind NAME HOST``).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from attrs import field, frozen

from .errors import RefusedError, UserError
from .own_environment import forget
from .secret import Secret
from .urls import host_of

_PLACEHOLDER = re.compile(r"\$\{(?P<kind>env|keyring):(?P<name>[^${}]+)\}")
_NAME = re.compile(r"[A-Za-z0-9_.@/-]+")


def _no_keyring(name: str) -> str:
    raise UserError(f"No keyring is open here, so the key {name!r} cannot be read from it.")


@frozen
class KeySources:
    """Where placeholders are filled from, and what the user allows the workspace."""

    environment: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    keyring: Callable[[str], str] = _no_keyring
    """Returns the key of that name or raises `UserError`.  May be slow."""
    allowed_environment: Sequence[str] = ()
    key_hosts: Mapping[str, Sequence[str]] = field(factory=dict[str, Sequence[str]])
    """``env:NAME`` or ``keyring:NAME`` → the hosts (``HOST`` or ``HOST:PORT``) it is for."""


def has_placeholder(text: str) -> bool:
    return "${" in text


def check(text: str) -> None:
    """Raise `UserError` for a placeholder that is neither ``${env:…}`` nor ``${keyring:…}``."""
    rest = _PLACEHOLDER.sub("", text)
    names_fit = all(_NAME.fullmatch(one["name"]) for one in _PLACEHOLDER.finditer(text))
    if "${" in rest or not names_fit:
        raise UserError("A placeholder is ${env:NAME} or ${keyring:NAME}.")


def fill(text: str, keys: KeySources, *, from_workspace: bool) -> str:
    """Fill the variables of a text that is not a key.  Raises `UserError`."""
    check(text)
    for one in _PLACEHOLDER.finditer(text):
        if one["kind"] == "keyring":
            raise UserError("Only apiKey is filled from the keyring.  Use ${env:NAME} here.")
        if from_workspace and one["name"] not in keys.allowed_environment:
            raise RefusedError(
                f"A file of the workspace asks for the variable {one['name']}.",
                f'Allow it in your own settings: allowedEnvironment = ["{one["name"]}"].',
                code="environment-not-allowed",
            )
    return _filled(text, keys)


def key(text: str, keys: KeySources, *, url: str, from_workspace: bool, place: str) -> Secret:
    """Return the key that ``text`` gives or names; a named one is fetched when it is needed.

    What the workspace wrote is checked at once; if the key may not be sent to this URL's host,
    `Secret.reveal` raises `RefusedError`.
    """
    if not has_placeholder(text):
        return Secret(text)
    whole = _PLACEHOLDER.fullmatch(text.strip())
    named = f"{whole['kind']}:{whole['name']}" if whole else ""
    return Secret(_Fetch(text, keys, url, from_workspace, place), named=named)


def refusal(text: str, keys: KeySources, *, url: str) -> RefusedError | None:
    """Say why a key that the workspace names may not go to this URL; None if it may."""
    try:
        _require_bound(text, keys, url)
    except RefusedError as error:
        return error
    return None


def is_bound(name: str, url: str, keys: KeySources) -> bool:
    """Return whether the user bound the key (``env:NAME``, ``keyring:NAME``) to this URL's host."""
    host = host_of(url)
    authority = url.partition("://")[2].partition("/")[0]
    hosts = keys.key_hosts.get(name, ())
    return bool(host) and any(
        fnmatchcase(one, bound) for bound in hosts for one in (host, authority)
    )


@frozen
class _Fetch:
    """Fills a key when it is needed.  A value, so that settings read twice are equal."""

    text: str
    keys: KeySources
    url: str
    from_workspace: bool
    place: str

    def __call__(self) -> str:
        check(self.text)
        if self.from_workspace:
            _require_bound(self.text, self.keys, self.url)
        try:
            return _filled(self.text, self.keys)
        except UserError as error:
            raise type(error)(f"{self.place}: {error}", code=error.code) from None


def _require_bound(text: str, keys: KeySources, url: str) -> None:
    for one in _PLACEHOLDER.finditer(text):
        name = f"{one['kind']}:{one['name']}"
        if not is_bound(name, url, keys):
            host = host_of(url) or url
            raise RefusedError(
                f"A file of the workspace asks for the key {name}, for {host}; "
                "a URL from a workspace does not get your keys.",
                f"Bind that key to that host: inhouse key bind {name} {host} "
                f'(or in your own settings: keyHosts = {{ "{name}" = ["{host}"] }}).',
                code="key-not-bound",
            )


def _filled(text: str, keys: KeySources) -> str:
    def one(match: re.Match[str]) -> str:
        name = match["name"]
        if match["kind"] == "keyring":
            return keys.keyring(name)
        value = keys.environment.get(name, "")
        if not value:
            raise UserError(
                f"The variable {name} is not set.  Set it where you start Inhouse, or keep the "
                f"key in the keyring: inhouse key set NAME, then ${{keyring:NAME}}.",
                code="variable-not-set",
            )
        forget((name,))  # Whatever it is called, it counts as a key from now on.
        return value

    return _PLACEHOLDER.sub(one, text)
