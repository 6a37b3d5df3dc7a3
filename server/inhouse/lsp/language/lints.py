"""Hints: what a definition may say that will probably not do here what was meant."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from inhouse.core.definition import Agent
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields
from inhouse.core.route import Route
from inhouse.core.text import Problem, Severity
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.definitions.readers.source_ranges import place_of
from inhouse.lsp.editor_context import EditorContext

NO_V1, REMOTE_MODEL = "base-url-v1", "remote-model"
_CLOSED = frozenset({"anthropic", "openai", "google", "x-ai", "cohere", "perplexity", "amazon"})
_OPEN = ("openai/gpt-oss", "google/gemma")


def advice(context: EditorContext, path: Path) -> Iterator[Problem]:
    """Yield hints about a file's definitions, as last read.  Opens no connection."""
    state = context.host.world.catalog.reading_of(path)
    if state is None:
        return
    agents = {agent.id: agent for agent in state.agents if agent.definition is not None}
    for found in state.reading.found:
        yield from _urls(found, path)
        agent = agents.get(str(found.values.get("id")))
        if agent is not None and not agent.stale:
            yield from _models(context, found, agent)


def local_route(context: EditorContext, agent: str) -> Route | None:
    """Return where an agent runs, if that is on this machine."""
    try:
        route = context.host.explain(agent)
    except InhouseError:
        return None
    return route if route.local and route.refused is None else None


def offered(context: EditorContext, route: Route) -> tuple[str, ...] | None:
    """Return what an endpoint offered when last asked; None if it was never asked."""
    status = context.host.checked.get((route.endpoint, route.base_url))
    if status is None or status.models is None:
        return None
    return tuple(model.id for model in status.models)


def _urls(found: ParsedDefinition, path: Path) -> Iterator[Problem]:
    for name in ("localProvider", "providerOptions"):
        url = fields(found.values.get(name)).get("baseUrl")
        if isinstance(url, str) and _lacks_v1(url):
            message = (
                "There is no `/v1` at the end.  Inhouse adds it; other programs that read this "
                f"definition may not.  Write {with_v1(url)!r}."
            )
            place = place_of(found.places, (name, "baseUrl"))
            yield Problem(path, place, Severity.HINT, NO_V1, message)


def with_v1(url: str) -> str:
    return url.rstrip("/") + "/v1"


def _lacks_v1(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path in {"", "/"}
        )
    except ValueError:
        return False


def _models(context: EditorContext, found: ParsedDefinition, agent: Agent) -> Iterator[Problem]:
    route = local_route(context, agent.id)
    if route is None or route.model != agent.model or route.decided_by.value == "embedded":
        return
    known = offered(context, route)
    place = place_of(found.places, ("model",))
    if known is not None and agent.model not in known:
        names = ", ".join(known[:8]) or "none"
        message = (
            f"{route.endpoint} ({route.base_url}) does not offer {agent.model!r}.  It has: {names}"
        )
        yield Problem(agent.source, place, Severity.WARNING, REMOTE_MODEL, message)
    elif known is None and _is_remote(context, route, agent.model):
        message = (
            f"{agent.model!r} is a remote model's name, and this agent runs on {route.endpoint} "
            f"({route.base_url}): name a model that is there, or map it in inhouse.toml."
        )
        yield Problem(agent.source, place, Severity.HINT, REMOTE_MODEL, message)


def _is_remote(context: EditorContext, route: Route, model: str) -> bool:
    if model.startswith(_OPEN) or "/" not in model:
        return False
    if model.partition("/")[0] in _CLOSED:
        return True
    endpoint = context.host.world.settings.endpoints.get(route.endpoint)
    return endpoint is not None and endpoint.kind.profile.tagged_names and ":" not in model
