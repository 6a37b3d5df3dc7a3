"""The first minute: finding, testing and adding an endpoint, and a first agent."""

import asyncio
from pathlib import Path

from inhouse import wire
from inhouse.core.errors import UserError
from inhouse.host import endpoint_setup
from inhouse.host.endpoint_setup import Description, NewEndpoint
from inhouse.host.new_files import agent_text, new_agent_id, write_new
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import DescribeEndpoint, Given, Token, structure
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.transport.client import real, to_path

TEST_SECONDS = 20.0


async def providers(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """List who can serve models, by name; ``discover`` also looks for running servers."""
    argument = structure(command, given, arguments.Providers)
    found = await endpoint_setup.discover() if argument.discover else None
    environ = context.host.state.environ
    known = endpoint_setup.providers(found, environ)
    return [
        wire.provider(one.service, key_is_set=one.key_is_set, models=one.models) for one in known
    ]


async def test(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Try an endpoint before it is added.  Nothing is written."""
    argument = structure(command, given, DescribeEndpoint)
    new = _described(context, argument, make_default=False)
    try:
        async with asyncio.timeout(TEST_SECONDS):
            status = await endpoint_setup.try_out(context.host, new)
    except TimeoutError:
        raise UserError(
            f"{new.base_url} did not answer within {TEST_SECONDS:.0f} seconds.  "
            "Check the address, or try again when the server is less busy.",
            code="timeout",
        ) from None
    return wire.endpoint_status(status)


async def add(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Write an endpoint to the user's settings."""
    argument = structure(command, given, arguments.AddEndpoint)
    host = context.host
    wanted = argument.make_default
    default = host.world.settings.default_endpoint is None if wanted is None else wanted
    new = _described(context, argument, make_default=default)
    await endpoint_setup.add_endpoint(host, new)
    return {
        "name": new.name,
        "isDefault": host.world.settings.default_endpoint == new.name,
        "uri": endpoint_setup.user_settings_file(host).as_uri(),
    }


async def default(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Make an endpoint the default."""
    name = structure(command, given, arguments.EndpointName).name
    await endpoint_setup.choose_default(context.host, name)
    return {"defaultEndpoint": context.host.world.settings.default_endpoint}


async def key(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Have an endpoint of the user's settings use another key; without one, say if it could."""
    argument = structure(command, given, arguments.EndpointKey)
    path = await endpoint_setup.set_key(context.host, argument.name, argument.key_reference)
    return {} if path is None else {"uri": path.as_uri()}


async def new_agent(context: EditorContext, command: str, given: Given, _: Token | None) -> object:
    """Write a definition that runs as it is; an existing one is only named."""
    argument = structure(command, given, arguments.NewAgent)
    agent = new_agent_id(argument.id)
    root = _root(context, argument.folder)
    path = root / ".agents" / f"{agent}.ts"
    written = not path.exists()
    if written:
        await asyncio.to_thread(write_new, path, agent_text(agent), root)
        await context.host.reload([path])
    return {"id": agent, "uri": path.as_uri(), "written": written}


def _root(context: EditorContext, folder: str | None) -> Path:
    roots = context.host.roots
    if not roots:
        raise UserError(
            "No folder is open.  Open one: a project's agents are in its .agents folder."
        )
    if folder is None:
        return roots[0]
    named = to_path(folder)
    path = None if named is None else real(named)
    if path is None or path not in roots:
        told = ", ".join(root.as_uri() for root in roots)
        raise UserError(f"{folder!r} is not a folder of this workspace.  Its folders: {told}")
    return path


def _described(
    context: EditorContext, argument: DescribeEndpoint, *, make_default: bool
) -> NewEndpoint:
    said = Description(
        name=argument.name,
        provider=argument.provider,
        kind=argument.kind,
        url=argument.base_url,
        model=argument.model,
        key=argument.key,
        key_reference=argument.key_reference,
        make_default=make_default,
    )
    return endpoint_setup.described(
        said,
        there=context.host.world.settings.endpoints,
        environ=context.host.state.environ,
        url_word="'baseUrl'",
    )
