"""Markdown with front matter: ours, Claude Code's and opencode's."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.forms.conventions import (
    ALL_TOOLS,
    DEFAULT_MODEL,
    identifier,
    limit_of,
    model_id,
    title,
    tool_name,
)
from inhouse.definitions.forms.foreign_limits import (
    LIMITING,
    Limits,
    last_rule,
    limits_of,
    listed,
    plain_key,
)
from inhouse.definitions.forms.front_matter import FrontMatter, front_matter, lenient
from inhouse.definitions.forms.yaml_text import yaml_literal
from inhouse.definitions.readers.parsed_values import Literal, ParsedEntry, Reading, found
from inhouse.definitions.schema.fields import FIELD_NAMES
from inhouse.definitions.typescript.js_values import whole_text

_THEIRS = frozenset({"name", "description", "tools"}) | LIMITING
_SIGNS = frozenset({"description", "tools", "model", "toolNames", "displayName"})
_ID = re.compile(r"[a-z0-9-]+")


@frozen
class _File:
    path: Path
    front: FrontMatter
    fields: Mapping[str, ParsedEntry]
    unread: Range | None = None
    """Lines of the front matter that could not be read, which may limit the agent."""

    @property
    def foreign(self) -> bool:
        """Whether it is where another program keeps its agents."""
        return bool({".claude", ".opencode"} & set(self.path.parts))

    @property
    def tools(self) -> ParsedEntry | None:
        """The list of tools, in any spelling where another program keeps its agents."""
        exact = self.fields.get("tools")
        others = (e for name, e in self.fields.items() if plain_key(name) == "tools")
        return exact or (next(others, None) if self.foreign else None)


def read_markdown(path: Path, text: str) -> Reading:
    front = front_matter(text)
    if front is None:
        return Reading(may_define=False)
    literal, problems = yaml_literal(path, front.yaml, text)
    if problems and problems[0].code == "syntax":
        # Claude Code accepts front matter that is not YAML, mostly descriptions with colons.
        kept = lenient(path, front)
        fields, unread = kept.fields, kept.unread
        softened = Problem(
            path,
            problems[0].range,
            Severity.WARNING,
            "front-matter",
            f"{problems[0].message}  It was read line by line: put the text in quotes.",
        )
        problems = [softened, *problems[1:]]
    else:
        fields, unread = _fields(literal), None
    file = _File(path, front, fields, unread)
    if not _is_agent(file):
        return Reading(may_define=False)
    values = dict(_values(file, problems))
    whole = Literal(None, front.lines.range(0, front.body_start), fields=values)
    return Reading((found(whole, "default"),), tuple(problems))


def _fields(literal: Literal | None) -> Mapping[str, ParsedEntry]:
    return (literal.fields or {}) if literal is not None else {}


def _is_agent(file: _File) -> bool:
    if file.foreign and _is_disabled(file):
        return False
    if "id" in file.fields or file.foreign:
        return True
    return "name" in file.fields and bool(_SIGNS & file.fields.keys())


def _is_disabled(file: _File) -> bool:
    for name, entry in file.fields.items():
        value = str(entry.value.value).lower()
        if plain_key(name) in {"disable", "disabled"} and value not in {"false", "none"}:
            return True
        if plain_key(name) == "enabled" and value not in {"true", "none"}:
            return True
    return False


def _values(file: _File, problems: list[Problem]) -> Iterator[tuple[str, ParsedEntry]]:
    """Return the definition's fields, from our spelling and other programs'."""
    own = {name: entry for name, entry in file.fields.items() if name not in _THEIRS}
    start = file.front.start
    name = file.fields.get("name")
    label = _text(name) or _text(own.get("id")) or file.path.stem
    if "id" not in own:
        place = name.value.range if name is not None else start
        own["id"] = ParsedEntry(name.key if name else start, Literal(_id(label, name, file), place))
    if "displayName" not in own:
        shown = label if _ID.fullmatch(label) is None else title(label)
        own["displayName"] = ParsedEntry(start, Literal(shown, start))
    description = file.fields.get("description")
    if description is not None and "spawnerPrompt" not in own:
        own["spawnerPrompt"] = description
    own["model"] = _model(own.get("model"), start)
    limits = limits_of(file.path, file.fields, foreign=file.foreign)
    problems += limits.problems
    if file.unread is not None:
        limits.denied.add("*")
        message = "Inhouse cannot read these lines, which may limit the agent: it offers no tool."
        place = Problem(file.path, file.unread, Severity.WARNING, "tool-limit", message)
        problems.append(place)
    if "toolNames" not in own:
        own["toolNames"] = _tools(file, limits, problems)
    if file.foreign and "mcpServers" in own:
        own |= _servers(file, limits, own["mcpServers"], own["toolNames"], problems)
    body = file.front.body
    if body.strip() and "instructionsPrompt" not in own:
        place = file.front.body_range
        own["instructionsPrompt"] = ParsedEntry(place, Literal(whole_text(body.strip()), place))
    known = FIELD_NAMES if file.foreign else own.keys()
    yield from ((name, entry) for name, entry in own.items() if name in known)


def _id(label: str, name: ParsedEntry | None, file: _File) -> Any:
    """Return the id; Claude Code's names may have spaces, our ids may not."""
    if name is not None and not isinstance(name.value.value, str):
        return name.value.value
    if file.foreign or _ID.fullmatch(label) is None:
        return identifier(label) or label
    return label


