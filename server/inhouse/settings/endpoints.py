"""Endpoints merged from layers: URL, key and headers of one layer, the rest from the nearest.

A key is never sent to another layer's URL: the whole connection is taken from the nearest layer
that sets any part of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from attrs import evolve, field, frozen

from inhouse.core import placeholders
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import RefusedError, UserError
from inhouse.core.files import read_regular
from inhouse.core.placeholders import KeySources
from inhouse.core.route import NOT_IN_SETTINGS, Endpoint, TokenPrice
from inhouse.core.secret import Secret
from inhouse.core.urls import base_url

from . import check_values
from .problem_report import Report
from .table import CONNECTION, ENDPOINT_BY_NAME, ENDPOINT_KEYS, SettingScope

_ANOTHER_NAME = "Give the workspace's endpoint another name."
_IN_YOURS = "If you want it, add it to your own settings (config.toml, or your editor's)."
_SECRET_HEADERS = ("authorization", "key", "token", "secret", "cookie")
LONGEST_CA_FILE = 4 * 1024 * 1024
_MERGED = frozenset({"models", "prices"})
"""Settings whose entries are joined across layers."""
_TUNING = tuple(
    (key.name, key.field)
    for key in ENDPOINT_KEYS
    if key.name not in _MERGED and not key.declared.is_connection
)
"""Settings that each come from the nearest layer that sets them."""


@frozen
class Part:
    """What one layer says about one endpoint."""

    report: Report
    values: Mapping[str, Any] = field(repr=False)
    failed: frozenset[str] = frozenset()
    """The keys whose value is bad."""


def read_part(name: str, written: object, report: Report) -> Part | None:
    """Check what a layer says about an endpoint; None if nothing can be made of it."""
    path = ("endpoints", name)
    if name in NOT_IN_SETTINGS or not name.strip():
        report.error(path, f"{name!r} is a reserved name; choose another.")
        return None
    if not isinstance(written, Mapping):
        hint = f' Write {{ "baseUrl": "{_plain(written)}" }}.' if _plain(written) else ""
        report.error(path, f"An endpoint is an object with baseUrl or kind.{hint}")
        return None
    checked: dict[str, Any] = {}
    failed: set[str] = set()
    for key_name, value in cast("Mapping[str, Any]", written).items():
        key = ENDPOINT_BY_NAME.get(key_name)
        if key is None:
            report.unknown_key((*path, key_name), tuple(ENDPOINT_BY_NAME))
        elif value is None:
            continue
        elif key.scope is SettingScope.USER and report.layer.from_workspace:
            report.warning(
                (*path, key_name),
                "Only your own settings can set this; a workspace cannot.  If you want it, add "
                "it to your own settings (config.toml, or your editor's).",
                "user-only",
            )
        else:
            value, bad = check_values.check(value, key)  # noqa: PLW2901  the same value, typed
            for one in bad:
                report.error((*path, key_name, *one.path), one.message)
            if value is None:
                failed.add(key_name)
            else:
                checked[key_name] = value
    return Part(report, checked, frozenset(failed))


def merge(name: str, parts: Sequence[Part], keys: KeySources) -> Endpoint:
    """Make an endpoint from what the layers say, nearest first.

    Raises `UserError` if it is unusable.
    """
    part, kind, url = _connection(name, parts, keys)
    layer, report = part.report.layer, part.report
    place = report.place(("endpoints", name))
    endpoint = Endpoint(
        name=name,
        kind=kind,
        base_url=url,
        source=place,
        api_key=_api_key(name, part, url, keys),
        headers=MappingProxyType(_headers(name, part, url, keys)),
        ca_file=_ca_file(name, part, keys),
        model_path=_file(name, "modelPath", part, keys),
        from_workspace=layer.from_workspace,
    )
    tuning: dict[str, Any] = {
        field_name: value
        for key_name, field_name in _TUNING
        if (value := _nearest(_about(part, parts, name, key_name), key_name)) is not None
    }
    models: dict[str, str] = {}
    prices: dict[str, TokenPrice] = {}
    for one in reversed(parts):
        models |= one.values.get("models", {})
        for model, price in one.values.get("prices", {}).items():
            if (pair := _price(name, model, price, one.report)) is not None:
                prices[model] = pair
    return evolve(
        endpoint,
        **tuning,
        models=MappingProxyType(models),
        prices=MappingProxyType(prices),
    )


def _about(connection: Part, parts: Sequence[Part], name: str, key: str) -> Sequence[Part]:
    """Return the parts whose word counts for the server that the endpoint leads to.

    What only the user may say of a server is not said of one that a workspace chose.
    """
    may_say = ENDPOINT_BY_NAME[key].declared.scope not in {SettingScope.USER, SettingScope.OWNER}
    if may_say or not connection.report.layer.from_workspace:
        return parts
    for one in parts:
        if key in one.values and not one.report.layer.from_workspace:
            one.report.warning(
                ("endpoints", name, key),
                f"A workspace chose the server of {name!r}, so this has no effect here.  If you "
                "know that server, write its baseUrl beside this.",
                "key-without-url",
            )
    return [one for one in parts if one.report.layer.from_workspace]


def with_pool(endpoint: Endpoint, part: Part, known: Mapping[str, Endpoint]) -> Endpoint:
    """Add the members of an endpoint's pool: names of other endpoints, or further URLs."""
    members: list[Endpoint] = []
    path = ("endpoints", endpoint.name, "pool")
    for index, text in enumerate(part.values.get("pool", ())):
        named = known.get(text)
        if named is not None and text != endpoint.name and _may_join(named, endpoint):
            members.append(evolve(named, pool=()))
            continue
        if not ("://" in text or ":" in text):
            names = ", ".join(sorted(set(known) - {endpoint.name})) or "none"
            part.report.error((*path, index), f"No endpoint {text!r}.  Endpoints: {names}")
            continue
        try:
            url = base_url(text, endpoint.kind)
        except UserError as error:
            part.report.error((*path, index), str(error))
            continue
        members.append(evolve(endpoint, base_url=url, pool=()))
    if not members:
        return endpoint
    return evolve(endpoint, base_url=members[0].base_url, pool=tuple(members))


