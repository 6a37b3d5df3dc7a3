"""``inhouse key`` and ``inhouse model``."""

import argparse
import asyncio
import sys

from rich.prompt import Prompt

from inhouse.core.own_environment import environment
from inhouse.host.services import open_services
from inhouse.providers.embedded import model_files
from inhouse.providers.embedded.runtime import install_runtime
from inhouse.store.state_folders import user_folders

from . import COMPLETED, output
from .streams import typed


async def key(options: argparse.Namespace) -> int:
    """Set, list, delete or bind keys; a key itself is never printed."""
    services = open_services(environment())
    try:
        keys = services.keys
        match options.action:
            case "set":
                key = await _read_key(options.name)
                await asyncio.to_thread(keys.set, options.name, key, in_file=options.file)
                where = (
                    f"{keys.file.path}, which only you can read" if options.file else "the keyring"
                )
                output.status().print(f"The key {options.name!r} is in {where}.", markup=False)
                output.status().print(
                    f'Use it in settings: apiKey = "${{keyring:{options.name}}}"', markup=False
                )
            case "delete":
                await asyncio.to_thread(keys.delete, options.name)
                output.status().print(f"The key {options.name!r} is deleted.", markup=False)
            case "bind":
                name = options.name if ":" in options.name else f"keyring:{options.name}"
                await asyncio.to_thread(keys.bind, name, options.host)
                output.status().print(f"{name} may be sent to {options.host}.", markup=False)
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

        await asyncio.to_thread(install_runtime, folders.data, tell=tell)
        wanted = options.model or model_files.DEFAULT_NAME
        path = await asyncio.to_thread(model_files.install_model, wanted, folders.data, tell=tell)
        tell(f"The embedded model is now {path}.")
        models = await asyncio.to_thread(model_files.installed_models, folders.data)
        free, there = model_files.free_memory()
        chosen = next(one for one in models if one.is_default)
        if (said := _does_not_fit(chosen, free, there)) is not None:
            tell(said)
        return COMPLETED
    models = await asyncio.to_thread(model_files.installed_models, folders.data)
    if not models:
        output.status().print("No model is installed: inhouse model install", markup=False)
    free, there = model_files.free_memory()
    for one in models:
        fits = _does_not_fit(one, free, there) or f"fits; it {one.ability}"
        mark = "*" if one.is_default else " "
        line = f"{mark} {one.name}  {_size(one.bytes)}  {one.path}  {fits}"
        output.report().print(line, markup=False, soft_wrap=True)
    return COMPLETED


def _does_not_fit(model: model_files.InstalledModel, free: int, there: int) -> str | None:
    """Say why a model cannot run, or cannot run now."""
    needed = model.needed_bytes
    if not model.bytes:
        return "the file is gone"
    if needed > there:
        return f"needs {_size(needed)} of memory; this machine has {_size(there)}"
    if needed > free:
        return f"needs {_size(needed)} of memory; {_size(free)} are free now"
    return None


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"  # noqa: PLR2004


async def _read_key(name: str) -> str:
    """Read a key without showing it, or from a pipe if standard input is one."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()

    def ask() -> str:
        return Prompt.ask(f"Key {name}", password=True, console=output.status())

    return (await typed(ask)).strip()
