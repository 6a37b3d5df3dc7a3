"""The routing rules, in order: each finds an endpoint or says why it does not apply."""

import fnmatch
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache

from attrs import evolve, field, frozen

from inhouse.core import placeholders
from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import Kind, guessed_kind, remote_keys
from inhouse.core.errors import UserError
from inhouse.core.placeholders import KeySources
from inhouse.core.route import NOT_IN_SETTINGS, DecidedBy, Endpoint
from inhouse.core.secret import Secret
from inhouse.core.settings import Settings
from inhouse.core.urls import base_url, host_of

INSTALL_EMBEDDED = "`inhouse model install`"
"""Also downloads the program that runs it."""


@frozen
class Asked:
    definition: AgentDefinition
    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    endpoint: str | None
    model: str | None
    embedded_installed: bool
    source: str
    from_workspace: bool
    keys: KeySources


@frozen
class RuleMatch:
    endpoint: Endpoint
    decided_by: DecidedBy
    source: str
    outcome: str
    model: str | None = None
    """A model that the rule itself names."""


Rule = Callable[[Asked], RuleMatch | str]
"""What a rule found, or in plain words why it does not apply."""


def names_remote_model(definition: AgentDefinition) -> bool:
    """Return whether a definition names a model of OpenRouter's kind: ``maker/model``."""
    return "/" in definition.model


def _request(asked: Asked) -> RuleMatch | str:
    if asked.endpoint is None:
        if asked.model is None:
            return "the request names neither endpoint nor model"
        return f"the request names the model {asked.model!r}, and leaves the endpoint open"
    endpoint = _named(asked.endpoint, asked)
    return RuleMatch(endpoint, DecidedBy.REQUEST, "the request", f"it names {asked.endpoint!r}")


def _definition(asked: Asked) -> RuleMatch | str:
    provider = asked.definition.local_provider
    if provider is None:
        return "the definition has no localProvider"
    place = f"{asked.source}: localProvider"
    url = _url(provider.base_url, place)
    kind, at = _as_its_kind(url, provider.base_url)
    endpoint = Endpoint(
        name="definition",
        kind=kind,
        base_url=at,
        source=place,
        api_key=_definition_key(provider.api_key, url, asked),
        from_workspace=asked.from_workspace,
    )
    return RuleMatch(
        endpoint, DecidedBy.DEFINITION, place, f"its localProvider is {endpoint.base_url}"
    )


def _route(asked: Asked) -> RuleMatch | str:
    rules = asked.settings.routes
    if not rules:
        return "no routes are set"
    ids = _ids(asked.definition)
    for rule in rules:
        if any(map(_matcher(rule.agents), ids)):
            endpoint = _named(rule.endpoint, asked, by=rule.source)
            outcome = f"{rule.agents!r} matches and names {rule.endpoint!r}"
            return RuleMatch(endpoint, DecidedBy.ROUTE, rule.source, outcome, rule.model)
    patterns = ", ".join(repr(rule.agents) for rule in rules)
    return f"none of {len(rules)} matches {asked.definition.id!r}: {patterns}"


def _environment(asked: Asked) -> RuleMatch | str:
    for name in ("CODEBUFF_LOCAL_BASE_URL", "CODEBUFF_BASE_URL"):
        written = asked.environment.get(name, "").strip()
        if not written:
            continue
        kind, at = _as_its_kind(_url(written, f"the variable {name}"), written)
        endpoint = Endpoint(
            name="environment",
            kind=kind,
            base_url=at,
            source=name,
            api_key=_variable(asked, "CODEBUFF_PROVIDER_API_KEY"),
        )
        model = asked.environment.get("CODEBUFF_PROVIDER_MODEL", "").strip() or None
        return RuleMatch(
            endpoint, DecidedBy.ENVIRONMENT, name, f"{name} is {endpoint.base_url}", model
        )
    return "neither CODEBUFF_LOCAL_BASE_URL nor CODEBUFF_BASE_URL is set"


def _default(asked: Asked) -> RuleMatch | str:
    name = asked.settings.default_endpoint
    if not name:
        return "defaultEndpoint is not set"
    source = asked.settings.default_endpoint_source
    return RuleMatch(
        _named(name, asked, by=source), DecidedBy.DEFAULT, source, f"it names {name!r}"
    )


def _remote(asked: Asked) -> RuleMatch | str:
    for kind, remote in remote_keys():
        name, other = remote.variable, remote.url_variable
        key = _variable(asked, name)
        if key is None:
            continue
        url, source = remote.url, name
        if other and (own := asked.environment.get(other, "").strip()):
            url, source = _url(own, f"the variable {other}"), f"{name}, {other}"
        endpoint = Endpoint(name="environment", kind=kind, base_url=url, source=source, api_key=key)
        outcome = f"{name} is set, so {host_of(url)} serves"
        return RuleMatch(
            endpoint, DecidedBy.ENVIRONMENT, source, outcome, _openai_model(url, asked)
        )
    return f"none of {', '.join(remote.variable for _, remote in remote_keys())} is set"


