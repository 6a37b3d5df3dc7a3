"""Layers of settings → `Settings`, and what is wrong with them.

Nearer wins, value by value.  A bad value is reported where it is and otherwise ignored.  One value
fails closed: if ``privacy`` is invalid, nothing leaves the machine until it is fixed.

What a workspace says may only narrow what the user said: less may leave, less may run, less may be
spent.  Anything wider is reported as a problem.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from attrs import evolve

from inhouse.core.errors import UserError
from inhouse.core.placeholders import KeySources
from inhouse.core.route import Endpoint, Privacy
from inhouse.core.settings import RouteRule, Settings

from . import check_values, endpoints, mcp_servers
from .endpoints import Part
from .layers import Layer, SettingsProblem
from .problem_report import Report
from .table import BY_NAME, KEYS, ROUTE_BY_NAME, Key, SettingScope

_STRUCTURED = frozenset({"endpoints", "routes", "keyHosts", "mcpServers"})
"""Settings that are joined across layers, not taken from the nearest."""
_PLAIN = tuple((key.name, key.field) for key in KEYS if key.name not in _STRUCTURED)


def read_settings(
    layers: Sequence[Layer], keys: KeySources | None = None
) -> tuple[Settings, tuple[SettingsProblem, ...]]:
    """Read layers, nearest first: the editor's, the workspace's file, the user's file.

    An untrusted workspace's layer is checked but has no effect.
    """
    reports = [Report(layer) for layer in layers]
    written = [_layer(report) for report in reports]
    narrowing = [one for one in written if one.report.layer.trusted]
    counting = [one for one in narrowing if not one.report.layer.narrows_only]
    plain = _plain_values(narrowing, counting)
    key_hosts = _key_hosts(counting)
    sources = keys or KeySources()
    sources = evolve(
        sources,
        allowed_environment=plain.get("allowed_environment", ()),
        key_hosts=_joined(sources.key_hosts, key_hosts),
    )
    known, broken = _endpoints(counting, sources)
    for one in written:
        if not one.report.layer.trusted:
            _endpoints([one], sources)
    settings = Settings(
        **plain,
        endpoints=known,
        broken_endpoints=broken,
        routes=tuple(rule for one in counting for rule in one.routes),
        key_hosts=_joined(sources.key_hosts, {}),
        mcp_servers=mcp_servers.merge([one.mcp_servers for one in counting]),
    )
    _check_names(counting, settings)
    told = (report for report in reports if not report.layer.narrows_only)
    return settings, tuple(problem for report in told for problem in report.problems)


class _Layer:
    """What one layer says, checked value by value."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.plain: dict[str, Any] = {}
        self.endpoints: dict[str, Part] = {}
        self.routes: list[RouteRule] = []
        self.mcp_servers: list[mcp_servers.Part] = []
        self.privacy_unclear: str | None = None
        if report.layer.broken is not None and not report.layer.for_base_agents:
            self.privacy_unclear = f"{report.layer.source} cannot be read"


def _layer(report: Report) -> _Layer:
    found = _Layer(report)
    for name, value in report.layer.values.items():
        key = BY_NAME.get(name)
        if key is None:
            report.unknown_key((name,), tuple(BY_NAME))
        elif value is None:
            continue
        elif key.scope is SettingScope.USER and report.layer.from_workspace:
            report.warning(
                (name,),
                f"Only your own settings can set this; a workspace cannot.  {_IN_YOURS}",
                "user-only",
            )
        elif name == "endpoints":
            _read_endpoints(value, found)
        elif name == "mcpServers":
            found.mcp_servers = mcp_servers.read_parts(value, report)
        elif name == "routes":
            _read_routes(value, found)
        else:
            _read_plain(name, value, found)
    return found


def _read_plain(name: str, value: object, found: _Layer) -> None:
    report = found.report
    checked, bad = check_values.check(value, BY_NAME[name])
    for one in bad:
        report.error((name, *one.path), one.message)
    if name == "localAddresses" and checked is not None:
        checked = _ranges(checked, report)
    if name == "privacy" and checked is None:
        found.privacy_unclear = f"{report.place((name,))} is invalid"
    if checked is not None:
        found.plain[name] = checked


