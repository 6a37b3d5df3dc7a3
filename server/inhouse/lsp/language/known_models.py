"""Model ids that are known without asking any server."""

import json
from collections.abc import Iterator
from pathlib import Path

from inhouse.core.json_values import fields, items
from inhouse.lsp.editor_context import EditorContext

_FILE = "offered.json"


def model_words(context: EditorContext) -> Iterator[tuple[str, str]]:
    """Yield each model with its source: offered, in settings, in other definitions."""
    for status in context.host.checked.values():
        yield from ((model.id, f"offered by {status.name}") for model in status.models or ())
    yield from _remembered(context.state_folder)
    yield from _in_settings(context)
    for agent in context.host.world.catalog.all:
        if agent.model:
            yield agent.model, f"model of {agent.id}"


async def remember(context: EditorContext) -> None:
    """Remember what endpoints offered, for completion in definitions."""
    offered = {
        status.name: [model.id for model in status.models]
        for status in context.host.checked.values()
        if status.models
    }
    if offered:
        await context.write_state("models", _FILE, json.dumps(offered))


def _remembered(state: Path) -> Iterator[tuple[str, str]]:
    try:
        kept = fields(json.loads((state / "models" / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return
    for name, models in kept.items():
        yield from ((one, f"offered by {name}") for one in items(models) if isinstance(one, str))


def _in_settings(context: EditorContext) -> Iterator[tuple[str, str]]:
    settings = context.host.world.settings
    for endpoint in settings.endpoints.values():
        known = (one for pair in endpoint.models.items() for one in pair)
        yield from ((one, f"models of {endpoint.name}") for one in known if "*" not in one)
    for route in settings.routes:
        if route.model:
            yield route.model, f"route of {route.agents}"