def _model(given: ParsedEntry | None, start: Range) -> ParsedEntry:
    if given is None:
        return ParsedEntry(start, Literal(DEFAULT_MODEL, start))
    if not isinstance(given.value.value, str):
        return given
    return ParsedEntry(given.key, Literal(model_id(given.value.value), given.value.range))


def _tools(file: _File, limits: Limits, problems: list[Problem]) -> ParsedEntry:
    entry = file.tools
    place = entry.key if entry is not None else file.front.start
    if entry is None or entry.value.fields is not None:
        switches = entry.value.fields or {} if entry is not None else {}
        names = _switched(switches)
        items = {name: Literal(name, place) for name in names if limits.allows(name)}
        return ParsedEntry(place, Literal(None, place, items=tuple(items.values())))
    items: dict[str, Literal] = {}
    for name, where in listed(entry.value):
        ours = ALL_TOOLS if name == "*" else (tool_name(name),)
        if limit_of(name) is not None:
            problems.append(_unlimited(file, where, name))
            continue
        for tool in ours:
            if tool is None:
                problems.append(_unknown(file, where, name))
            elif limits.allows(tool):
                items.setdefault(tool, Literal(tool, where))
    return ParsedEntry(place, Literal(None, entry.value.range, items=tuple(items.values())))


def _servers(
    file: _File,
    limits: Limits,
    entry: ParsedEntry,
    tools: ParsedEntry,
    problems: list[Problem],
) -> Mapping[str, ParsedEntry]:
    """Return the MCP servers of a foreign agent, and its tools with theirs.

    Claude Code writes a list of names and of servers.  One of which the limits leave no tool, or
    only a part of its tools, is left out.
    """
    parts = entry.value.items if entry.value.items is not None else (entry.value,)
    configs = {name: each for part in parts for name, each in (part.fields or {}).items()}
    named = [(part.value, part.range) for part in parts if isinstance(part.value, str)]
    given = {str(item.value): item for item in tools.value.items or ()}
    is_listed = file.tools is not None and file.tools.value.fields is None
    servers: dict[str, ParsedEntry] = {}
    for name, where in (*named, *((name, each.key) for name, each in configs.items())):
        chosen = any(tool.startswith(f"{name}/") for tool in given)
        if not limits.allows(f"{name}/*") or (is_listed and not chosen):
            message = f"The limits of this agent leave out the tools of the server {name!r}."
            problems.append(Problem(file.path, where, Severity.WARNING, "tool-limit", message))
        elif name in configs:
            servers[name] = configs[name]
        elif not chosen:
            given[f"{name}/*"] = Literal(f"{name}/*", where)
    items = tuple(given.values())
    return {
        "mcpServers": ParsedEntry(entry.key, Literal(None, entry.value.range, fields=servers)),
        "toolNames": ParsedEntry(tools.key, Literal(None, tools.value.range, items=items)),
    }


def _switched(switches: Mapping[str, ParsedEntry]) -> list[str]:
    """Return the tools of opencode's ``tools: {write: false}``: all that are not switched off.

    The last switch for a tool counts.
    """
    rules = [(name, entry.value.value is True) for name, entry in switches.items()]
    named = (tool_name(name) for name, is_on in rules if is_on and name != "*")
    names = dict.fromkeys((*ALL_TOOLS, *(tool for tool in named if tool is not None)))
    return [tool for tool in names if last_rule(rules, tool, otherwise=tool in ALL_TOOLS)]


def _unknown(file: _File, where: Range, name: str) -> Problem:
    message = f"Inhouse has no tool like {name!r}, so it is left out."
    return Problem(file.path, where, Severity.WARNING, "unknown-tool", message)


def _unlimited(file: _File, where: Range, name: str) -> Problem:
    message = (
        f"Inhouse cannot enforce the limit in {name!r}, so the tool is left out.  "
        f"To offer it without the limit, write {name.partition('(')[0].strip()!r}."
    )
    return Problem(file.path, where, Severity.WARNING, "tool-limit", message)


def _text(entry: ParsedEntry | None) -> str:
    return entry.value.value if entry is not None and isinstance(entry.value.value, str) else ""
