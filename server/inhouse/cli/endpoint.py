"""``inhouse endpoint``: find, add and list the endpoints that serve models."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from attrs import evolve
from rich.markup import escape
from rich.prompt import Prompt

from inhouse.core.counts import count
from inhouse.core.endpoint_kinds import SERVICES, Service
from inhouse.core.own_environment import environment
from inhouse.core.route import EndpointStatus
from inhouse.core.unicode import visible
from inhouse.core.urls import base_url
from inhouse.host.endpoint_setup import (
    Description,
    FoundServer,
    NewEndpoint,
    add_endpoint,
    described,
    discover,
    name_for,
    try_out,
)
from inhouse.host.host import Host
from inhouse.providers.endpoints.endpoint_errors import AS_TYPED, GIVE_KEY

from . import COMPLETED, FAILED, output
from .open_host import open_host
from .streams import typed

MODELS_SHOWN = 20


async def endpoint(options: argparse.Namespace) -> int:
    """Add an endpoint, or list all."""
    async with open_host(options) as host:
        if options.action == "list":
            return _list(host)
        if options.name is None and options.url is None:
            return await choose_endpoint(host)
        return await _add(host, _described(host, options), test=not options.no_test)


async def choose_endpoint(host: Host) -> int:
    """Look for servers on this machine and let a person choose; without a terminal, explain."""
    output.status().print("Looking for model servers on this machine …", style="dim")
    found = await discover()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return _say_how(found)
    chosen = await typed(partial(_choose_provider, found))
    if chosen is None:
        output.status().print("Nothing was added.")
        return FAILED
    url = base_url(chosen.base_url, chosen.kind)
    name = name_for(chosen.name, chosen.kind, url, host.world.settings.endpoints)
    new = NewEndpoint(name=name, kind=chosen.kind, base_url=url)
    if chosen.key_variable is not None:
        new = await typed(partial(_with_key, new, chosen))
    status = await try_out(host, new)
    if broken := _errors(status):
        _show_errors(broken, new)
        return FAILED
    models = [model.id for model in status.models or ()]
    new = evolve(new, model=await typed(partial(_choose_model, models)))
    return await _add(host, new, test=False)


def _described(host: Host, options: argparse.Namespace) -> NewEndpoint:
    """Read what the options describe.  Raises `UserError`."""
    said = Description(
        name=options.name,
        kind=options.kind,
        url=options.url,
        model=options.model,
        key_reference=f"${{env:{options.key_variable}}}" if options.key_variable else None,
        make_default=not options.no_default,
    )
    return described(
        said,
        there=host.world.settings.endpoints,
        environ=environment(),
        url_word="--url",
    )


async def _add(host: Host, new: NewEndpoint, *, test: bool) -> int:
    if test:
        status = await try_out(host, new)
        if broken := _errors(status):
            _show_errors(broken, new)
            output.status().print(
                "Nothing was added.  To add it without a test, use `--no-test`.",
                markup=False,
            )
            return FAILED
    output.report().print(await add_endpoint(host, new), markup=False)
    output.report().print('Try it: inhouse run ask "What is in this folder?"', markup=False)
    return COMPLETED


def _list(host: Host) -> int:
    default = host.world.settings.default_endpoint
    for one in host.endpoints():
        where = "local" if one.local else "remote"
        mark = " (default)" if one.name == default else ""
        output.report().print(
            f"{one.name}{mark}: {one.kind.value} at {one.base_url}, {where}", markup=False
        )
    if not host.endpoints():
        output.report().print("No endpoint is set up yet.  Add one: inhouse endpoint add")
    return COMPLETED


def _say_how(found: Sequence[FoundServer]) -> int:
    for one in found:
        models = ", ".join(model.id for model in one.models[:MODELS_SHOWN]) or "no models"
        output.report().print(f"{one.service.label}: {visible(models)}", markup=False)
        model = f" --model {one.models[0].id}" if one.models else ""
        output.report().print(
            f"  inhouse endpoint add {one.service.name}{visible(model)}", markup=False
        )
    if not found:
        output.report().print(
            "No model server answers on this machine (Ollama, LM Studio, llama.cpp, vLLM).\n"
            "Start one and try again, or name one:\n"
            "  inhouse endpoint add NAME --url URL [--model MODEL] [--key-variable VARIABLE]",
            markup=False,
        )
    return FAILED


def _choose_provider(found: Sequence[FoundServer]) -> Service | None:
    remote = [one for one in SERVICES if not one.is_found]
    console = output.status()
    for number, one in enumerate(found, 1):
        models = count(len(one.models), "model")
        console.print(f"  {number}. {one.service.label} on this machine, {models}", markup=False)
    for number, one in enumerate(remote, len(found) + 1):
        console.print(f"  {number}. {one.label}", markup=False)
    console.print("  0. None of these")
    numbers = [str(number) for number in range(len(found) + len(remote) + 1)]
    answer = Prompt.ask(
        "Which one",
        choices=numbers,
        show_choices=False,
        default="1" if found else "0",
        console=console,
    )
    everything = [*(one.service for one in found), *remote]
    return everything[int(answer) - 1] if answer != "0" else None


def _with_key(new: NewEndpoint, provider: Service) -> NewEndpoint:
    variable = provider.key_variable
    if variable and environment().get(variable):
        output.status().print(f"Using the key in {variable}.")
        return evolve(new, key=environment()[variable], key_reference=f"${{env:{variable}}}")
    key = Prompt.ask(f"Key for {provider.label}", password=True, console=output.status())
    return evolve(new, key=key.strip() or None)


def _choose_model(models: Sequence[str]) -> str | None:
    if not models:
        return None
    console = output.status()
    if len(models) == 1:
        console.print(f"Model: {visible(models[0])}", markup=False)
        return models[0]
    shown = models[:MODELS_SHOWN]
    for number, model in enumerate(shown, 1):
        console.print(f"  {number}. {visible(model)}", markup=False)
    if len(models) > len(shown):
        console.print(f"  … and {len(models) - len(shown)} more: type a name")
    while True:
        answer = Prompt.ask("Which model", default="1", console=console).strip()
        if answer.isdigit() and 1 <= int(answer) <= len(shown):
            return shown[int(answer) - 1]
        if answer in models:
            return answer
        console.print("Type a number from the list, or a model's full name.")


def _errors(status: EndpointStatus) -> list[tuple[str, str]]:
    return [(one.message, one.remedy) for one in status.findings if one.severity == "error"]


_OPTIONS = {"baseUrl": "--url", "apiKey": "--key-variable", "kind": "--kind", "models": "--model"}
"""The option that corresponds to each setting of an endpoint."""


def _show_errors(errors: Sequence[tuple[str, str]], new: NewEndpoint) -> None:
    """Show what is wrong, with the options of this command as the places to mend."""

    def said(text: str) -> str:
        text = text.replace(
            GIVE_KEY, "Put the right key into a variable, and name it with `--key-variable`."
        )
        for key, option in _OPTIONS.items():
            setting = f"`inhouse.endpoints.{new.name}.{key}`"
            text = text.replace(AS_TYPED.get(key, setting), f"`{option}`")
            text = text.replace(setting, f"`{option}`")
        return text

    for message, remedy in errors:
        output.error(said(message))
        if remedy:
            output.status().print(f"  {escape(visible(said(remedy)))}", style="dim")
