"""What the front matter of Claude Code's and opencode's agents forbids, translated.

Nothing wider than written is allowed: a limit that cannot be enforced removes the whole tool, and
one without an equivalent is reported at its line.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field

from inhouse.core.text import Problem, Range, Severity
from inhouse.core.tool_names import CHANGING, EDITING
from inhouse.definitions.forms.conventions import ALL_TOOLS, limit_of, tool_name
from inhouse.definitions.readers.parsed_values import Literal, ParsedEntry

_REFUSED = frozenset({"disallowedtools", "deniedtools", "deny", "excludetools"})
_ALLOWED = frozenset({"allowedtools"})
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
    r"deny|denied|disallow|allow|permission|restrict|sandbox|read.?only|forbid|block|exclude|"
    r"limit|approval|guard|scope",
    re.IGNORECASE,
)


@define
class Limits:
    """What an agent may not use, and what to report about it."""

    denied: set[str] = field(factory=set[str])
    only: set[str] | None = None
    """None for everything that is not denied."""
    problems: list[Problem] = field(factory=list[Problem])

    def allows(self, tool: str) -> bool:
        server = tool.partition("/")[0]
        if tool in self.denied or server in self.denied or "*" in self.denied:
            return False
        return self.only is None or tool in self.only


def limits_of(path: Path, fields: Mapping[str, ParsedEntry], *, foreign: bool) -> Limits:
    """Read every limiting key."""
    limits = Limits()
    for name, entry in fields.items():
        plain = re.sub(r"[-_]", "", name).lower()
        if plain in _REFUSED:
            _refuse(limits, path, entry)
        elif plain in _ALLOWED:
            _allow(limits, path, entry)
        elif plain == "permissionmode":
            _mode(limits, path, entry)
        elif plain in {"permission", "permissions"}:
            _permission(limits, path, entry)
        elif plain == "tools" and entry.value.value is False:
            limits.only = set()
        elif plain == "mode" and foreign and entry.value.value in {"primary", "subagent"}:
            _tell(
                limits,
                path,
                entry.key,
                f"'mode: {entry.value.value}' has no effect: you, and any agent that names it, "
                "can run every agent",
                Severity.INFORMATION,
            )
        elif foreign and plain in _REPORTED:
            _tell(limits, path, entry.key, f"'{name}' has no effect: {_REPORTED[plain]}")
        elif foreign and _RESTRICTS.search(name):
            _tell(
                limits,
                path,
                entry.key,
                f"'{name}' is unknown and has no effect, although it may be meant to limit the "
                "agent",
            )
    return limits


def listed(value: Literal) -> Iterator[tuple[str, Range]]:
    """``Read, Grep`` or a list of names."""
    for item in value.items if value.items is not None else (value,):
        if isinstance(item.value, str):
            for name in re.split(r",(?![^()]*\))", item.value):
                yield name.strip(), item.range


def _refuse(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    for name, where in listed(entry.value):
        if not name:
            continue
        if limit_of(name) is not None:
            _tell(
                limits,
                path,
                where,
                f"{name!r} forbids only a part of the tool.  Inhouse cannot enforce that, so the "
                "whole tool is left out",
            )
        limits.denied |= _tools_of(name)


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
            allowed |= set(ALL_TOOLS) if name == "*" else _tools_of(name)
    limits.only = allowed if limits.only is None else limits.only & allowed


def _mode(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    mode = entry.value.value
    if mode == "plan":
        limits.denied |= CHANGING
        return
    _tell(
        limits,
        path,
        entry.key,
        f"'permissionMode: {mode}' has no effect: the settings 'edits' and 'commands' decide "
        "when Inhouse asks",
        Severity.INFORMATION,
    )


def _permission(limits: Limits, path: Path, entry: ParsedEntry) -> None:
    """Read opencode's ``permission``: a word, a map of words, or a map of maps with patterns."""
    value = entry.value
    if isinstance(value.value, str):
        _rule(limits, path, "*", value.value, entry.key)
        return
    if value.fields is None:
        limits.denied.add("*")
        _tell(limits, path, entry.key, "Inhouse cannot read the permissions, so it offers no tool")
        return
    for name, inner in value.fields.items():
        words = _words(inner.value)
        if words is None:
            _rule(limits, path, name, "deny", inner.key)
            _tell(
                limits,
                path,
                inner.key,
                f"Inhouse cannot read the permission of {name!r}, so the tool is left out",
            )
        elif inner.value.fields is not None and words - {"allow"}:
            _tell(
                limits,
                path,
                inner.key,
                f"Inhouse cannot enforce the patterns for {name!r}, so the tool is left out",
            )
            _rule(limits, path, name, "deny", inner.key)
        else:
            for word in words:
                _rule(limits, path, name, word, inner.key)
    everything = value.fields.get("*")
    if everything is not None and everything.value.value == "deny":
        allowed = {
            tool
            for name, inner in value.fields.items()
            if name != "*" and inner.value.value in {"allow", "ask"}
            for tool in _tools_of(name)
        }
        limits.denied.discard("*")
        limits.only = allowed if limits.only is None else limits.only & allowed


def _words(value: Literal) -> set[str] | None:
    """Return the values of a permission's patterns; None if any is unknown."""
    inner = [each.value.value for each in value.fields.values()] if value.fields else [value.value]
    words = {word for word in inner if isinstance(word, str)}
    return words if len(words) == len(set(map(str, inner))) and words <= _KNOWN else None


_KNOWN = frozenset({"allow", "ask", "deny"})


def _rule(limits: Limits, path: Path, name: str, word: str, where: Range) -> None:
    if word == "deny":
        limits.denied |= _tools_of(name)
    elif word == "ask":
        _tell(
            limits,
            path,
            where,
            f"The settings 'edits' and 'commands' decide when Inhouse asks about {name!r}",
            Severity.INFORMATION,
        )


def _tools_of(name: str) -> set[str]:
    if name.strip().lower() in {"edit", "write", "multiedit", "patch"}:
        return {*EDITING}
    if name.strip() == "*":
        return {"*"}
    return {tool_name(name) or name.strip()}


def _tell(
    limits: Limits, path: Path, where: Range, what: str, severity: Severity = Severity.WARNING
) -> None:
    limits.problems.append(Problem(path, where, severity, "tool-limit", f"{what}."))
