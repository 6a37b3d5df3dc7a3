"""What the front matter of Claude Code's and opencode's agents forbids, translated.

Nothing wider than written is allowed: a limit that cannot be enforced removes the whole tool, one
that cannot be read removes everything that it may concern, and one without an equivalent is
reported at its line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import define, field

from inhouse.core.text import Problem, Range, Severity
from inhouse.core.tool_names import CHANGING, EDITING, tool_meant
from inhouse.definitions.forms.conventions import TOOLS, WITHOUT_COUNTERPART, limit_of
from inhouse.definitions.readers.parsed_values import Literal, ParsedEntry

_REFUSED = frozenset(
    {"disallowedtools", "deniedtools", "deny", "excludetools", "excludedtools", "disabledtools"}
)
LIMITING = frozenset(
    {
        *("disallowedTools", "disallowed-tools", "disallowed_tools", "deniedTools", "deny"),
        *("allowedTools", "allowed-tools", "allowed_tools", "excludeTools", "exclude-tools"),
        *("permission", "permissions", "permissionMode", "permission-mode"),
    }
)
"""Keys that are read here and are not fields of ours."""
_REPORTED = {
    "hooks": "hooks are not run here",
    "isolation": "agents here work in the workspace itself",
    "maxturns": "the number of steps is limited by the settings only",
    "maxsteps": "the number of steps is limited by the settings only",
    "steps": "the number of steps is limited by the settings only",
}
_RESTRICTS = re.compile(
    r"deny|denied|disallow|allow|permission|permit|restrict|sandbox|read.?only|forbid|block|exclud|"
    r"limit|approv|guard|scope|tool|black.?list|white.?list|^no(?=[A-Z_-])|network|offline|path|"
    r"budget|cost|timeout|^max|only|never|except|prohibit|\bban|confine|safe|trust|access|"
    r"capabilit|privilege|rights|confirm|command|disable|enable",
    re.IGNORECASE,
)
_SILENT_MODES = frozenset({"default", "manual", "acceptedits", "bypasspermissions", "auto"})
_ASKING = CHANGING | {"read_url", "web_search"}
"""Tools for which Claude Code asks, unless the user's settings allow them."""
_SETTINGS_FORM = frozenset({"allow", "deny", "ask", "defaultmode"})
_EDIT_NAMES = frozenset({"edit", "write", "multiedit", "patch", "notebookedit"})

Rule = tuple[str, bool]
"""The name or pattern of a tool, and whether it is allowed."""


@define
class Limits:
    """What an agent may not use, and what to report about it."""

    denied: set[str] = field(factory=set[str])
    """Names and patterns."""
    only: list[frozenset[str]] = field(factory=list[frozenset[str]])
    """A tool must be named by each of these."""
    ordered: list[tuple[Rule, ...]] = field(factory=list[tuple[Rule, ...]])
    """In each of these the last rule for a tool counts."""
    problems: list[Problem] = field(factory=list[Problem])

    def allows(self, tool: str) -> bool:
        if any(_forbids(name, tool) for name in self.denied):
            return False
        if not all(any(_names(name, tool) for name in names) for names in self.only):
            return False
        return all(last_rule(rules, tool, otherwise=True) for rules in self.ordered)


def last_rule(rules: Iterable[Rule], tool: str, *, otherwise: bool) -> bool:
    """Return what the last rule for a tool says, as opencode reads its rules."""
    allowed = otherwise
    for name, is_allowed in rules:
        if _names(name, tool) if is_allowed else _forbids(name, tool):
            allowed = is_allowed
    return allowed


def limits_of(path: Path, fields: Mapping[str, ParsedEntry], *, foreign: bool) -> Limits:
    """Read every limiting key."""
    limits = Limits()
    for name, entry in fields.items():
        plain = plain_key(name)
        if plain in _REFUSED:
            _refuse(limits, path, entry)
        elif plain in _READERS:
            _READERS[plain](limits, path, entry)
        elif foreign:
            _report(limits, path, name, entry)
    return limits


def _report(limits: Limits, path: Path, name: str, entry: ParsedEntry) -> None:
    """Report a foreign key that has no effect here, if it may be meant as a limit."""
    plain = plain_key(name)
    if plain == "mode" and entry.value.value in {"primary", "subagent", "all"}:
        _tell(
            limits,
            path,
            entry.key,
            f"'mode: {entry.value.value}' has no effect: you, and any agent that names it, "
            "can run every agent",
            Severity.INFORMATION,
        )
    elif plain == "mode":
        _mode(limits, path, entry)
    elif plain in _REPORTED:
        _tell(limits, path, entry.key, f"'{name}' has no effect: {_REPORTED[plain]}")
    elif plain not in _HARMLESS and _RESTRICTS.search(name):
        _tell(
            limits,
            path,
            entry.key,
            f"'{name}' is unknown and has no effect, although it may be meant to limit the agent",
        )


_HARMLESS = frozenset({"toolnames", "mcpservers", "disable", "disabled", "enabled"})
"""Keys that are read elsewhere."""


