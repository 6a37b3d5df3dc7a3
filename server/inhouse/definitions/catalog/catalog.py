"""All definitions: their folders, which file wins, what is wrong with the others."""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from inhouse.core.definition import Agent
from inhouse.core.errors import UserError
from inhouse.core.files import read_regular
from inhouse.core.own_environment import environment as own_environment
from inhouse.core.text import Problem
from inhouse.definitions.catalog.file_state import (
    FileState,
    Unevaluated,
    finish,
    read_text,
    still_holds,
    wants_evaluation,
)
from inhouse.definitions.catalog.folders import (
    ON_BOARD,
    AgentFolder,
    agent_folders,
    holds,
    list_folder,
    on_board,
)
from inhouse.definitions.catalog.module_graph import ModuleGraph
from inhouse.definitions.catalog.precedence import keep_last_good, rank
from inhouse.definitions.evaluator import Evaluated, Evaluator, TrustedFiles

_PORTION = 100
"""How many files are read before the sandbox starts on them."""
_SHOWN = 30
"""How many agents an error names at most."""
__all__ = ["AgentFolder", "Catalog", "agent_folders", "on_board"]


class Catalog:
    """The definitions of some folders, kept current by `update`.

    ``evaluator`` runs computed definitions; None if the workspace is not trusted.
    ``own_evaluator`` runs the user's own (home folder), which need no trust.
    """

    def __init__(
        self,
        folders: Sequence[AgentFolder],
        evaluator: Evaluator | None,
        *,
        own_evaluator: Evaluator | None = None,
        environment: Mapping[str, str] | None = None,
        known_tools: Collection[str] = (),
    ) -> None:
        self.folders = tuple(folders)
        self._evaluator = evaluator
        self._own_evaluator = own_evaluator or evaluator
        self._environment = environment
        self._known_tools = frozenset(known_tools)
        self._files: dict[Path, FileState] = {}
        self._texts: Mapping[Path, str] = {}
        self._listing_problems: dict[AgentFolder, tuple[Problem, ...]] = {}
        self._trusted_files: TrustedFiles | None = None
        self._lock = asyncio.Lock()
        self.agents: Mapping[str, Agent] = {}
        """The effective agent of each id."""
        self.all: tuple[Agent, ...] = ()
        """All agents, including shadowed and broken ones."""
        self.problems: tuple[Problem, ...] = ()
        """Problems of files without an agent."""

    async def load(
        self, texts: Mapping[Path, str] | None = None, files: TrustedFiles | None = None
    ) -> None:
        """Read everything again; the workspace's files through *files*."""
        async with self._lock:
            self._trusted_files = files
            self._texts = dict(texts) if texts is not None else self._texts
            wanted = await asyncio.to_thread(self._list)
            await self._read(wanted)
            self._files = {path: self._files[path] for path in wanted if path in self._files}
            self._settle()

    async def update(
        self,
        changed: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> frozenset[Path]:
        """Read again what changed and what depends on it; return those files.

        ``texts`` are all current unsaved texts, which win over the disk.
        """
        async with self._lock:
            self._trusted_files = files or self._trusted_files
            before, self._texts = self._texts, dict(texts)
            touched = set(changed)
            touched |= {p for p in {*before, *texts} if before.get(p) != self._texts.get(p)}
            affected = await asyncio.to_thread(self._affected, touched)
            gone = [path for path, folder in affected.items() if folder is None]
            for path in gone:
                self._files.pop(path, None)
            wanted = {path: folder for path, folder in affected.items() if folder is not None}
            await self._read(wanted)
            self._settle()
            return frozenset(affected)

    async def trust(self, evaluator: Evaluator | None, files: TrustedFiles | None = None) -> None:
        """Evaluate the workspace with *evaluator* from now on; None to stop."""
        async with self._lock:
            self._trusted_files = files or self._trusted_files
            self._evaluator = evaluator
            self._own_evaluator = self._own_evaluator or evaluator
            wanted = {state.path: state.folder for state in self._files.values() if state.computed}
            await self._read(wanted)
            self._settle()

    def find(self, name: str) -> Agent:
        """Return the agent that a name means: an id, or ``publisher/id@version``."""
        agent = self.agents.get(name)
        if agent is not None:
            return agent
        plain = name.rsplit("/", 1)[-1].split("@", 1)[0].strip().replace("_", "-")
        for identifier, known in self.agents.items():
            if identifier.replace("_", "-") == plain:
                return known
        raise UserError(_unknown(name, self._names()), code="unknown_agent")

    @property
    def trusted(self) -> bool:
        """Whether the workspace's definitions are evaluated."""
        return self._evaluator is not None

    @property
    def modules(self) -> frozenset[Path]:
        """Further files that the workspace's definitions depend on."""
        states = (state for state in self._files.values() if state.folder.from_workspace)
        return frozenset(path for state in states for path in state.depends)

    @property
    def loaded(self) -> Mapping[Path, str]:
        """The workspace's definition files, links resolved, each with its digest as read.

        Without those that the editor has a text of.
        """
        return {
            state.real or state.path: state.source.file.digest
            for state in self._files.values()
            if state.folder.from_workspace and state.source is not None
            if state.path not in self._texts
        }

    @property
    def every_problem(self) -> tuple[Problem, ...]:
        """Return every problem once, even if it concerns all agents of a file."""
        of_agents = (problem for agent in self.all for problem in agent.problems)
        return tuple(dict.fromkeys((*of_agents, *self.problems)))

    def reading_of(self, path: Path) -> FileState | None:
        """Return a file as it was read last."""
        return self._files.get(path)

    def _list(self) -> dict[Path, AgentFolder]:
        wanted: dict[Path, AgentFolder] = {}
        for folder in self.folders:
            listing = list_folder(folder)
            self._listing_problems[folder] = listing.problems
            for path in listing.files:
                wanted.setdefault(path, folder)
            for path in self._texts:
                if holds(folder, path):
                    wanted.setdefault(path, folder)
        return wanted

    def _affected(self, touched: set[Path]) -> dict[Path, AgentFolder | None]:
        """Return the files to read again; None for a deleted one."""
        affected: dict[Path, AgentFolder | None] = {}
        links = touched | {Path(os.path.realpath(path)) for path in touched}
        for path, state in self._files.items():
            if path in links or state.real in links or not links.isdisjoint(state.depends):
                affected[path] = state.folder
        unknown = {path for path in touched if path not in self._files}
        if any(self._concerns(path) for path in unknown):
            listed = self._list()
            affected |= {path: listed[path] for path in listed if path not in self._files}
            affected |= {path: None for path in self._files if path not in listed}
        for path in list(affected):
            if affected[path] is not None and path not in self._texts and not path.exists():
                affected[path] = None if not path.is_symlink() else affected[path]
        return affected

    def _concerns(self, path: Path) -> bool:
        """Return whether a path that is not known may be, hold or contain definitions."""
        return any(
            holds(folder, path)
            or folder.path.is_relative_to(path)
            or (path.is_relative_to(folder.path) and not path.suffix)
            for folder in self.folders
        )

    async def _read(self, wanted: Mapping[Path, AgentFolder]) -> None:
        listed = frozenset(self._files) | frozenset(wanted)
        files = self._trusted_files
        shared = ModuleGraph(self._texts, files.look if files else read_regular)
        paths = list(wanted)
        portions = [paths[at : at + _PORTION] for at in range(0, len(paths), _PORTION)]
        async with asyncio.TaskGroup() as group:
            # The sandbox works on one portion while the next one is read.
            for portion in portions:
                drafts = await asyncio.to_thread(self._drafts, portion, wanted)
                work = self._complete(drafts, listed, shared)
                group.create_task(work, name="definitions: evaluate")

    async def _complete(
        self, drafts: Sequence[Unevaluated], listed: Collection[Path], shared: ModuleGraph
    ) -> None:
        wanting, known = await asyncio.to_thread(self._wanting, drafts, listed, shared)
        evaluated = await self._evaluate([d for d in wanting if d.path not in known])
        evaluated.update(known)
        wanted = {draft.path for draft in wanting}
        states = await asyncio.to_thread(self._finish, drafts, wanted, evaluated, shared)
        for state in states:
            self._files[state.path] = keep_last_good(self._files.get(state.path), state)

    def _wanting(
        self, drafts: Sequence[Unevaluated], listed: Collection[Path], shared: ModuleGraph
    ) -> tuple[list[Unevaluated], dict[Path, Evaluated]]:
        """Return computed definitions, and which are still known because nothing has changed."""
        wanting = [draft for draft in drafts if wants_evaluation(draft, listed, shared)]
        known: dict[Path, Evaluated] = {}
        for draft in wanting:
            state = self._files.get(draft.path)
            if self._evaluator_of(draft.folder) is None or not still_holds(state, draft, shared):
                continue
            if state is not None and state.evaluated is not None:
                known[draft.path] = state.evaluated
        return wanting, known

    def _drafts(
        self, paths: Sequence[Path], wanted: Mapping[Path, AgentFolder]
    ) -> list[Unevaluated]:
        files = self._trusted_files
        return [
            read_text(
                path,
                wanted[path],
                self._texts,
                self._files.get(path),
                read_bytes=files.look if files and wanted[path].from_workspace else read_regular,
            )
            for path in paths
        ]

    async def _evaluate(self, drafts: Sequence[Unevaluated]) -> dict[Path, Evaluated]:
        groups: dict[AgentFolder, list[Path]] = {}
        for draft in drafts:
            groups.setdefault(draft.folder, []).append(draft.path)
        given: dict[Path, Evaluated] = {}
        for folder, paths in groups.items():
            evaluator = self._evaluator_of(folder)
            if evaluator is not None:
                files = self._trusted_files if folder.from_workspace else None
                results = await evaluator.evaluate_all(
                    paths, roots=folder.roots, texts=self._texts, files=files
                )
                given.update(zip(paths, results, strict=True))
        return given

    def _evaluator_of(self, folder: AgentFolder) -> Evaluator | None:
        if not folder.from_workspace:
            return self._own_evaluator
        return self._evaluator if folder.trusted else None

    def _finish(
        self,
        drafts: Sequence[Unevaluated],
        wanted: Collection[Path],
        evaluated: Mapping[Path, Evaluated],
        shared: ModuleGraph,
    ) -> list[FileState]:
        environment = self._environment if self._environment is not None else own_environment()
        return [
            finish(
                draft,
                evaluated.get(draft.path),
                wanted=draft.path in wanted,
                trusted=self._evaluator_of(draft.folder) is not None,
                environment=environment,
                known_tools=self._known_tools,
                shared=shared,
            )
            for draft in drafts
        ]

    def _settle(self) -> None:
        """Decide which definitions win, using only what was read."""
        ranks = {folder: at for at, folder in enumerate(self.folders)}
        states = sorted(
            self._files.values(), key=lambda state: (ranks.get(state.folder, 0), state.path)
        )
        self.agents, self.all = rank(states)
        self.problems = tuple(
            problem for problems in self._listing_problems.values() for problem in problems
        ) + tuple(problem for state in states for problem in state.problems)

    def _names(self) -> list[str]:
        """Return the effective ids, those of Inhouse's own agents last."""
        return sorted(
            self.agents, key=lambda name: (self.agents[name].source.parent == ON_BOARD, name)
        )


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"No agent {name!r}.  There is none yet: add a definition to .agents/."
    close = get_close_matches(name, known, 1, 0.5)
    meant = f"Did you mean {close[0]!r}?  " if close else ""
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"No agent {name!r}.  {meant}Agents: {', '.join(known[:_SHOWN])}{more}"
