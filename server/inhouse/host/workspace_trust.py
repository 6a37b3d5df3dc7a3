"""Whether the user trusts what a workspace brings, and the question about it."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from inhouse.core.errors import RefusedError, UserError
from inhouse.core.files import FileSnapshot, sha256
from inhouse.core.ports import Approver, Question
from inhouse.core.protected_files import is_example
from inhouse.definitions.sandbox.confinement import CODE
from inhouse.store.trust import (
    SETTINGS,
    Change,
    Trusted,
    TrustState,
    TrustStore,
    Untrusted,
    is_outside,
    item_name,
    unsaved_items,
    workspace_items,
)
from inhouse.tools.access.access_policy import access_to

TRUST, NOT_NOW = "Trust this workspace", "Not now"
SHOWN = 20
REMEDY = (
    "Trust the workspace: `inhouse trust` in its folder, --trust for one command, or in the editor."
)


class Trusting:
    """The trust in one workspace's folders, all of them or none."""

    def __init__(
        self,
        store: TrustStore,
        roots: Sequence[Path],
        agent_folders: Sequence[Path],
        client: bool | None,  # noqa: FBT001  what a client may say: yes, no, nothing
    ) -> None:
        self._store = store
        self._roots = tuple(roots)
        self._agent_folders = tuple(agent_folders)
        self._asking = asyncio.Lock()
        self.client = client
        self.declined = False
        self.modules: frozenset[Path] = frozenset()
        """Files that definitions depend on, wherever they are."""
        self.granted_now = False
        """Whether trust was just given, so that it covers modules that are found only
        afterwards."""
        self.unsaved: Mapping[Path, str] = {}
        """The editor's texts, since a definition may exist only there."""
        self.outside: TrustState | None = None
        """Untrusted files outside the folders that the editor's decision covers."""
        self.state: TrustState = Untrusted("Nobody has looked yet.")
        self._on_disk = False
        """Whether the last look found anything on disk that trust is about."""
        self._seen: dict[Path, dict[str, bytes]] = {}
        """What was shown for trust, and what a yes trusts."""
        self._granted: dict[Path, dict[str, str]] = {}
        """The digests trusted at the last look, by root and name."""
        self.files = FileSnapshot()
        """The snapshot that checking, parsing and evaluation all read from."""
        self.refused: set[Path] = set()
        """Modules that an evaluation needed but that are not trusted."""

    def follow(self, before: "Trusting") -> None:
        """Keep what the user has just decided."""
        self.declined = before.declined
        self.modules = before.modules
        self.granted_now = before.granted_now

    @property
    def trusted(self) -> bool:
        return isinstance(self.state, Trusted)

    @property
    def vouched(self) -> bool:
        """Whether somebody trusts it explicitly, not only because it contains nothing to run."""
        said = self.client or self.granted_now or any(self._granted.values())
        return self.trusted and bool(said)

    @property
    def undecided(self) -> bool:
        """Whether it is not trusted and the user may be asked."""
        return not self.trusted and self.client is None and not self.declined

    def look(self, files: FileSnapshot | None = None) -> TrustState:
        """Compare the current contents with what was trusted.

        Blocks.  *files* are as read before; None to read them now.
        """
        self.files = files or FileSnapshot()
        self._on_disk = True
        self._granted = {root: self._store.digests(root) for root in self._roots}
        try:
            self._seen = {root: self._items(root) for root in self._roots}
        except UserError as error:
            self.state = Untrusted(str(error))
            return self.state
        if not self._roots:
            self.state = Trusted("no folder is open")
        for root, items in self._seen.items():
            self.state = self._store.state(root, items, client=self.client)
            if not self.trusted:
                break
        self.outside = self.state if self.client and not self.trusted else None
        if self.outside is not None:
            self.state = Trusted("the editor, or --trust")
        return self.state

    def covers(self, path: Path) -> bool:
        """Return whether a path is trusted; an editor's decision covers only its own folders."""
        return self.trusted and (self.outside is None or self._is_inside(path))

    def settings_before(self) -> dict[Path, bytes]:
        """Return what ``inhouse.toml`` said when it was trusted, if it has changed since."""
        if self.trusted:
            return {}
        before = {root: self._store.content(root, SETTINGS) for root in self._roots}
        return {
            root: content
            for root, content in before.items()
            if content is not None and self._seen.get(root, {}).get(SETTINGS) != content
        }

    def read_module(self, path: Path) -> bytes:
        """Return a module to be evaluated.  Raises `PermissionError` if it is not trusted."""
        data = self.files.read(path)
        if self.client and self._is_inside(path):
            return data
        digest = sha256(data)
        names = {root: item_name(path, root) for root in self._roots}
        if any(self._granted[root].get(name) == digest for root, name in names.items()):
            return data
        if self.granted_now and not self.client:
            return data  # `cover` adds it to what the user agreed to, from these very bytes.
        self.refused.add(path)
        raise PermissionError("is not trusted as it is now: `inhouse trust` shows and trusts it")

    def confirm(self, loaded: Mapping[Path, str]) -> None:
        """Suspend the trust if anything was loaded that had not been checked."""
        if self.client is not None or not self.trusted:
            return
        strange: list[Change] = []
        for path, digest in loaded.items():
            names = {root: item_name(path, root) for root in self._roots}
            seen = [sha256(self._seen[r][n]) for r, n in names.items() if n in self._seen[r]]
            known = [self._granted[root].get(name) for root, name in names.items()]
            if digest and digest not in (*seen, *known):
                strange.append(Change(next(iter(names.values()), str(path)), "new", ""))
        if strange:
            names = ", ".join(one.name for one in strange[:SHOWN])
            message = f"This workspace is not trusted: {names} changed while it was read."
            self.state = Untrusted(message, tuple(strange))

    def _is_inside(self, path: Path) -> bool:
        return any(not is_outside(item_name(path, root)) for root in self._roots)

    def typed(self, texts: Mapping[Path, str]) -> bool:
        """Take the editor's texts; return False if they may need trust, so that a look is due."""
        self.unsaved = texts
        return self._on_disk

    def cover(self, modules: frozenset[Path]) -> None:
        """Extend trust to these modules.  Blocks."""
        fresh, self.granted_now = self.granted_now, False
        modules |= self.refused
        if modules <= self.modules:
            return
        self.modules |= modules
        state = self.look(self.files)
        if fresh and isinstance(state, Untrusted) and all(c.kind == "new" for c in state.changes):
            for root in self._roots:
                self._store.grant(root, self._seen[root])
            self.look(self.files)

    def grant(self) -> None:
        """Trust what was found at the last look, which is what the user was shown.  Blocks."""
        for root in self._roots:
            seen = self._seen.get(root)
            self._store.grant(root, self._items(root) if seen is None else seen)
        self.declined = False
        self.granted_now = True
        self.look()

    def revoke(self) -> bool:
        """Revoke the trust.  Blocks."""
        gone = [self._store.revoke(root) for root in self._roots]
        self.look()
        return any(gone)

    async def ask(self, approver: Approver) -> bool:
        """Ask the user once, showing what needs trust; return whether it is trusted now."""
        async with self._asking:
            if not self.undecided:
                return self.trusted
            answer = await approver.ask(self._question())
            if TRUST in answer:
                await asyncio.to_thread(self.grant)
            elif answer:
                self.declined = True
            return self.trusted

    def refusal(self) -> RefusedError:
        """Return the error for a run that needs trust and does not have it."""
        if self.outside is not None:
            return RefusedError(
                "This agent is outside the workspace, in a folder that is not trusted.",
                "`inhouse trust` in the workspace's folder shows what is in it, and trusts that.",
                code="untrusted",
            )
        state = self.state
        reason = state.message if isinstance(state, Untrusted) else "It is not trusted."
        remedy = "Trust it there." if self.client is False else REMEDY
        return RefusedError(reason, remedy, code="untrusted")

    def _question(self) -> Question:
        state = self.state
        changes = state.changes if isinstance(state, Untrusted) else ()
        names = ", ".join(f"{one.name} ({one.kind})" for one in changes[:SHOWN])
        more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        return Question(
            id=f"trust-{uuid4().hex[:8]}",
            text=(
                f"Trust the agents and settings in this folder?  {names}{more}.  "
                "Agents that you trust may run, and settings may name endpoints."
            ),
            choices=(NOT_NOW, TRUST),
            kind="trust",
            safe=NOT_NOW,
            lasting=(TRUST,),
            detail="\n".join(map(_changed, changes[:SHOWN])),
            diff="".join(f"{one.diff.rstrip()}\n" for one in changes if one.diff),
        )

    def _items(self, root: Path) -> dict[str, bytes]:
        folders = [folder for folder in self._agent_folders if folder.is_dir()]
        granted = (root / name for name in self._granted[root])
        modules = sorted({*self.modules, *granted})
        items = workspace_items(root, folders, modules, self.files)
        if items or self._store.knows(root):
            return items  # What the user types in a trusted workspace is trusted too.
        self._on_disk = False
        return unsaved_items(root, self._agent_folders, self.unsaved)


def _changed(change: Change) -> str:
    return f"new: {change.name}" if change.kind == "new" else change.diff


class TrustedWorkspaceFiles:
    """Implements `inhouse.definitions.evaluator.TrustedFiles`, for the catalog."""

    def __init__(self, trusting: Trusting, roots: Sequence[Path]) -> None:
        self._trusting = trusting
        self._access = access_to(roots)

    def look(self, path: Path) -> bytes:
        """Return the bytes, for what is only parsed.  Raises `OSError`."""
        return self._trusting.files.read(path)

    def load(self, path: Path) -> bytes:
        """Return the bytes of what is evaluated.  Raises `OSError`."""
        if path.suffix.lower() not in CODE and (reason := self._ignored(path)):
            raise PermissionError(f"is never imported: the project ignores it by {reason}")
        return self._trusting.read_module(path)

    def _ignored(self, path: Path) -> str | None:
        """Say which rule hides a text from tools; packages are ignored too but are not secret."""
        for top in self._access.tops():
            if path.is_relative_to(top.path) and "node_modules" not in path.parts:
                relative = path.relative_to(top.path).as_posix()
                if not is_example(relative):
                    return self._access.ignored(top.root).rule(relative, is_folder=False)
        return None
