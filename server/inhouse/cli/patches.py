"""Undecided edits: reviewed at a terminal, otherwise printed as a patch."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from inhouse.core.counts import count
from inhouse.core.errors import UserError
from inhouse.tools.edit.disk_workspace import DiskWorkspace, Proposal

from . import output

Proposals = dict[Path, Proposal]


def patch(proposals: Mapping[Path, Proposal]) -> str:
    """Return all proposed edits as one patch for Git and ``patch -p1``."""
    return "".join(proposal.diff for proposal in proposals.values())


async def deliver(
    proposals: Proposals, target: str | None, *, as_json: bool, at_once: bool
) -> None:
    """Write the patch to a file or to standard output, and say how to apply it.

    With *at_once* edits are made already, and these are only what `propose_*` proposes.
    """
    text = patch(proposals)
    if target is not None and target != "-":
        try:
            await asyncio.to_thread(Path(target).write_bytes, text.encode("utf-8", "replace"))
        except OSError as error:
            raise UserError(f"{target} cannot be written: {error.strerror}.") from None
        how = f"The patch is in {target}: apply it with `git apply {target}` or `patch -p1`."
    elif as_json:
        how = "To write them to a file as a patch, use --patch FILE."
    else:
        output.text(f"\n{text}" if target is None else text)
        how = "The patch is on standard output: apply it with `git apply` or `patch -p1`."
    files = count(len(proposals), "file")
    other = "" if at_once else "  To make edits at once, use --yes-edits."
    output.status().print(
        f"Edits of {files} are proposed; nothing was changed.  {how}{other}", markup=False
    )


async def review(proposals: Proposals, workspace: DiskWorkspace) -> None:
    """Ask about each remaining proposal, and write what is accepted."""
    for proposal in list(proposals.values()):
        proposals.pop(proposal.edit.path, None)
        await workspace.apply(proposal.edit)
