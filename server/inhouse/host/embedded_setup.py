"""The embedded model as doors offer it: its status and its installation."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from inhouse.providers.embedded import model_files
from inhouse.providers.embedded.runtime import install_runtime, is_runtime_installed

from .endpoint_setup import user_settings_file

if TYPE_CHECKING:
    from .host import Host


@frozen
class EmbeddedStatus:
    """What is installed of the embedded model."""

    runtime: bool
    """Whether the program that runs it is installed."""
    models: tuple[model_files.InstalledModel, ...]
    ability: str
    """What the installed model, or the one to be installed, is good for."""

    @property
    def is_installed(self) -> bool:
        return self.runtime and any(model.is_default and model.bytes for model in self.models)


def embedded_status(host: "Host") -> EmbeddedStatus:
    """Say what is installed.  Opens no connection."""
    data = host.services.folders.data
    models = model_files.installed_models(data)
    chosen = next((model for model in models if model.is_default), None)
    told = model_files.DEFAULT_ABILITY
    if chosen is not None and chosen.name != model_files.DEFAULT.file_name.removesuffix(".gguf"):
        told = f"It {chosen.ability}."
    return EmbeddedStatus(is_runtime_installed(data), models, told)


async def install_embedded(
    host: "Host", model: str | None, *, tell: Callable[[str], None]
) -> EmbeddedStatus:
    """Download what is missing and enable the embedded model in the user's settings.

    *tell* is called from another thread.  Raises `UserError`.
    """
    from inhouse.settings.write_settings import change_user_settings  # noqa: PLC0415  first use

    data = host.services.folders.data
    await asyncio.to_thread(install_runtime, data, tell=tell)
    wanted = model or model_files.DEFAULT_NAME
    await asyncio.to_thread(model_files.install_model, wanted, data, tell=tell)
    if host.world.settings.embedded is not True:
        changes = {("embedded",): True}
        await asyncio.to_thread(change_user_settings, user_settings_file(host), changes)
    await host.reload(())
    return embedded_status(host)
