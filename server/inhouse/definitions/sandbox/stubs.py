"""Stubs for a missing package or Node module."""

import re
from collections.abc import Mapping

ABSENT = "definitions are evaluated without files, network or environment"
TEXT = "To take a text from a file, import it: import prompt from './prompt.md'"
_SYSTEM = "{CODEBUFF_SYSTEM_INFO_PROMPT} in a prompt tells the agent about the system"
_COMMAND = "Let the agent, or its handleSteps, call run_terminal_command"
_REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(("fs", "url", "bun"), TEXT),
    "os": _SYSTEM,
    "child_process": _COMMAND,
}

_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def builtin_reason(specifier: str) -> str:
    """Say why a Node module cannot be used, and what to use instead."""
    name = specifier.rpartition(":")[2].partition("/")[0]
    remedy = _REMEDIES.get(name)
    return f"{specifier!r} cannot be used: {ABSENT}" + (f".  {remedy}" if remedy else "")


def global_reason(name: str) -> str:
    """Say why a global that other programs provide is missing."""
    if name in ("Bun", "Deno", "__dirname", "__filename", "require"):
        return f" ({ABSENT}.  {TEXT})"
    return f" ({ABSENT})"


def imported_names(code: str, specifier: str) -> set[str]:
    """Find what code without types imports, or re-exports, from a specifier."""
    quoted = rf"[\"']{re.escape(specifier)}[\"']"
    names: set[str] = set()
    for clause in re.findall(rf"\b(?:import|export)\b([^;\"'()]*?)\bfrom\s*{quoted}", code):
        names.update(_names(clause, code))
        if _NAME.match(clause.strip()):
            names.add("default")
    return names


def _names(clause: str, code: str) -> set[str]:
    inside = re.search(r"\{(.*)\}", clause, re.DOTALL)
    names: set[str] = set()
    if inside:
        for part in inside[1].split(","):
            found = _NAME.match(part.strip())
            if found:
                names.add(found[0])
    for space in re.findall(r"\*\s*as\s+([A-Za-z_$][\w$]*)", clause):
        names.update(re.findall(rf"\b{re.escape(space)}\.([A-Za-z_$][\w$]*)", code))
    return names
