"""``inhouse audit --verify``: prove on this machine, with this program, that nothing leaves.

Runs probes in a network namespace of their own, whose only way out is an interface that leads
nowhere and is watched packet by packet (`verify_inside`).
"""

import asyncio
import json
import shutil
import sys
from typing import Any, cast

from rich.markup import escape

from inhouse.core.errors import UserError

from . import COMPLETED, FAILED, output

PATIENCE_S = 180.0


async def verify(*, as_json: bool) -> int:
    """Run the probes and show what they proved.  Raises `UserError` where they cannot run."""
    report = await _probe(await _command())
    if as_json:
        output.document(report)
    else:
        _show(report)
    return COMPLETED if report["proved"] else FAILED


async def _command() -> list[str]:
    """The command that makes a namespace.  Raises `UserError` where none can be made."""
    if sys.platform != "linux":
        raise UserError(
            "audit --verify needs Linux: only there can a program be put into a network namespace "
            "and watched.  `inhouse audit` shows the record of each run everywhere.",
            code="unavailable",
        )
    for tool in ("unshare", "ip"):
        if shutil.which(tool) is None:
            raise UserError(
                f"audit --verify needs the command {tool!r}.  Install util-linux and iproute2.",
                code="unavailable",
            )
    refused = b""
    for command in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        tried = await asyncio.create_subprocess_exec(
            *command,
            "true",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, refused = await tried.communicate()
        if tried.returncode == 0:
            return command
    raise UserError(
        "This system lets nobody make a network namespace here "
        f"({refused.decode(errors='replace').strip()}).  Run it as root, or allow unprivileged "
        "user namespaces (kernel.unprivileged_userns_clone, or AppArmor's restriction).",
        code="unavailable",
    )


async def _probe(command: list[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *command,
        sys.executable,
        "-m",
        "inhouse.cli.verify_inside",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, error = await process.communicate()
    except TimeoutError:
        raise UserError(f"The probes did not end within {PATIENCE_S:.0f} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return cast("dict[str, Any]", json.loads(out))
    except ValueError:
        last = (error.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"The probes could not run: {last}", code="unavailable") from None


def _show(report: dict[str, Any]) -> None:
    console = output.report()
    for probe in report["probes"]:
        mark = "[green]ok[/]    " if probe["passed"] else "[bold red]FAILED[/]"
        console.print(f"{mark} {escape(probe['name'])}: {escape(probe['outcome'])}")
    packets = report["packets"]
    console.print(
        f"\n{packets['loopback']} packets on loopback, {len(packets['out'])} towards the outside."
    )
    for one in packets["out"]:
        console.print(f"  {one['from']} → {one['to']} ({one['bytes']} bytes)", markup=False)
    console.print(report["verdict"], style="bold green" if report["proved"] else "bold red")
