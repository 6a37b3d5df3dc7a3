"""What there is right now: trust, settings, agents, and the door to the network.

Looking around makes a new world; runs that are under way keep the one they began with.
"""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

from attrs import evolve, frozen

from inhouse.core.placeholders import KeySources
from inhouse.core.ports import Approver
from inhouse.core.settings import Settings
from inhouse.definitions.catalog.catalog import AgentFolder, Catalog, agent_folders
from inhouse.providers.network.egress import Egress
from inhouse.settings import Layer, SettingsProblem, layers_from_files, read_settings
from inhouse.tools.specs import names as tool_names

from .network import open_egress, policy_of
from .services import Services
from .workspace_trust import Trusting


@frozen
class ClientSettings:
    """What whoever opened the host says."""

    editor: tuple[Layer, ...]
    """What an editor sent, nearest first."""
    trusted: bool | None
    """The client's own word about the workspace: yes, no, or None: the user is asked."""
    prefer_embedded: bool = False


@frozen
class WorkspaceSnapshot:
    trusting: Trusting
    settings: Settings
    problems: tuple[SettingsProblem, ...]
    keys: KeySources
    catalog: Catalog
    egress: Egress
    folders: tuple[AgentFolder, ...] = ()
    embedded_installed: bool = False

    @property
    def agent_folders(self) -> tuple[Path, ...]:
        return tuple(folder.path for folder in self.folders)

    @classmethod
    def empty(cls, services: Services) -> Self:
        """Give the world before anybody has looked."""
        return cls(
            trusting=Trusting(services.trust, (), (), client=None),
            settings=Settings(),
            problems=(),
            keys=KeySources(),
            catalog=Catalog((), None),
            egress=Egress(),
        )


async def look_around(
    before: WorkspaceSnapshot,
    services: Services,
    approver: Approver,
    *,
    roots: Sequence[Path],
    client: ClientSettings,
    changed: Collection[Path] | None,
    texts: Mapping[Path, str],
) -> WorkspaceSnapshot:
    """Read trust first, then settings, then definitions: each depends on the one before."""
    trusting, settings, problems, keys = await asyncio.to_thread(
        _read, before, services, roots, client, texts
    )
    if client.prefer_embedded:
        settings = evolve(settings, embedded=True)
    # Folders that an untrusted workspace names inside itself are read and diagnosed, not more.
    named = (*_extra(settings, roots), *_inside(_brought(roots, client.editor), roots))
    folders = agent_folders(roots, Path.home(), tuple(dict.fromkeys(named)))
    evaluator = services.sandbox if trusting.trusted else None
    catalog = before.catalog
    if changed is None or folders != before.folders:
        catalog = Catalog(
            folders,
            evaluator,
            own_evaluator=services.sandbox,
            environment=services.environ,
            known_tools=tool_names(),
        )
        await catalog.load(texts)
    else:
        # Not by what was trusted before: that may have been granted in place a moment ago.
        if trusting.trusted != catalog.trusted:
            await catalog.trust(evaluator)
        await catalog.update(changed, texts)
    await asyncio.to_thread(trusting.cover, catalog.modules)
    if evaluator is not None and not trusting.trusted:
        await catalog.trust(None)
    egress = before.egress
    if settings != before.settings:
        egress = open_egress(policy_of(settings), services.approvals, _main(roots), approver)
    return WorkspaceSnapshot(
        trusting=trusting,
        settings=settings,
        problems=problems,
        keys=keys,
        catalog=catalog,
        egress=egress,
        folders=folders,
        embedded_installed=services.embedded_installed(),
    )


async def follow_typing(
    world: WorkspaceSnapshot,
    services: Services,
    changed: Collection[Path],
    texts: Mapping[Path, str],
) -> bool:
    """Read again what changed in the editor alone; False: somebody has to look around.

    Trust and settings are about what lies on disk, which is not looked at for every key.
    """
    if not world.trusting.typed(texts):
        return False
    if world.trusting.trusted != world.catalog.trusted:
        await world.catalog.trust(services.sandbox if world.trusting.trusted else None)
    await world.catalog.update(changed, texts)
    await asyncio.to_thread(world.trusting.cover, world.catalog.modules)
    if world.catalog.trusted and not world.trusting.trusted:
        await world.catalog.trust(None)
    return True


def _read(
    before: WorkspaceSnapshot,
    services: Services,
    roots: Sequence[Path],
    client: ClientSettings,
    texts: Mapping[Path, str],
) -> tuple[Trusting, Settings, tuple[SettingsProblem, ...], KeySources]:
    """Look at trust and settings.  Blocks."""
    folders = agent_folders(roots, Path.home(), _brought(roots, client.editor))
    theirs = tuple(one.path for one in folders if one.from_workspace)
    trusting = Trusting(services.trust, roots, theirs, client.trusted)
    trusting.follow(before.trusting)
    trusting.unsaved = texts
    trusting.look()
    layers = (
        *(one if client.trusted is not False else _inert(one) for one in client.editor),
        *layers_from_files(roots, services.folders.config, trusted=trusting.trusted),
    )
    keys = services.key_sources()
    settings, problems = read_settings(layers, keys)
    keys = evolve(
        keys, allowed_environment=settings.allowed_environment, key_hosts=settings.key_hosts
    )
    return trusting, settings, problems, keys


def _inert(layer: Layer) -> Layer:
    """What a workspace brings has no effect where the client does not trust it."""
    return evolve(layer, trusted=not layer.from_workspace)


def _brought(roots: Sequence[Path], editor: tuple[Layer, ...]) -> tuple[Path, ...]:
    """Give the folders that ``agentFolders`` names in the workspace: trust is about them too."""
    files = layers_from_files(roots, Path(os.devnull))
    named = _extra(read_settings(files)[0], roots)
    own = _extra(read_settings(editor)[0], roots)
    return (*named, *_inside(own, roots))


def _inside(folders: Sequence[Path], roots: Sequence[Path]) -> tuple[Path, ...]:
    plain = (Path(os.path.normpath(one)) for one in folders)
    return tuple(one for one in plain if any(one.is_relative_to(root) for root in roots))


def _extra(settings: Settings, roots: Sequence[Path]) -> tuple[Path, ...]:
    """Give the folders that ``agentFolders`` names, each relative to the first root."""
    main = _main(roots)
    return tuple((main / Path(folder).expanduser()) for folder in settings.agent_folders)


def _main(roots: Sequence[Path]) -> Path:
    return roots[0] if roots else Path.home()
