"""What a person can choose in a client: agent, endpoint, model, edits and privacy.

Nothing here is wider than the user's own settings.
Source: https://agentclientprotocol.com/protocol/session-config-options.
"""

from collections.abc import Iterable, Mapping

from attrs import evolve, field, frozen

from inhouse.core.errors import UserError
from inhouse.core.json_values import Json, objects
from inhouse.core.request import AgentSummary
from inhouse.core.route import EndpointStatus, Privacy
from inhouse.core.settings import EditMode, Settings

COMPACT = "compact"
"""The command that compacts a conversation, unless an agent has that name."""
AUTOMATIC = ""
"""Lets routing choose: the value of an unchanged option."""
_PRIVACY = (Privacy.ANY, Privacy.ASK, Privacy.LOCAL_ONLY)
"""From widest to narrowest."""
_PRIVACY_NAMES = {
    Privacy.ANY: ("Any endpoint", "Use local and remote models."),
    Privacy.ASK: ("Ask before a new host", "Inhouse asks before it first contacts a host."),
    Privacy.LOCAL_ONLY: ("Local only", "Nothing leaves this machine."),
}
_EDIT_NAMES = {
    EditMode.REVIEW: ("Review edits", "You review each edit before it is made."),
    EditMode.APPLY: ("Apply edits", "Edits are made at once, as your settings say."),
}


@frozen
class Choices:
    """What somebody has chosen in one session."""

    agent: str = AUTOMATIC
    endpoint: str = AUTOMATIC
    model: str = AUTOMATIC
    edits: str = AUTOMATIC
    privacy: str = AUTOMATIC

    def settings(self) -> Json:
        """Return the choices that are settings, with the keys of docs/reference/settings.md."""
        given = {"edits": self.edits, "privacy": self.privacy}
        return {name: value for name, value in given.items() if value != AUTOMATIC}


@frozen
class Available:
    """What there is to choose from under the user's own settings."""

    agents: tuple[AgentSummary, ...]
    endpoints: tuple[EndpointStatus, ...]
    models: tuple[str, ...]
    settings: Settings
    """The settings without the client's choices."""
    skills: Mapping[str, str] = field(factory=dict[str, str])
    """What each skill is for, by name."""

    def agent_for(self, choices: Choices) -> str | None:
        """Return the id of the agent that answers; None if no agent can be used."""
        usable = [one.agent.id for one in self.agents if one.usable and not one.agent.shadowed_by]
        if choices.agent in usable:
            return choices.agent
        own = [
            one.agent.id
            for one in self.agents
            if one.usable and one.agent.from_workspace and not one.agent.shadowed_by
        ]
        for preferred in ("base", "edit", "ask"):
            if preferred in usable and not own:
                return preferred
        return next(iter(own or usable), None)

    def edit_modes(self) -> tuple[EditMode, ...]:
        """Return the modes that are no wider than the settings, the narrow one first."""
        if self.settings.edits is EditMode.APPLY:
            return (EditMode.REVIEW, EditMode.APPLY)
        return (EditMode.REVIEW,)

    def privacies(self) -> tuple[Privacy, ...]:
        """Return the settings' privacy level and all narrower ones."""
        return _PRIVACY[_PRIVACY.index(self.settings.privacy) :]


def change(choices: Choices, available: Available, option: str, value: str) -> Choices:
    """Choose a value.  Raises `UserError` with what would work."""
    for one in config_options(choices, available):
        if one["id"] == option:
            values = [each["value"] for each in objects(one["options"])]
            if value not in values:
                raise UserError(f"{option!r} cannot be {value!r} here.  It takes: {values}")
            if option == "edits" and value == available.settings.edits.value:
                value = AUTOMATIC
            if option == "privacy" and value == available.settings.privacy.value:
                value = AUTOMATIC
            return evolve(choices, **{option: value})
    known = ", ".join(str(one["id"]) for one in config_options(choices, available))
    raise UserError(f"There is no option {option!r}.  Options: {known}")


def config_options(choices: Choices, available: Available) -> list[Json]:
    """Return ACP's ``configOptions``: every value that is offered works."""
    agents = [
        _value(one.agent.id, _label(one), _description(one))
        for one in available.agents
        if one.usable and not one.agent.shadowed_by
    ]
    endpoints = [
        _value(one.name, one.name, f"{one.kind.value}, {'local' if one.local else 'remote'}")
        for one in available.endpoints
    ]
    automatic = _value(AUTOMATIC, "Automatic", "Follow your settings and the agent's definition.")
    models = [_value(model, model) for model in _distinct((*available.models, choices.model))]
    options = [
        _select("endpoint", "Endpoint", choices.endpoint, [automatic, *endpoints]),
        _select("model", "Model", choices.model, [automatic, *models], category="model"),
        _select(
            "privacy",
            "Privacy",
            choices.privacy or available.settings.privacy.value,
            [_value(each.value, *_PRIVACY_NAMES[each]) for each in available.privacies()],
        ),
        _select(
            "edits",
            "Edits",
            choices.edits or available.settings.edits.value,
            [_value(each.value, *_EDIT_NAMES[each]) for each in available.edit_modes()],
            category="mode",
        ),
    ]
    agent = available.agent_for(choices)
    if agent is not None:
        options.insert(0, _select("agent", "Agent", agent, agents))
    return options


def modes(choices: Choices, available: Available) -> Json:
    """Return ACP's session modes: how edits are made."""
    return {
        "currentModeId": choices.edits or available.settings.edits.value,
        "availableModes": [
            {"id": each.value, "name": _EDIT_NAMES[each][0], "description": _EDIT_NAMES[each][1]}
            for each in available.edit_modes()
        ],
    }


def available_commands(available: Available) -> list[Json]:
    """Return a command for each agent and each skill, and one that compacts the conversation.

    If names collide, the agent wins, then the skill.
    """
    agents: list[Json] = [
        {
            "name": one.agent.id,
            "description": _description(one) or _label(one),
            "input": {"hint": "What to do"},
        }
        for one in available.agents
        if one.usable and not one.agent.shadowed_by
    ]
    told: list[Json] = [
        {"name": name, "description": what, "input": {"hint": "What to do with this skill"}}
        for name, what in sorted(available.skills.items())
    ]
    what = "Summarise the conversation to make room."
    told = [*agents, *told, {"name": COMPACT, "description": what}]
    return list({one["name"]: one for one in reversed(told)}.values())[::-1]


def _label(one: AgentSummary) -> str:
    definition = one.agent.definition
    return definition.display_name if definition is not None else one.agent.id


def _description(one: AgentSummary) -> str:
    definition = one.agent.definition
    told = (definition.spawner_prompt or "") if definition is not None else ""
    route = one.route
    where = f"{route.endpoint} · {route.model}" if route is not None else ""
    return " · ".join(each for each in (*(told.strip().splitlines() or [""])[:1], where) if each)


def _select(
    option: str, name: str, value: str, values: list[Json], category: str | None = None
) -> Json:
    one: Json = {
        "id": option,
        "name": name,
        "type": "select",
        "currentValue": value,
        "options": values,
    }
    return one if category is None else one | {"category": category}


def _value(value: str, name: str, description: str = "") -> Json:
    one: Json = {"value": value, "name": name}
    return one | {"description": description} if description else one


def _distinct(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]
