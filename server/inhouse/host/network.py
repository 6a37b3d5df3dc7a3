"""The door to the network as the settings want it, and asking before a new host."""

import asyncio
from pathlib import Path
from uuid import uuid4

from inhouse.core.ports import Approver, Question
from inhouse.core.route import Endpoint
from inhouse.core.settings import Settings
from inhouse.providers.egress import Egress, EgressPolicy
from inhouse.store.approvals import ApprovalStore, Subject

ALLOW, DENY = "Allow this host", "Do not contact it"


def open_egress(
    settings: Settings,
    approvals: ApprovalStore,
    workspace: Path,
    approver: Approver,
    *,
    public_only: bool = False,
) -> Egress:
    """Make the one door of a workspace; *public_only* for URLs that a model names."""

    async def ask(host: str, endpoint: Endpoint) -> bool:
        known = await asyncio.to_thread(approvals.answer, Subject.HOST, workspace, host)
        if known is not None:
            return known
        answer = await approver.ask(_question(host, endpoint))
        if answer:
            allowed = ALLOW in answer
            await asyncio.to_thread(
                approvals.remember, Subject.HOST, workspace, host, allowed=allowed
            )
            return allowed
        return False

    policy = EgressPolicy(
        privacy=settings.privacy,
        privacy_source=settings.privacy_source,
        local_addresses=settings.local_addresses,
        public_only=public_only,
    )
    return Egress(policy, ask=ask)


def _question(host: str, endpoint: Endpoint) -> Question:
    return Question(
        id=f"host-{uuid4().hex[:8]}",
        text=f"May Inhouse talk to {host}?  The endpoint {endpoint.name!r} is there.",
        choices=(ALLOW, DENY),
        kind="host",
        detail=f"{endpoint.base_url} is named by {endpoint.source}.  The answer is remembered "
        "for this workspace.",
    )
