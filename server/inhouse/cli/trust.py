"""``inhouse trust``: trust what a workspace brings, by content."""

import argparse
import asyncio

from inhouse.host.host import Host
from inhouse.store.approvals import Subject
from inhouse.store.trust import Trusted

from . import COMPLETED, FAILED, output
from .open_host import open_host


async def trust(options: argparse.Namespace) -> int:
    """Show, grant or revoke trust; granting first shows what will be trusted."""
    async with open_host(options) as host:
        console = output.report()
        if options.forget_answers:
            gone = await asyncio.to_thread(_forget, host)
            console.print(f"{gone} answers are forgotten.  Inhouse asks again.")
            return COMPLETED
        if options.revoke:
            await host.trust(grant=False)
            console.print("This workspace is no longer trusted.")
            return COMPLETED
        state = host.world.trusting.state
        if isinstance(state, Trusted):
            console.print(f"This workspace is trusted ({state.by}).", markup=False)
            return COMPLETED
        console.print(state.message, markup=False)
        for change in state.changes:
            console.print(f"\n{change.kind}: {change.name}", style="bold", markup=False)
            console.print(change.diff, markup=False)
        if options.show:
            console.print("\n`inhouse trust` trusts it as it is now.", markup=False)
            return FAILED
        await host.trust()
        now = host.world.trusting.state
        if isinstance(now, Trusted):
            console.print("\nTrusted as it is now.  If a file changes, Inhouse asks again.")
            return COMPLETED
        output.error(now.message)
        return FAILED


def _forget(host: Host) -> int:
    approvals = host.services.approvals
    return sum(approvals.forget(subject, host.main_root) for subject in Subject)
