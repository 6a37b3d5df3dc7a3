"""Names of agents: ``publisher/id@version``, where ``_`` and ``-`` are the same."""

from attrs import frozen


@frozen
class AgentName:
    id: str
    publisher: str | None = None
    version: str | None = None


def parse_agent_name(text: str) -> AgentName:
    """Take ``publisher/id@version`` apart; publisher and version may be missing."""
    publisher, slash, rest = text.strip().rpartition("/")
    name, _, version = rest.partition("@")
    return AgentName(name.replace("_", "-").lower(), publisher if slash else None, version or None)


def agent_tool_name(agent_type: str) -> str:
    """Return the name of the tool that stands for an agent: its id with ``_`` for ``-``."""
    return parse_agent_name(agent_type).id.replace("-", "_")


def names_the_same(asked: str, known: str) -> bool:
    """Return whether *asked* names *known*: parts that *asked* leaves out match anything."""
    left, right = parse_agent_name(asked), parse_agent_name(known)
    return (
        left.id == right.id
        and left.publisher in (None, right.publisher)
        and left.version in (None, right.version)
    )