def _embedded(asked: Asked) -> RuleMatch | str:
    allowed = asked.settings.embedded
    if allowed is False:
        return "the setting embedded is false"
    if allowed is None and names_remote_model(asked.definition):
        return (
            f"off for an agent that names a remote model ({asked.definition.model}); "
            "the setting embedded = true allows it"
        )
    if not asked.embedded_installed:
        return f"not installed; install it: {INSTALL_EMBEDDED}"
    source = "the setting embedded" if allowed else "the embedded model is installed"
    endpoint = _embedded_endpoint(asked)
    return RuleMatch(endpoint, DecidedBy.EMBEDDED, source, "it is installed and allowed")


RULES: tuple[tuple[str, Rule], ...] = (
    ("request", _request),
    ("definition", _definition),
    ("routes", _route),
    ("environment", _environment),
    ("defaultEndpoint", _default),
    ("remote keys", _remote),
    ("embedded", _embedded),
)


def _named(name: str, asked: Asked, by: str = "") -> Endpoint:
    """Return the endpoint of that name; a missing one is an error, never a reason to go on."""
    settings = asked.settings
    if name in settings.endpoints:
        endpoint = settings.endpoints[name]
        if endpoint.kind.profile.is_child and endpoint.model_path is None:
            _require_embedded(asked)
        return endpoint
    if name == "embedded":
        _require_embedded(asked)
        return _embedded_endpoint(asked)
    if not by and name in NOT_IN_SETTINGS:
        found = _definition(asked) if name == "definition" else _environment(asked)
        if isinstance(found, str) and name == "environment":
            found = _remote(asked)
        if isinstance(found, RuleMatch):
            return found.endpoint
    begin = f"{by}: " if by else ""
    if name in settings.broken_endpoints:
        raise UserError(
            f"{begin}Endpoint {name!r} cannot be used.  {settings.broken_endpoints[name]}",
            code="unusable-endpoint",
        )
    known = sorted({*settings.endpoints, "embedded"})
    meant = get_close_matches(name, known, 1)
    said = f"Did you mean {meant[0]!r}?  " if meant else ""
    raise UserError(
        f"{begin}No endpoint {name!r}.  {said}Endpoints: {', '.join(known)}",
        code="unknown-endpoint",
    )


def _require_embedded(asked: Asked) -> None:
    if not asked.embedded_installed:
        raise UserError(
            f"The embedded model is not installed.  Install it: {INSTALL_EMBEDDED}",
            code="embedded-not-installed",
        )


def _embedded_endpoint(asked: Asked) -> Endpoint:
    known = asked.settings.endpoints.get("embedded")
    if known is not None and known.kind.profile.is_child:
        return known
    return Endpoint(
        name="embedded",
        kind=Kind.EMBEDDED,
        base_url=base_url("", Kind.EMBEDDED),
        source="the embedded model",
    )


def _ids(definition: AgentDefinition) -> list[str]:
    """Return what a glob may match: the id and ``publisher/id``; ``_`` is ``-`` as in look-ups."""
    ids = [definition.id.replace("_", "-")]
    if definition.publisher:
        ids.append(f"{definition.publisher}/{definition.id}".replace("_", "-"))
    return ids


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(pattern.replace("_", "-"))).match


def _url(written: str, place: str) -> str:
    try:
        return base_url(written)
    except UserError as error:
        raise UserError(f"{place}: {error}", code="bad-url") from None


def _as_its_kind(url: str, written: str) -> tuple[Kind, str]:
    """Guess the kind from a URL (OpenRouter's host, or Ollama's port without a path), and apply it.

    Returns the kind and the base URL that such a server has.
    """
    port = re.search(r":([0-9]{1,5})/*$", written.strip())
    kind = guessed_kind(host_of(url), int(port[1]) if port else None)
    return kind, url if kind.profile.unspecific else base_url(written, kind)


def _variable(asked: Asked, name: str) -> Secret | None:
    text = asked.environment.get(name, "").strip()
    return Secret(text, named=f"env:{name}") if text else None


def _definition_key(key: Secret | None, url: str, asked: Asked) -> Secret | None:
    if key is None:
        return None
    text = key.reveal()
    if not placeholders.has_placeholder(text):
        return key if text else None
    keys = evolve(
        asked.keys,
        allowed_environment=asked.settings.allowed_environment,
        key_hosts={**asked.keys.key_hosts, **asked.settings.key_hosts},
    )
    place = f"{asked.source}: localProvider.apiKey"
    return placeholders.key(text, keys, url=url, from_workspace=asked.from_workspace, place=place)


def _openai_model(url: str, asked: Asked) -> str | None:
    """Return OpenAI's own name for a model, without ``openai/``."""
    model = asked.definition.model
    own = host_of(url) == "api.openai.com" and model.startswith("openai/")
    return model.removeprefix("openai/") if own else None
