"""What a failed command may have lacked: programs on the PATH, environment variables."""

import os
import re
from collections.abc import Mapping

_NOT_FOUND = (
    re.compile(r"(?:^|[:\s])(?P<name>[\w.+-]{1,60}): (?:command )?not found", re.MULTILINE),
    re.compile(r"['\"](?P<name>[\w.+-]{1,60})['\"] is not recognized as an internal or external"),
    re.compile(r"(?:env|execvp\S*): \W?(?P<name>[\w.+-]{1,60})\W?: No such file"),
)
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9_]{2,60}\b")
_MOST = 3


def explanation(
    output: str, *, inherited: Mapping[str, str], environment: Mapping[str, str], offline: bool
) -> str:
    """Say what was missing, if it can be the cause; *inherited* are the command's variables."""
    told = [_programs(output), _variables(output, inherited, environment)]
    if offline and "Address family not supported" in output:
        told.append("It ran without Unix sockets, since privacy is local-only.")
    return "  ".join(each for each in told if each)


def _programs(output: str) -> str:
    names = [found["name"] for pattern in _NOT_FOUND for found in pattern.finditer(output)]
    if not names:
        return ""
    named = ", ".join(repr(each) for each in dict.fromkeys(names[:_MOST]))
    where = "" if os.name == "nt" else "  An editor that a desktop started has not the PATH of a "
    more = f"{where}login shell: start it from a terminal." if where else ""
    return f"Not on the PATH that Inhouse was started with: {named}.{more}"


def _variables(output: str, inherited: Mapping[str, str], environment: Mapping[str, str]) -> str:
    named = dict.fromkeys(_VARIABLE.findall(output))
    withheld = [each for each in named if each in environment and each not in inherited][:_MOST]
    if not withheld:
        return ""
    setting = ", ".join(f'"{each}"' for each in withheld)
    return (
        f"Commands do not get {', '.join(withheld)}, though Inhouse has it; the user's own setting "
        f"allowedEnvironment = [{setting}] hands it on."
    )
