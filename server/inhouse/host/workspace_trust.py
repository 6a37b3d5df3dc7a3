"""Whether the user trusts what a workspace brings, and asking them."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from inhouse.core.errors import RefusedError, UserError
from inhouse.core.ports import Approver, Question
from inhouse.store.trust import (
    Change,
    Trusted,
    TrustState,
    TrustStore,
    Untrusted,
    unsaved_items,
    workspace_items,
)

TRUST, NOT_NOW = "Trust this workspace", "Not now"
SHOWN = 20
REMEDY = (
    "Trust the workspace: `inhouse trust` in its folder, --trust for one call, or in the editor."
)


class Trusting:
    """The trust of the folders of one workspace, all of them or none."""

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
        """Files that definitions are made of, wherever they are."""
        self.granted_now = False
        """Trust was given a moment ago: it covers the modules that are found only thereafter."""
        self.unsaved: Mapping[Path, str] = {}
        """Texts of the editor: a workspace that has nothing on disk may have a definition there."""
        self.state: TrustState = Untrusted("Nobody has looked yet.")
        self._on_disk = False
        """What trust is about lies on disk, as far as the last look goes."""
        self._seen: dict[Path, dict[str, bytes]] = {}
        """What the state is about, and all that a yes to it trusts."""

    def follow(self, before: "Trusting") -> None:
        """Keep what the user said a moment ago."""
        self.declined = before.declined
        self.modules = before.modules
        self.granted_now = before.granted_now

    @property
    def trusted(self) -> bool:
        return isinstance(self.state, Trusted)

    @property
    def undecided(self) -> bool:
        """Not trusted, and the user may be asked."""
        return not self.trusted and self.client is None and not self.declined

    def look(self) -> TrustState:
        """Compare what is there with what was trusted.  Blocks."""
        self._on_disk = True
        try:
            self._seen = {root: self._items(root) for root in self._roots}
        except UserError as error:
            self.state = Untrusted(str(error))
            return self.state
        for root, items in self._seen.items():
            self.state = self._store.state(root, items, client=self.client)
            if not self.trusted:
                return self.state
        if not self._roots:
            self.state = Trusted("no folder is open")
        return self.state

    def typed(self, texts: Mapping[Path, str]) -> bool:
        """Take texts of the editor; False: they may be all there is to trust, so look again."""
        self.unsaved = texts
        return self._on_disk

    def cover(self, modules: frozenset[Path]) -> None:
        """Let trust be about these modules too.  Blocks."""
        fresh, self.granted_now = self.granted_now, False
        if modules <= self.modules:
            return
        self.modules |= modules
        state = self.look()
        if fresh and isinstance(state, Untrusted) and all(c.kind == "new" for c in state.changes):
            self.grant()
            self.granted_now = False

    def grant(self) -> None:
        """Trust what was there at the last look, which is what the user was shown.  Blocks."""
        for root in self._roots:
            seen = self._seen.get(root)
            self._store.grant(root, self._items(root) if seen is None else seen)
        self.declined = False
        self.granted_now = True
        self.look()

    def revoke(self) -> bool:
        """Take the trust back.  Blocks."""
        gone = [self._store.revoke(root) for root in self._roots]
        self.look()
        return any(gone)

    async def ask(self, approver: Approver) -> bool:
        """Ask the user once, showing what there is to trust; tells whether it is trusted now."""
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
        """Give the error of a run that needs trust and has none."""
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
                "May the agents and settings of this workspace run and name endpoints?  "
                f"They are: {names}{more}."
            ),
            choices=(NOT_NOW, TRUST),
            kind="trust",
            detail="\n".join(map(_changed, changes[:SHOWN])),
        )

    def _items(self, root: Path) -> dict[str, bytes]:
        folders = [folder for folder in self._agent_folders if folder.is_dir()]
        items = workspace_items(root, folders, sorted(self.modules))
        if items or self._store.knows(root):
            return items  # What the user types where trust was given is as good as the rest.
        self._on_disk = False
        return unsaved_items(root, self._agent_folders, self.unsaved)


def _changed(change: Change) -> str:
    return change.diff if change.kind == "changed" else f"new: {change.name}"
