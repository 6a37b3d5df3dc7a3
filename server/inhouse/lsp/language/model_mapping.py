"""Quick fixes that map a remote model's name to one that a local endpoint has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from inhouse.bounded_toml import load_toml
from inhouse.core.json_values import fields
from inhouse.core.route import Route
from inhouse.core.text import Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.lints import local_route, offered
from inhouse.lsp.language.related_files import site_at

_USUAL = "qwen3-coder:30b"
_MOST = 5


@frozen(eq=False)
class Mapping:
    """One fix, as an edit."""

    title: str
    site: DefinitionDocument
    range: Range
    new: str


def model_fixes(
    context: EditorContext, site: DefinitionDocument, found: ParsedDefinition
) -> Iterator[Mapping]:
    """Yield the fixes: first the settings' map, which leaves the definition as it is."""
    name, model = found.values.get("id"), found.values.get("model")
    place = found.places.get(("model",))
    if not isinstance(name, str) or not isinstance(model, str) or place is None:
        return
    route = local_route(context, name)
    if route is None:
        return
    wanted = list(_there(context, route, model))
    settings = _settings(context)
    if route.endpoint in context.host.world.settings.endpoints and settings is not None:
        mapping = _mapped(settings, route.endpoint, model, wanted[0])
        if mapping is not None:
            yield mapping
    start, end = site.span(place.value)
    quoted = site.text[start : start + 1] in {"'", '"', "`"}
    for each in wanted[:_MOST]:
        where = site.lines.range(start + 1, end - 1) if quoted else place.value
        yield Mapping(f"Change the model to {each!r}", site, where, each)


def _there(context: EditorContext, route: Route, model: str) -> Iterator[str]:
    """Return the models that the endpoint has, or may have."""
    known = offered(context, route)
    if known:
        yield from known
        return
    settings = context.host.world.settings.endpoints.get(route.endpoint)
    seen = dict.fromkeys(settings.models.values() if settings is not None else ())
    for agent in context.host.world.catalog.all:
        if agent.model and "/" not in agent.model and agent.model != model:
            seen.setdefault(agent.model)
    seen.setdefault(_USUAL)
    yield from seen


def _settings(context: EditorContext) -> DefinitionDocument | None:
    """Return the workspace's settings file; None if there is none."""
    for root in context.host.roots:
        site = site_at(context, Path(root, "inhouse.toml"))
        if site is not None:
            return site
    return None


def _mapped(settings: DefinitionDocument, endpoint: str, model: str, there: str) -> Mapping | None:
    """Add a line to ``[endpoints.NAME.models]``."""
    title = f"Map {model!r} to {there!r} in inhouse.toml"
    line = f"{json.dumps(model)} = {json.dumps(there)}\n"
    key = endpoint if re.fullmatch(r"[\w-]+", endpoint) else json.dumps(endpoint)
    header = re.search(
        rf"^\[endpoints\.{re.escape(key)}\.models\][^\n]*\n", settings.text, re.MULTILINE
    )
    if header is not None:
        at = settings.lines.position(header.end())
        return Mapping(title, settings, Range(at, at), line)
    try:
        written = load_toml(settings.text)
    except ValueError:
        return None
    mine = fields(fields(written.get("endpoints")).get(endpoint))
    if "models" in mine:
        return None
    end = settings.lines.position(len(settings.text))
    gap = "" if not settings.text else "\n" if settings.text.endswith("\n") else "\n\n"
    new = f"{gap}[endpoints.{key}.models]\n{line}"
    return Mapping(title, settings, Range(end, end), new)