def _ranges(written: Sequence[str], report: Report) -> list[str]:
    kept: list[str] = []
    for index, text in enumerate(written):
        try:
            kept.append(check_values.address_range(text))
        except UserError as error:
            report.error(("localAddresses", index), str(error))
    return kept


def _read_endpoints(written: object, found: _Layer) -> None:
    if not isinstance(written, Mapping):
        found.report.error(("endpoints",), "expected an object of endpoints by name")
        return
    for name, one in cast("Mapping[str, Any]", written).items():
        if one is None:
            continue
        part = endpoints.read_part(name, one, found.report)
        if part is not None:
            found.endpoints[name] = part


def _read_routes(written: object, found: _Layer) -> None:
    if not isinstance(written, list | tuple):
        found.report.error(("routes",), "expected a list of routes")
        return
    for index, one in enumerate(cast("Sequence[Any]", written)):
        rule = _route(one, index, found.report)
        if rule is not None:
            found.routes.append(rule)


def _route(written: object, index: int, report: Report) -> RouteRule | None:
    path = ("routes", index)
    if not isinstance(written, Mapping):
        report.error(path, 'A route is an object: { agents = "file-*", endpoint = "ollama" }.')
        return None
    checked: dict[str, str] = {}
    for name, value in cast("Mapping[str, Any]", written).items():
        key = ROUTE_BY_NAME.get(name)
        if key is None:
            report.unknown_key((*path, name), tuple(ROUTE_BY_NAME))
        elif value is not None:
            text, bad = check_values.check(value, key)
            for problem in bad:
                report.error((*path, name, *problem.path), problem.message)
            if text:
                checked[name] = text
    missing = [name for name in ("agents", "endpoint") if name not in checked]
    if missing:
        report.error(path, f"A route needs {' and '.join(missing)}; this one has no effect.")
        return None
    return RouteRule(
        agents=checked["agents"],
        endpoint=checked["endpoint"],
        source=report.place(path),
        model=checked.get("model"),
        from_workspace=report.layer.from_workspace,
    )


