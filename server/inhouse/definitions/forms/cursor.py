"""Finds a cursor's place in YAML, TOML or front matter by the lines above it."""

import re
from pathlib import Path

from inhouse.definitions.forms.front_matter import front_matter
from inhouse.definitions.readers.cursor_place import CursorWord, Role, Whereabouts, whereabouts
from inhouse.definitions.readers.source_ranges import JsonPath, Lines

_YAML_LINE = re.compile(r"(?P<indent>[ \t]*)(?P<dashes>(?:- +)*)(?P<rest>.*)")
_YAML_KEY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s:#"'\[\]{},][^:#\[\]{},]*?)\s*:(?:\s|$)""")
_TOML_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_TOML_PART = re.compile(_PART)
_TOML_KEY = re.compile(rf"\s*(?P<key>{_PART}(?:\s*\.\s*{_PART})*)\s*=")
_WORD = re.compile(r"[\w./@:*-]*$")
_REST = re.compile(r"[\w./@:*-]*")


def plain_place(path: Path, lines: Lines, offset: int) -> Whereabouts | None:
    suffix = path.suffix.lower()
    if suffix == ".toml":
        return _toml_place(lines, offset)
    if suffix == ".md":
        front = front_matter(lines.text)
        if front is None:
            return None
        if offset >= front.body_start:
            inner: JsonPath = ("instructionsPrompt",)
            return whereabouts(Role.VALUE, inner, inner, _word(lines, offset, offset), lines)
        if lines.position(offset).line == 0:
            return None
    return _yaml_place(lines, offset)


def _yaml_place(lines: Lines, offset: int) -> Whereabouts:
    number = lines.position(offset).line
    start = lines.start(number)
    text = _line(lines, number)
    match = _YAML_LINE.match(text)
    column = offset - start
    indent = len(match["indent"]) if match is not None else column
    dashes = match["dashes"] if match is not None else ""
    parents = _yaml_parents(lines, number, indent, in_list=bool(dashes))
    rest_start = indent + len(dashes)
    key = _YAML_KEY.match(text, rest_start)
    above: JsonPath = (*parents, 0) if dashes else parents
    if key is not None and column >= key.end():
        inner: JsonPath = (*above, key["key"].strip("\"'"))
        if "[" in text[key.end() : column]:
            inner = (*inner, text[key.end() : column].count(","))
        return whereabouts(Role.VALUE, inner, inner, _word(lines, offset, start + key.end()), lines)
    word = _word(lines, offset, start + rest_start)
    if dashes and key is None:
        return whereabouts(Role.VALUE, above, above, word, lines)
    if key is not None and column >= rest_start:
        name = key["key"].strip("\"'")
        word = CursorWord(name, start + rest_start, name[: column - rest_start])
    return whereabouts(Role.KEY, above, (*above, word.text), word, lines)


def _yaml_parents(lines: Lines, number: int, indent: int, *, in_list: bool) -> JsonPath:
    """Return the less indented keys above a line."""
    path: list[str] = []
    limit = indent + 1 if in_list else indent
    for above in range(number - 1, -1, -1):
        text = _line(lines, above)
        match = _YAML_LINE.match(text)
        if match is None or not match["rest"].strip() or text.startswith("---"):
            continue
        column = len(match["indent"]) + len(match["dashes"])
        key = _YAML_KEY.match(match["rest"])
        if key is not None and column < limit:
            path.append(key["key"].strip("\"'"))
            limit = column
        if limit <= 0:
            break
    return tuple(reversed(path))


def _toml_place(lines: Lines, offset: int) -> Whereabouts | None:
    number = lines.position(offset).line
    start, text = lines.start(number), _line(lines, number)
    column = offset - start
    if text.lstrip().startswith("[") and _TOML_KEY.match(text) is None:
        open_key = _open_list(lines, number)
        if open_key is None:
            return None
    table = _toml_table(lines, number)
    key = _TOML_KEY.match(text)
    if key is not None and column >= key.end():
        inner: JsonPath = (*table, *_dotted(key["key"]))
        if "[" in text[key.end() : column]:
            inner = (*inner, text[key.end() : column].count(","))
        word = _word(lines, offset, start + key.end())
        return whereabouts(Role.VALUE, inner, inner, word, lines)
    open_list = _open_list(lines, number)
    if open_list is not None:
        inner = (*table, *_dotted(open_list), 0)
        return whereabouts(Role.VALUE, inner, inner, _word(lines, offset, start), lines)
    word = _word(lines, offset, start)
    return whereabouts(Role.KEY, table, (*table, word.text), word, lines)


def _toml_table(lines: Lines, number: int) -> JsonPath:
    for above in range(number - 1, -1, -1):
        match = _TOML_TABLE.match(_line(lines, above))
        if match is not None and _open_list(lines, above) is None:
            return _dotted(match[1])
    return ()


def _open_list(lines: Lines, number: int) -> str | None:
    """Return the key of the multi-line list that a line is part of."""
    depth = 0
    for above in range(number - 1, max(-1, number - 200), -1):
        text = re.sub(r'"[^"]*"|\'[^\']*\'', "", _line(lines, above))
        depth += text.count("[") - text.count("]")
        key = _TOML_KEY.match(_line(lines, above))
        if key is not None:
            return key["key"] if depth > 0 else None
        if not text.strip():
            continue
    return None


def _dotted(key: str) -> JsonPath:
    return tuple(part.strip("\"'") for part in _TOML_PART.findall(key))


def _word(lines: Lines, offset: int, earliest: int) -> CursorWord:
    before = _WORD.search(lines.text, earliest, offset) if earliest <= offset else None
    typed = before[0] if before is not None else ""
    rest = _REST.match(lines.text, offset)
    start = offset - len(typed)
    quoted = start > 0 and lines.text[start - 1] in "\"'"
    return CursorWord(typed + (rest[0] if rest is not None else ""), start, typed, quoted)


def _line(lines: Lines, number: int) -> str:
    start = lines.start(number)
    end = lines.start(number + 1) if number + 1 < lines.count else len(lines.text)
    return lines.text[start:end].rstrip("\r\n")
