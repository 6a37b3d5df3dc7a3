"""``inhouse init`` and ``inhouse new``: a first settings file, a first agent."""

import argparse
from pathlib import Path

from inhouse.host.new_files import agent_text, new_agent_id, write_new

from . import COMPLETED, output
from .open_host import workspace_root

_SETTINGS = """\
# Settings of this workspace: they apply to everybody who trusts it (`inhouse trust`).
# They can only narrow what the user's own settings allow.  All of them: docs/reference/settings.md

# Nothing leaves the machine:
# privacy = "local-only"

# Which agent runs where:
# [[routes]]
# agents = "review*"
# endpoint = "ollama"
# model = "qwen3:4b"
"""


async def new(options: argparse.Namespace) -> int:
    """Write a definition into .agents/, never over an existing file."""
    root = workspace_root(options.workspace)
    agent = new_agent_id(options.agent)
    _write(root / ".agents" / f"{agent}.ts", agent_text(agent), root)
    output.report().print(f'Trust it and run it: inhouse run {agent} "…"', markup=False)
    return COMPLETED


async def init(options: argparse.Namespace) -> int:
    """Write inhouse.toml and a first agent, never over an existing file."""
    root = workspace_root(options.workspace or ".")
    _write(root / "inhouse.toml", _SETTINGS, root)
    if not has_agents(root):
        _write(root / ".agents" / "helper.ts", agent_text("helper"), root)
    return COMPLETED


def has_agents(root: Path) -> bool:
    """Return whether a project has anything in its agents folder."""
    agents = root / ".agents"
    return agents.is_dir() and any(agents.iterdir())


def _write(path: Path, text: str, root: Path) -> None:
    shown = write_new(path, text, root)
    output.report().print(f"Wrote {shown}.", markup=False)