def plain_key(name: str) -> str:
    """Return a key without its spelling: ``disallowed-tools`` is ``disallowedTools``."""
    return re.sub(r"[-_\s]", "", name).lower()


def listed(value: Literal) -> Iterator[tuple[str, Range]]:
    """``Read, Grep``, ``Read Grep``, or a list of names."""
    if value.items is not None:
        for item in value.items:
            yield from listed(item)
    elif isinstance(value.value, str):
        yield from ((name, value.range) for name in _split(value.value))


def _split(text: str) -> Iterator[str]:
    """Split at commas and blanks, but not inside of parentheses."""
    depth, name = 0, ""
    for character in f"{text},":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth > 0 or (character not in ",;" and not character.isspace()):
            name += character
            continue
        name = name.strip("`'\"[]")
        parts = name.split("/")
        if len(parts) > 1 and all(each.lower() in TOOLS for each in parts):
            yield from parts
        elif name.strip("-"):
            yield name
        name, depth = "", 0
    if name:
        yield name


def _is_readable(value: Literal) -> bool:
    """Return whether a value is a name, or a list of names."""
    if value.items is not None:
        return all(_is_readable(item) for item in value.items)
    return isinstance(value.value, str)


def _refuse(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    value = entry.value
    names = list(listed(value))
    if value.fields is not None:
        names = [(n, e.key) for n, e in value.fields.items() if e.value.value is not False]
    elif not _is_readable(value) and (value.items or value.value not in (None, False)):
        limits.denied.add("*")
        _tell(limits, path, entry.key, "Inhouse cannot read what is forbidden: it offers no tool")
    for name, where in names:
        if limit_of(name) is not None:
            _tell(
                limits,
                path,
                where,
                f"{name!r} forbids only a part of the tool.  Inhouse cannot enforce that, so the "
                "whole tool is left out",
            )
        _deny(limits, path, name, where)


def _deny(limits: Limits, path: Path, name: str, where: Range) -> None:
    """Forbid a tool; a name that stands for none is reported."""
    limits.denied.add(name)
    _check_name(limits, path, name, where)


def _check_name(limits: Limits, path: Path, name: str, where: Range) -> None:
    bare = _bare(name)
    if re.search(r"[_/*?]", bare) or bare in WITHOUT_COUNTERPART:
        return
    if not any(_forbids(name, tool) for tool in _OURS):
        _tell(limits, path, where, f"Inhouse has no tool like {name!r}, so this forbids nothing")


def _allow(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    allowed: set[str] = set()
    for name, where in listed(entry.value):
        if limit_of(name) is not None:
            _tell(
                limits,
                path,
                where,
                f"Inhouse cannot enforce the limit in {name!r}, so the tool is left out",
            )
        else:
            allowed.add(name)
    limits.only.append(frozenset(allowed))


def _tools(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    """Read ``tools`` where it is neither a list of names nor a map of switches."""
    value = entry.value
    if value.fields is not None:
        for name, inner in value.fields.items():
            if not isinstance(inner.value.value, bool):
                _tell(
                    limits,
                    path,
                    inner.key,
                    f"Inhouse cannot read the switch of {name!r}, so the tool is left out.  "
                    "Write true or false",
                )
            elif inner.value.value is False:
                _check_name(limits, path, name, inner.key)
        return
    if value.items is not None or isinstance(value.value, str):
        return
    limits.only.append(frozenset())
    if value.value is not False:
        _tell(limits, path, entry.key, "Inhouse cannot read 'tools', so it offers no tool")


def _mode(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    value = entry.value.value
    mode = re.sub(r"[-_\s]", "", value).lower() if isinstance(value, str) else ""
    key = "permissionMode"
    if mode == "plan":
        limits.denied |= CHANGING
    elif mode == "dontask":
        limits.denied |= {*_ASKING, "mcp__*"}
        _tell(
            limits,
            path,
            entry.key,
            f"'{key}: {value}' refuses what would be asked about, so the tools that write, run "
            "commands or use the network are left out",
        )
    elif mode in _SILENT_MODES:
        _tell(
            limits,
            path,
            entry.key,
            f"'{key}: {value}' has no effect: the settings 'edits' and 'commands' decide "
            "when Inhouse asks",
            Severity.INFORMATION,
        )
    else:
        limits.denied |= CHANGING
        _tell(
            limits,
            path,
            entry.key,
            "Inhouse does not know this mode, so the tools that write or run commands are left out",
        )


def _permission(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    """Read opencode's ``permission``: a word, a map of words, or a map of maps with patterns.

    Or the form of Claude Code's settings: lists under ``allow``, ``ask`` and ``deny``.
    """
    value = entry.value
    word = _word(value)
    if word is not None:
        limits.ordered.append((("*", word != "deny"),))
        if word == "ask":
            _tell_asked(limits, path, "*", entry.key)
        return
    if value.fields is None:
        limits.denied.add("*")
        _tell(limits, path, entry.key, "Inhouse cannot read the permissions, so it offers no tool")
        return
    rules: list[Rule] = []
    for name, inner in value.fields.items():
        word = _word(inner.value)
        if word is None and plain_key(name) in _SETTINGS_FORM:
            _settings_form(limits, path, plain_key(name), inner)
        elif word is None:
            rules += _patterns(limits, path, name, inner)
        else:
            rules.append((name, word != "deny"))
            if word == "ask":
                _tell_asked(limits, path, name, inner.key)
            elif word == "deny":
                _check_name(limits, path, name, inner.key)
    limits.ordered.append(tuple(rules))


def _settings_form(limits: Limits, path: Path, name: str, entry: ParsedEntry) -> None:
    match name:
        case "deny":
            _refuse(limits, path, entry)
        case "defaultmode":
            _mode(limits, path, entry)
        case _:
            _tell_asked(limits, path, name, entry.key)


def _patterns(limits: Limits, path: Path, name: str, entry: ParsedEntry) -> Iterator[Rule]:
    """Read the permissions of one tool by patterns: only if all are allowed is the tool."""
    inner = entry.value.fields
    words = [_word(each.value) for each in inner.values()] if inner is not None else [None]
    if None in words:
        what = f"Inhouse cannot read the permission of {name!r}, so the tool is left out"
    elif set(words) - {"allow"} or "*" not in (inner or {}):
        what = f"Inhouse cannot enforce the patterns for {name!r}, so the tool is left out"
    else:
        yield name, True
        return
    _tell(limits, path, entry.key, what)
    yield name, False


def _word(value: Literal) -> str | None:
    """Return ``allow``, ``ask`` or ``deny``; None for everything else."""
    if not isinstance(value.value, str):
        return None
    word = value.value.strip().lower()
    return word if word in {"allow", "ask", "deny"} else None


_READERS = {
    "allowedtools": _allow,
    "permission": _permission,
    "permissionmode": _mode,
    "permissions": _permission,
    "tools": _tools,
}
_OURS = frozenset(TOOLS.values()) | CHANGING


def _bare(name: str) -> str:
    """Return a tool's name in small letters, without a limit in parentheses."""
    return name.partition("(")[0].strip().lower()


def _names(name: str, tool: str) -> bool:
    """Return whether a name or pattern allows one of our tools."""
    bare = _bare(name)
    if "/" in tool:
        return any(_matches(bare, spelling) for spelling in _mcp_spellings(tool))
    if tool in EDITING and bare == "edit":
        return True
    return any(_matches(bare, spelling) for spelling in _spellings(tool))


def _forbids(name: str, tool: str) -> bool:
    """Return whether forbidding a name or pattern forbids one of our tools, or a part of it."""
    bare = _bare(name)
    if "/" in tool:
        return _names(name, tool) or (tool.endswith("/*") and _is_within(bare, tool[:-2].lower()))
    spellings = (_spellings(tool) | _EDIT_NAMES) if tool in EDITING else _spellings(tool)
    return any(_matches(bare, each) for each in spellings) or tool_meant(bare, {tool}) == tool


def _spellings(tool: str) -> frozenset[str]:
    return frozenset({tool.lower(), *(name for name, ours in TOOLS.items() if ours == tool)})


def _mcp_spellings(tool: str) -> tuple[str, ...]:
    """Claude Code writes ``mcp__server__tool`` or the server alone, opencode ``server_tool``."""
    server, _, inner = tool.lower().partition("/")
    return tuple(
        spelling
        for each in _server_spellings(server)
        for spelling in (
            *(f"{each}/{inner}", f"mcp__{each}__{inner}", f"{each}_{inner}"),
            *(each, f"mcp__{each}"),
        )
    )


def _server_spellings(server: str) -> frozenset[str]:
    """Return a server's name as it is written here, and as both programs write it."""
    return frozenset({server, re.sub(r"[^a-z0-9_-]", "_", server)})


def _is_within(bare: str, server: str) -> bool:
    """Return whether a name may stand for a tool of a server."""
    servers = _server_spellings(server)
    if bare.startswith("mcp__"):
        named = bare.removeprefix("mcp__").partition("__")[0]
        return any(_matches(named, each) for each in servers)
    starts = [f"{each}{mark}" for each in servers for mark in "/_"]
    starts += [f"mcp__{each}__" for each in servers]
    literal = re.split(r"[*?]", bare, maxsplit=1)[0]
    if literal != bare:  # A pattern that may match one of its tools.
        return any(each.startswith(literal) or literal.startswith(each) for each in starts)
    return bare.startswith(tuple(starts))


def _matches(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _tell_asked(limits: Limits, path: Path, name: str, where: Range) -> None:
    _tell(
        limits,
        path,
        where,
        f"The settings 'edits' and 'commands' decide when Inhouse asks about {name!r}",
        Severity.INFORMATION,
    )


def _tell(
    limits: Limits, path: Path, where: Range, what: str, severity: Severity = Severity.WARNING
) -> None:
    limits.problems.append(Problem(path, where, severity, "tool-limit", f"{what}."))
