"""``inhouse key`` and ``inhouse model``."""

import argparse
import asyncio
import sys

from rich.prompt import Prompt

from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment
from inhouse.host.services import open_services
from inhouse.providers.embedded import model_files
from inhouse.store.state_folders import user_folders

from . import COMPLETED, output


async def key(options: argparse.Namespace) -> int:
    """Set, list, delete or bind keys; a key itself is never printed."""
    services = open_services(environment())
    try:
        keys = services.keys
        match options.action:
            case "set":
                await asyncio.to_thread(keys.set, options.name, _read_key(options.name))
                output.status().print(f"The key {options.name!r} is in the keyring.", markup=False)
                output.status().print(
                    f'Use it in settings: apiKey = "${{keyring:{options.name}}}"', markup=False
                )
            case "delete":
                await asyncio.to_thread(keys.delete, options.name)
                output.status().print(f"The key {options.name!r} is gone.", markup=False)
            case "bind":
                name = options.name if ":" in options.name else f"keyring:{options.name}"
                await asyncio.to_thread(keys.bind, name, options.host)
                output.status().print(f"{name} may go to {options.host}.", markup=False)
            case _:
                for each in await asyncio.to_thread(keys.names):
                    hosts = f" (also for {', '.join(each.hosts)})" if each.hosts else ""
                    output.report().print(f"{each.name}{hosts}", markup=False)
    finally:
        await services.aclose()
    return COMPLETED


async def model(options: argparse.Namespace) -> int:
    """Install or list the embedded model's files."""
    folders = user_folders(environment())
    if options.action == "install":

        def tell(text: str) -> None:
            output.status().print(text, markup=False)

        if options.file:
            path = await asyncio.to_thread(
                model_files.install_model_file, options.file, folders.data
            )
            tell(f"The embedded model is now {path}.")
        else:
            await asyncio.to_thread(model_files.install_default_model, folders.data, tell=tell)
        return COMPLETED
    try:
        output.report().print(str(model_files.default_model(folders.data)), markup=False)
    except UserError as error:
        output.status().print(str(error), markup=False)
    return COMPLETED


def _read_key(name: str) -> str:
    """Read a key without showing it; from a pipe where standard input is one."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return Prompt.ask(f"Key {name}", password=True, console=output.status()).strip()
