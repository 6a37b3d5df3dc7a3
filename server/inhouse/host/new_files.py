"""Starter files that every door can create; existing files are never overwritten."""

from pathlib import Path

from inhouse.core.agent_names import parse_agent_name
from inhouse.core.errors import UserError

_AGENT = """\
// An agent of this project.  Run it: inhouse run {id} "…", or pick it in your editor.
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


def new_agent_id(written: str) -> str:
    """Check the id of a new agent.  Raises `UserError`."""
    agent = parse_agent_name(written).id
    if not agent.replace("-", "").isalnum() or not agent.isascii():
        raise UserError(
            f"{written!r} cannot be an agent's id: use lower-case letters, digits and -."
        )
    return agent


def agent_text(agent: str) -> str:
    """Return the text of a definition that runs as it is."""
    return _AGENT.format(id=agent, name=agent.replace("-", " ").capitalize())


def write_new(path: Path, text: str, root: Path) -> str:
    """Write a file of *root*; return its name there.  Raises `UserError` if it exists."""
    shown = path.relative_to(root).as_posix()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{shown} already exists.  Nothing was changed.", code="exists") from None
    except OSError as error:
        raise UserError(f"{shown} cannot be written: {error.strerror}.") from None
    return shown
