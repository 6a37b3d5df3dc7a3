"""``inhouse init`` and ``inhouse new``: a first settings file, a first agent."""

import argparse
from pathlib import Path

from inhouse.core.agent_names import parse_agent_name
from inhouse.core.errors import UserError

from . import COMPLETED, output
from .open_host import workspace_root

_AGENT = """\
// An agent of this project.  Run it: inhouse run {id} "…"
// Every field is explained in docs/reference/definitions.md; `inhouse agents` checks this file.
export default {{
  id: '{id}',
  displayName: '{name}',
  // The model, by the name that the endpoint knows; 'default' is what the endpoint maps "*" to.
  model: 'default',
  spawnerPrompt: 'Says in one sentence what this agent is for.',
  inputSchema: {{ prompt: {{ type: 'string', description: 'What to do.' }} }},
  // What it may use; without tools it only answers.
  toolNames: ['read_files', 'code_search', 'find_files'],
  systemPrompt: 'You help with the project in the current folder.',
  instructionsPrompt: 'Answer in a few sentences.',
}}
"""
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
    """Write a definition into .agents/ and never over a file."""
    root = workspace_root(options.workspace)
    agent = parse_agent_name(options.agent).id
    if not agent.replace("-", "").isalnum() or not agent.isascii():
        raise UserError(
            f"{options.agent!r} cannot be an agent's id: use lower-case letters, digits and -."
        )
    name = agent.replace("-", " ").capitalize()
    _write(root / ".agents" / f"{agent}.ts", _AGENT.format(id=agent, name=name), root)
    output.report().print(f'Trust it and run it: inhouse run {agent} "…"', markup=False)
    return COMPLETED


async def init(options: argparse.Namespace) -> int:
    """Write inhouse.toml and a first agent, and never over a file."""
    root = workspace_root(options.workspace or ".")
    _write(root / "inhouse.toml", _SETTINGS, root)
    if not has_agents(root):
        _write(root / ".agents" / "helper.ts", _AGENT.format(id="helper", name="Helper"), root)
    return COMPLETED


def has_agents(root: Path) -> bool:
    """Say whether a project has a definition, or anything else, in its folder of agents."""
    agents = root / ".agents"
    return agents.is_dir() and any(agents.iterdir())


def _write(path: Path, text: str, root: Path) -> None:
    shown = path.relative_to(root).as_posix()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{shown} is there already: nothing was changed.") from None
    except OSError as error:
        raise UserError(f"{shown} cannot be written: {error.strerror}.") from None
    output.report().print(f"Wrote {shown}.", markup=False)
