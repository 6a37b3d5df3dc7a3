"""Which names a module takes from a package that is not there."""

import re

_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def stub_names(code: str, specifier: str) -> tuple[str, ...]:
    """Find them in code without types; a module must export what others import from it."""
    quoted = rf"[\"']{re.escape(specifier)}[\"']"
    names: set[str] = set()
    for clause in re.findall(rf"\b(?:import|export)\b([^;\"'()]*?)\bfrom\s*{quoted}", code):
        names.update(_names(clause, code))
    return tuple(sorted(names - {"default"}))


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
