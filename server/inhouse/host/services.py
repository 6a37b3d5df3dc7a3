"""What a process has only once: its stores on disk, the sandbox, the embedded model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field

from inhouse.core.errors import UserError
from inhouse.core.placeholders import KeySources
from inhouse.providers.embedded.model_files import default_model
from inhouse.providers.embedded.runtime import is_runtime_installed
from inhouse.providers.embedded.servers import EmbeddedServers
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.store.approvals import ApprovalStore, Subject
from inhouse.store.database import Database
from inhouse.store.key_file import KeyFile
from inhouse.store.keys import KeyStore
from inhouse.store.mcp_listings import McpListingStore
from inhouse.store.model_profiles import ProfileStore
from inhouse.store.replays import ReplayStore
from inhouse.store.run_records import RecordStore
from inhouse.store.spending import SpendingStore
from inhouse.store.state_folders import Folders, user_folders
from inhouse.store.transcripts import TranscriptStore
from inhouse.store.trust import TrustStore

if TYPE_CHECKING:
    from inhouse.definitions.sandbox import Sandbox
    from inhouse.mcp.pool import ServerPool


@define
class Services:
    """Each service opens at its first use; close them when the process ends."""

    environ: Mapping[str, str] = field(repr=False)
    folders: Folders
    database: Database
    trust: TrustStore
    approvals: ApprovalStore
    keys: KeyStore
    records: RecordStore
    transcripts: TranscriptStore
    replays: ReplayStore
    spending: SpendingStore
    embedded: EmbeddedServers
    shared: EndpointState
    mcp_listings: McpListingStore
    session_keys: dict[str, str] = field(factory=dict[str, str], repr=False)
    """Keys that an editor stores and passed on: kept in memory only, preferred to the keyring's."""
    _sandbox: "Sandbox | None" = None
    _mcp: "ServerPool | None" = None

    def key(self, name: str) -> str:
        """Return a key by name.  Raises `UserError`.  May be slow."""
        return self.session_keys.get(name) or self.keys.get(name)

    def key_sources(self) -> KeySources:
        """Return where placeholders in settings are filled from."""
        return KeySources(
            environment=self.environ, keyring=self.key, key_hosts=self.keys.bindings()
        )

    def embedded_installed(self) -> bool:
        """Return whether the embedded model's server and a model are installed."""
        try:
            data = self.folders.data
            return is_runtime_installed(data) and default_model(data).is_file()
        except UserError:
            return False

    @property
    def sandbox(self) -> "Sandbox":
        """The sandbox, which starts no process before its first use."""
        from inhouse.definitions.sandbox import Sandbox  # noqa: PLC0415  rarely needed at first

        if self._sandbox is None:
            self._sandbox = Sandbox(cache=self.folders.cache)
        return self._sandbox

    @property
    def mcp(self) -> "ServerPool":
        """The MCP servers of this process; each starts when a run first needs it."""
        from inhouse.mcp.pool import ServerPool  # noqa: PLC0415  rarely needed

        if self._mcp is None:
            self._mcp = ServerPool()
        return self._mcp

    async def aclose(self) -> None:
        """End everything that was started."""
        if self._mcp is not None:
            await self._mcp.aclose()
        await self.embedded.aclose()
        if self._sandbox is not None:
            await self._sandbox.aclose()
        self.database.close()


def open_services(environ: Mapping[str, str]) -> Services:
    """Make the services of one process, without touching the disk."""
    folders = user_folders(environ)
    database = Database(folders.state)
    return Services(
        environ=environ,
        folders=folders,
        database=database,
        trust=TrustStore(database),
        approvals=ApprovalStore(database),
        keys=KeyStore(database, KeyFile(folders.state)),
        records=RecordStore(database),
        transcripts=TranscriptStore(database),
        replays=ReplayStore(database),
        spending=SpendingStore(database),
        embedded=EmbeddedServers(folders.data),
        shared=EndpointState(profiles=ProfileStore(database)),
        mcp_listings=McpListingStore(database),
    )


@define
class WorkspaceApprovals:
    """What the user allowed permanently in one workspace (`inhouse.tools.context.Approvals`)."""

    store: ApprovalStore
    workspace: Path

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool:
        return self.store.answer(Subject.COMMAND, self.workspace, _command(cwd, argv)) is True

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None:
        self.store.remember(Subject.COMMAND, self.workspace, _command(cwd, argv))


def _command(cwd: Path, argv: tuple[str, ...]) -> str:
    """Encode folder and command so that neither can be mistaken for the other."""
    return json.dumps({"cwd": str(cwd), "argv": argv}, ensure_ascii=False)