def _plain_values(narrowing: Sequence[_Layer], counting: Sequence[_Layer]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, field in _PLAIN:
        if BY_NAME[name].scope is SettingScope.NARROWING:
            value, source = _narrowed(name, narrowing)
        else:
            nearest = next((one for one in counting if name in one.plain), None)
            if nearest is None:
                continue
            value, source = nearest.plain[name], nearest.report.place((name,))
            if name == "agentFolders":
                value = _folders(nearest)
        if not source:
            continue
        plain[field] = tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
        sources[name] = source
        if name in ("privacy", "defaultEndpoint"):
            plain[f"{field}_source"] = source
    return {**plain, "sources": sources}


def _narrowed(name: str, layers: Sequence[_Layer]) -> tuple[Any, str]:
    """Return the user's value, or a workspace's narrower one; without a source, the default."""
    key = BY_NAME[name]
    if name == "privacy" and (unclear := _unclear_privacy(layers)):
        return Privacy.LOCAL_ONLY, f"{unclear}, so nothing leaves this machine until you fix it"
    value, source = _default(key), ""
    for one in layers:
        if name in one.plain and not one.report.layer.from_workspace:
            value, source = one.plain[name], one.report.place((name,))
            break
    users, said_by = value, source
    for one in layers:
        if name not in one.plain or not one.report.layer.from_workspace:
            continue
        theirs = one.plain[name]
        if not key.declared.is_narrower(theirs, users):
            one.report.warning((name,), _beyond(theirs, users, said_by), "only-narrower")
        elif theirs != value and key.declared.is_narrower(theirs, value):
            value, source = theirs, one.report.place((name,))
    return value, source


def _unclear_privacy(layers: Sequence[_Layer]) -> str | None:
    """Name the layer with an invalid ``privacy``, unless a nearer one of the same owner sets it."""
    for from_workspace in (False, True):
        for one in layers:
            if one.report.layer.from_workspace is not from_workspace:
                continue
            if one.privacy_unclear is not None:
                return one.privacy_unclear
            if "privacy" in one.plain:
                break
    return None


def _default(key: Key) -> Any:
    """Return a choice in the type of its values."""
    order = key.declared.widest_first
    return next((each for each in order if each.value == key.default), key.default)


def _beyond(theirs: object, users: object, said_by: str) -> str:
    """Say that a workspace wants more than the user allows."""
    wanted, allowed = (str(getattr(each, "value", each)) for each in (theirs, users))
    who = f"you set {allowed} ({said_by})" if said_by else f"it is {allowed} unless you say more"
    return f"A workspace may only narrow this: {who}, so {wanted} has no effect.  {_IN_YOURS}"


_IN_YOURS = "If you want it, add it to your own settings (config.toml, or your editor's)."


def _folders(one: _Layer) -> tuple[str, ...]:
    """Resolve folders against the file that names them, an editor's against the workspace."""
    path = one.report.layer.path
    folders = (Path(text).expanduser() for text in one.plain["agentFolders"])
    return tuple(str(folder if path is None else path.parent / folder) for folder in folders)


def _key_hosts(layers: Sequence[_Layer]) -> Mapping[str, tuple[str, ...]]:
    bound: dict[str, tuple[str, ...]] = {}
    for one in layers:
        bound = dict(_joined(bound, one.plain.get("keyHosts", {})))
    return bound


def _joined(
    one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    names = {*one, *other}
    return {
        name: tuple(
            dict.fromkeys(host.lower() for host in (*one.get(name, ()), *other.get(name, ())))
        )
        for name in sorted(names)
    }


def _parts(layers: Sequence[_Layer]) -> dict[str, list[Part]]:
    """Return what counts of what the layers say about each endpoint, nearest first."""
    parts: dict[str, list[Part]] = {}
    users: dict[str, list[Part]] = {}
    for layer in layers:
        if not layer.report.layer.from_workspace:
            for name, part in layer.endpoints.items():
                users.setdefault(name, []).append(part)
    for layer in layers:
        for name, part in layer.endpoints.items():
            mine = users.get(name, ())
            connected = endpoints.connection_part(mine) is not None
            if mine and layer.report.layer.from_workspace:
                part = endpoints.as_narrowed(name, part, mine, is_connected=connected)  # noqa: PLW2901  the same part
            parts.setdefault(name, []).append(part)
    return parts


def _endpoints(
    layers: Sequence[_Layer], keys: KeySources
) -> tuple[dict[str, Endpoint], dict[str, str]]:
    parts = _parts(layers)
    known: dict[str, Endpoint] = {}
    broken: dict[str, str] = {}
    for name, found in parts.items():
        try:
            known[name] = endpoints.merge(name, found, keys)
        except UserError as error:
            broken[name] = str(error)
    for name, endpoint in list(known.items()):
        part = endpoints.connection_part(parts[name])
        if part is not None and part.values.get("pool"):
            known[name] = endpoints.with_pool(endpoint, part, known)
            if not known[name].base_url:
                broken[name] = "Its pool has no usable member, and it has no baseUrl."
                del known[name]
    return known, broken


def _check_names(layers: Sequence[_Layer], settings: Settings) -> None:
    """Report each route or ``defaultEndpoint`` that names a missing endpoint."""
    named: Callable[[str], str] = lambda name: _unknown(name, settings)  # noqa: E731
    for one in layers:
        for rule in one.routes:
            if message := named(rule.endpoint):
                index = rule.source.rpartition("[")[2].rstrip("]")
                one.report.error(("routes", int(index), "endpoint"), message, "unknown-endpoint")
        default = one.plain.get("defaultEndpoint")
        if default and (message := named(default)):
            one.report.error(("defaultEndpoint",), message, "unknown-endpoint")


def _unknown(name: str, settings: Settings) -> str:
    if name in settings.endpoints or name == "embedded":
        return ""
    if name in settings.broken_endpoints:
        return f"Endpoint {name!r} cannot be used: {settings.broken_endpoints[name]}"
    known = ", ".join(sorted({*settings.endpoints, "embedded"}))
    guess = check_values.suggestion(name, tuple(settings.endpoints))
    return f"No endpoint {name!r}; {guess}Endpoints: {known}"
