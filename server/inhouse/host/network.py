"""Access to the network as the settings want it, with a question before a new host."""

import asyncio
from pathlib import Path
from uuid import uuid4

from inhouse.core.errors import RefusedError
from inhouse.core.ports import Approver, Question
from inhouse.core.route import Endpoint
from inhouse.core.settings import Settings
from inhouse.providers.network.egress import Egress, EgressPolicy
from inhouse.store.approvals import ApprovalStore, Subject

ALLOW, DENY = "Allow this host", "Do not contact it"


def open_egress(
    policy: EgressPolicy, approvals: ApprovalStore, workspace: Path, approver: Approver
) -> Egress:
    """Make the workspace's egress."""

    async def ask(host: str, endpoint: Endpoint) -> bool:
        known = await asyncio.to_thread(approvals.answer, Subject.HOST, workspace, host)
        if known is False:
            raise _said_no(host, endpoint, policy.privacy_source)
        if known:
            return True
        answer = await approver.ask(_question(host, endpoint))
        if answer:
            allowed = ALLOW in answer
            await asyncio.to_thread(
                approvals.remember, Subject.HOST, workspace, host, allowed=allowed
            )
            return allowed
        return False

    return Egress(policy, ask=ask)


def policy_of(settings: Settings) -> EgressPolicy:
    """Return which hosts the settings allow."""
    return EgressPolicy(
        privacy=settings.privacy,
        privacy_source=settings.privacy_source,
        local_addresses=settings.local_addresses,
    )


def _said_no(host: str, endpoint: Endpoint, source: str) -> RefusedError:
    return RefusedError(
        f"You refused a connection to {host} (endpoint {endpoint.name!r}) in this workspace.  "
        f'`inhouse.privacy` is "ask" ({source}).',
        "To be asked again: inhouse trust --forget-answers",
        code="privacy",
    )


def _question(host: str, endpoint: Endpoint) -> Question:
    return Question(
        id=f"host-{uuid4().hex[:8]}",
        text=f"May Inhouse connect to {host}?  The endpoint {endpoint.name!r} is there.",
        choices=(DENY, ALLOW),
        kind="host",
        safe=DENY,
        lasting=(ALLOW,),
        detail=f"{endpoint.base_url} is named by {endpoint.source}.  The answer is remembered "
        "for this workspace.",
    )
