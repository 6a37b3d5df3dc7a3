"""Reads trust, settings and definitions again when they may have changed."""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import evolve

from inhouse.core.files import FileSnapshot
from inhouse.core.placeholders import KeySources
from inhouse.core.settings import Settings
from inhouse.definitions.catalog.catalog import AgentFolder, Catalog, agent_folders, on_board
from inhouse.settings import (
    Layer,
    SettingsProblem,
    layers_from_files,
    read_settings,
    server_layers,
)
from inhouse.tools.specs import names as tool_names

from .host_state import HostState
from .network import open_egress, policy_of
from .services import Services
from .workspace_snapshot import ClientSettings, WorkspaceSnapshot
from .workspace_trust import TrustedWorkspaceFiles, Trusting


async def reload(
    state: HostState,
    changed: Collection[Path] | None = None,
    texts: Mapping[Path, str] | None = None,
) -> None:
    """Read again what changed, or everything if *changed* is None.

    *texts* are all of an editor's unsaved texts; None if they are as before.
    """
    async with state.reading:
        if texts is not None:
            state.texts = dict(texts)
        before = state.world
        state.world = await _look_around(state, changed)
        if state.world.settings.endpoints != before.settings.endpoints:
            state.checked = {}
        if state.world.egress is not before.egress:
            await before.egress.retire()
    state.door.changed()


async def reload_typed(
    state: HostState, changed: Collection[Path], texts: Mapping[Path, str]
) -> None:
    """Read again what was typed: texts of the editor changed, and nothing on disk."""
    async with state.reading:
        state.texts = dict(texts)
        followed = await _follow_typing(state.world, state.services, changed, state.texts)
    if followed:
        state.door.changed()
    else:
        await reload(state, changed, texts)


async def ask_for_trust(state: HostState) -> None:
    """Ask the user, if they have not decided; nothing happens where they have."""
    if state.world.trusting.undecided:
        await state.world.trusting.ask(state.door.approver)
        await reload(state, ())


async def _look_around(state: HostState, changed: Collection[Path] | None) -> WorkspaceSnapshot:
    """Read trust first, then settings, then definitions: each depends on the one before."""
    before, services, client = state.world, state.services, state.client
    roots, texts = state.roots, state.texts
    trusting, settings, problems, keys = await asyncio.to_thread(
        _read, before, services, roots, client, texts
    )
    if client.prefer_embedded:
        settings = evolve(
            settings,
            embedded=True,
            default_endpoint="embedded",
            default_endpoint_source="--embedded",
        )
    # Folders inside an untrusted workspace are read and diagnosed, nothing else.
    named = (
        *_extra(settings, roots),
        *_inside(_brought(roots, client.editor, trusting.files), roots),
    )
    found = agent_folders(roots, Path.home(), tuple(dict.fromkeys(named)))
    folders = (*_ordered(found, trusting), on_board())
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
        await catalog.load(texts, TrustedWorkspaceFiles(trusting, roots))
    else:
        files = TrustedWorkspaceFiles(trusting, roots)
        stale = await asyncio.to_thread(_stale, catalog, trusting)
        # Do not compare with what was trusted before: trust may have been granted a moment ago.
        if trusting.trusted != catalog.trusted:
            await catalog.trust(evaluator, files)
        await catalog.update({*changed, *stale}, texts, files)
    await asyncio.to_thread(trusting.cover, catalog.modules)
    trusting.confirm(catalog.loaded)
    if evaluator is not None and not trusting.trusted:
        await catalog.trust(None)
    egress = before.egress
    if settings != before.settings:
        policy, approver = policy_of(settings), state.door.approver
        egress = open_egress(policy, services.approvals, state.main_root, approver)
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


def _ordered(folders: Sequence[AgentFolder], trusting: Trusting) -> tuple[AgentFolder, ...]:
    """Keep what the editor's decision does not cover from replacing anything.  Blocks briefly."""
    marked = [
        evolve(
            one,
            trusted=not one.from_workspace or trusting.outside is None or trusting.covers(one.path),
        )
        for one in folders
    ]
    return tuple(sorted(marked, key=lambda one: not one.trusted))


def _stale(catalog: Catalog, trusting: Trusting) -> set[Path]:
    """Return the files that changed since they were read, even if nobody reported it.

    Blocks.  What is served must be what was checked.
    """
    return {
        path for path, digest in catalog.loaded.items() if trusting.files.digest(path) != digest
    }


async def _follow_typing(
    world: WorkspaceSnapshot,
    services: Services,
    changed: Collection[Path],
    texts: Mapping[Path, str],
) -> bool:
    """Read again what changed only in the editor; False if a full reload is needed.

    Trust and settings depend on the disk, which is not read for every key press.
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
    """Read trust and settings.  Blocks."""
    files = FileSnapshot()
    folders = agent_folders(roots, Path.home(), _brought(roots, client.editor, files))
    theirs = tuple(one.path for one in folders if one.from_workspace)
    trusting = Trusting(services.trust, roots, theirs, client.trusted)
    trusting.follow(before.trusting)
    trusting.unsaved = texts
    trusting.look(files)
    layers = (
        *(one if client.trusted is not False else _inert(one) for one in client.editor),
        *layers_from_files(
            roots,
            services.folders.config,
            trusted=trusting.trusted,
            before=trusting.settings_before(),
            read=files.read,
        ),
        *server_layers(roots, Path.home(), trusted=trusting.covers, read=files.read),
    )
    keys = services.key_sources()
    settings, problems = read_settings(layers, keys)
    keys = evolve(
        keys, allowed_environment=settings.allowed_environment, key_hosts=settings.key_hosts
    )
    return trusting, settings, problems, keys


def _inert(layer: Layer) -> Layer:
    """Report what the workspace brings that has no effect because the client does not trust it."""
    return evolve(layer, trusted=not layer.from_workspace)


def _brought(
    roots: Sequence[Path], editor: tuple[Layer, ...], files: FileSnapshot
) -> tuple[Path, ...]:
    """Return the folders that ``agentFolders`` names in the workspace, which trust covers too."""
    layers = layers_from_files(roots, Path(os.devnull), read=files.read)
    named = _extra(read_settings(layers)[0], roots)
    own = _extra(read_settings(editor)[0], roots)
    return (*named, *_inside(own, roots))


def _inside(folders: Sequence[Path], roots: Sequence[Path]) -> tuple[Path, ...]:
    plain = (Path(os.path.normpath(one)) for one in folders)
    return tuple(one for one in plain if any(one.is_relative_to(root) for root in roots))


def _extra(settings: Settings, roots: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders that ``agentFolders`` names, each relative to the first root."""
    main = _main(roots)
    return tuple((main / Path(folder).expanduser()) for folder in settings.agent_folders)


def _main(roots: Sequence[Path]) -> Path:
    return roots[0] if roots else Path.home()