def _may_join(member: Endpoint, endpoint: Endpoint) -> bool:
    """Return whether a pool may have a member: a workspace's never stands in a user's pool."""
    return endpoint.from_workspace or not member.from_workspace


def as_narrowed(name: str, part: Part, users: Sequence[Part], *, is_connected: bool) -> Part:
    """Return what a workspace may say about an endpoint that the user has under the same name.

    If the user's settings connect it, it moves no connection and adds nothing to requests (a
    gateway may obey a field that names another host, or keep what is sent).  In any case it raises
    no limit.
    """
    kept: dict[str, Any] = {}
    for key, value in part.values.items():
        declared, mine = ENDPOINT_BY_NAME[key].declared, _nearest(users, key)
        if is_connected and key in CONNECTION:
            why, remedy = "cannot redirect it", _ANOTHER_NAME
        elif is_connected and declared.scope is SettingScope.OWNER:
            why, remedy = "cannot add to its requests", _IN_YOURS
        elif declared.scope is SettingScope.NARROWING and not declared.is_narrower(value, mine):
            why, remedy = f"may only narrow its {key}, and you set {mine}", _IN_YOURS
        else:
            kept[key] = value
            continue
        part.report.warning(
            ("endpoints", name, key),
            f"Your own settings have an endpoint {name!r}.  A workspace {why}, so this has no "
            f"effect.  {remedy}",
            "only-narrower",
        )
    return Part(part.report, kept, part.failed - CONNECTION if is_connected else part.failed)


def connection_part(parts: Sequence[Part]) -> Part | None:
    """Return the nearest part that has a complete connection."""
    return next((one for one in parts if _makes_connection(one)), None)


def _makes_connection(part: Part) -> bool:
    return bool({"baseUrl", "kind", "pool"} & (set(part.values) | part.failed))


def _connection(name: str, parts: Sequence[Part], keys: KeySources) -> tuple[Part, Kind, str]:
    part = connection_part(parts)
    for one in parts:
        if one is part:
            break
        for key in sorted(CONNECTION & set(one.values)):
            one.report.error(
                ("endpoints", name, key),
                "URL, key and headers must come from one place, and there is no baseUrl or kind "
                "here.  Add baseUrl here, or move this to where baseUrl is.",
                "key-without-url",
            )
    if part is None:
        raise UserError("It has no baseUrl and no kind.  Write one of them.")
    kind: Kind = part.values.get("kind", Kind.OPENAI)
    return part, kind, _url(name, kind, part, keys)


