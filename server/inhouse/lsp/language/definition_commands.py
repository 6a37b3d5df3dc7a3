"""The commands behind lenses and quick fixes of definition files."""

import json

from inhouse import wire
from inhouse.core.errors import InhouseError
from inhouse.core.route import Route
from inhouse.host.user_schemas import NAMES, schema
from inhouse.lsp.contract.arguments import Explain, Given, Nothing, Schema, Token, structure
from inhouse.lsp.contract.server_capabilities import SCHEMA_SCHEME
from inhouse.lsp.editor_context import EditorContext

_INFO, _WARNING = 3, 2


def explain(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Return where an agent would run; ``show`` also shows it to the user."""
    argument = structure(command, given, Explain)
    route = context.host.explain(argument.agent, argument.endpoint, argument.model)
    if argument.show:
        _tell(context, _INFO if route.refused is None else _WARNING, _words(argument.agent, route))
    return wire.route(route)


def get_schema(command: str, given: Given, _: Token | None) -> object:
    """Return the JSON Schema of a definition or of the settings."""
    return schema(structure(command, given, Schema).name)


def schema_at(uri: str) -> str | None:
    """Return the text of ``inhouse-schema:/definition.json``; None for every other URI."""
    scheme, _, file = uri.partition(":/")
    name = file.removesuffix(".json")
    if scheme != SCHEMA_SCHEME or name not in NAMES:
        return None
    return json.dumps(schema(name), indent=2, ensure_ascii=False)


async def trust(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Ask the user for trust, even if they refused before.  Does not wait for the answer."""
    structure(command, given, Nothing)
    trusting = context.host.world.trusting
    if trusting.client is False:
        _tell(context, _INFO, "Your editor does not trust this workspace: trust it there.")
    elif not trusting.trusted:
        trusting.declined = False
        context.spawn(_ask(context), name="asking for trust")
    return {"trusted": trusting.trusted}


async def _ask(context: EditorContext) -> None:
    try:
        await context.host.ask_for_trust()
    except InhouseError as error:
        _tell(context, _WARNING, str(error))


def _tell(context: EditorContext, kind: int, message: str) -> None:
    context.rpc.notify("window/showMessage", {"type": kind, "message": message})


def _words(agent: str, route: Route) -> str:
    where = "this machine" if route.local else "remote"
    lines = [
        f"{agent} would run on {route.endpoint} ({where}: {route.base_url}), model {route.model}.",
        f"Decided by: {route.decided_by.value} ({route.source}).",
    ]
    if route.refused is not None:
        lines.append(f"Refused: {route.refused.reason}  {route.refused.remedy}")
    lines += [f"- {step.rule}: {step.outcome}" for step in route.steps]
    return "\n".join(lines)