def _url(name: str, kind: Kind, part: Part, keys: KeySources) -> str:
    path = ("endpoints", name, "baseUrl")
    if "baseUrl" in part.failed:
        raise UserError("Its baseUrl is not usable.")
    written = part.values.get("baseUrl")
    implied = kind.profile.default_url
    if written is None and (implied is not None or part.values.get("pool")):
        return implied or ""
    if written is None:
        message = f"It has no baseUrl, and kind {kind.value!r} has no default."
        part.report.error(path[:-1], f"{message}  Write baseUrl.", "no-url")
        raise UserError(message)
    try:
        filled = placeholders.fill(written, keys, from_workspace=part.report.layer.from_workspace)
        return base_url(filled, kind)
    except UserError as error:
        part.report.error(path, str(error), "bad-url")
        raise UserError(f"Its baseUrl is not usable: {error}") from None


def _api_key(name: str, part: Part, url: str, keys: KeySources) -> Secret | None:
    text: str = part.values.get("apiKey", "").strip()
    if not text:
        return None
    path = ("endpoints", name, "apiKey")
    workspace = part.report.layer.from_workspace
    try:
        placeholders.check(text)
    except UserError as error:
        part.report.error(path, str(error))
        return None
    if "\n" in text or "\r" in text:
        part.report.error(path, "A key is one line.")
        return None
    refused = placeholders.refusal(text, keys, url=url) if workspace else None
    if refused is not None:
        part.report.warning(path, str(refused), refused.code)
    place = part.report.place(path)
    return placeholders.key(text, keys, url=url, from_workspace=workspace, place=place)


def _headers(name: str, part: Part, url: str, keys: KeySources) -> dict[str, str]:
    kept: dict[str, str] = {}
    workspace = part.report.layer.from_workspace
    for header, text in part.values.get("headers", {}).items():
        path = ("endpoints", name, "headers", header)
        try:
            if workspace and (refused := placeholders.refusal(text, keys, url=url)) is not None:
                raise refused
            value = placeholders.fill(text, keys, from_workspace=False)
            check_values.header(header, value)
        except RefusedError as error:
            part.report.warning(path, str(error), error.code)
        except UserError as error:
            part.report.error(path, str(error))
        else:
            if any(word in header.lower() for word in _SECRET_HEADERS):
                Secret(value)  # from now on it is known and removed from output
                Secret(value.rpartition(" ")[2])
            kept[header] = value
    return kept


def _file(name: str, key: str, part: Part, keys: KeySources) -> str | None:
    """Resolve a path against the settings file that names it."""
    text = part.values.get(key)
    if not text:
        return None
    layer = part.report.layer
    try:
        text = placeholders.fill(text, keys, from_workspace=layer.from_workspace)
    except UserError as error:
        part.report.error(("endpoints", name, key), str(error))
        return None
    path = Path(text).expanduser()
    return str(path if layer.path is None else layer.path.parent / path)


def _ca_file(name: str, part: Part, keys: KeySources) -> str | None:
    """Check the certificate file now: a connection would only say that it failed."""
    path = _file(name, "caFile", part, keys)
    if path is None:
        return None
    try:
        text = read_regular(Path(path), LONGEST_CA_FILE)
    except OSError as error:
        why = (
            "There is no such file" if isinstance(error, FileNotFoundError) else "It cannot be read"
        )
    else:
        if b"-----BEGIN " in text:
            return path
        why = "It contains no certificate in PEM form"
    part.report.error(
        ("endpoints", name, "caFile"),
        f"{why}: {path}.  Name a file of certificates (PEM).",
    )
    return path


def _price(name: str, model: str, price: Mapping[str, float], report: Report) -> TokenPrice | None:
    path = ("endpoints", name, "prices", model)
    beyond = set(price) - {"input", "output", "cachedInput", "cacheWrite"}
    if beyond or not {"input", "output"} <= set(price) or min(price.values()) < 0:
        report.error(
            path,
            "A price is { input = 0.5, output = 1.5 }, dollars for a million tokens; cachedInput "
            "and cacheWrite are optional.",
        )
        return None
    return TokenPrice(
        price["input"], price["output"], price.get("cachedInput"), price.get("cacheWrite")
    )


def _nearest(parts: Sequence[Part], key: str) -> Any:
    return next((one.values[key] for one in parts if key in one.values), None)


def _plain(written: object) -> str:
    """Return the URL without any part that could hold credentials, so that it may be repeated."""
    return written if isinstance(written, str) and "@" not in written and "?" not in written else ""
