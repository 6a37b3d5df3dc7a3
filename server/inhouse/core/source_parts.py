"""What a source text defines at its outer level, judged by its lines, in any language.

There is no parser: it is used where a wrong guess costs little (an overview of the project) or is
noticed (an excerpt goes into its file only if every part of it is complete).
"""

import re
from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

_KEYWORDS = r"""
    (?:(?:export|default|public|private|protected|internal|static|abstract|final|open|sealed|
        async|pub(?:\([a-z]+\))?|unsafe|extern|override|virtual|inline|data|declare)\s+)*
    (?:def|class|function\*?|func|fun|fn|interface|type|enum|struct|trait|impl|module|namespace|
       record|object|protocol|sub|proc|macro|const|let|var|val)\s+
    (?:\([^)]*\)\s*)?
    ([A-Za-z_$][\w$]*)"""
_DEFINITION = re.compile(rf"^[ ]{{0,4}}{_KEYWORDS}", re.VERBOSE | re.MULTILINE)
_LOCAL = re.compile(r"^[ ]+(?:const|let|var|val)\s")
_OUTER = re.compile(_KEYWORDS, re.VERBOSE)
_VALUE = re.compile(r"([A-Za-z_]\w*)\s*(?::[^=\n]+)?=(?![=>])")
_VALUE_WORD = re.compile(r"(?:export\s+)?(?:const|let|var|val)\b(?!.*(?:=>|\bfunction\b))")
_IMPORT = re.compile(
    r"(?:import|from|use|using|require|#\s*include|package)\b|(?:const|let|var)\b.*\brequire\("
)
_LEAD = re.compile(r"@|#|//|/\*|\*|--")
_GOES_ON = re.compile(
    r"[)\]{}>\"'`]|(?:else|elif|except|finally|catch|end|then|do|and|or|where)\b|[.|&+:,?]"
)
_WORD = re.compile(r"\w+")
_COMMENT = re.compile(r"(?:(?:#(?!\[)|//)[^\n]*\n)+(?=[^\s#/@])")
_STRINGS = re.compile(r'''"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|/\*[\s\S]*?\*/''')
_OPENS = re.compile(r"[:{]\s*(?:pass|\.\.\.|\})?\s*(?:#.*|//.*)?$")
_NO_CODE = re.compile(r"""(?:#|//|\*|(?:pass|\.\.\.)\s*(?:#.*)?$|[)\]}>;,]+$|(["'])[^"']*\1$)""")
_RUN = re.compile(r"if\s+__name__\b")
_METHOD = re.compile(r"(?:[\w<>\[\]]++[ \t]++)*?(?P<name>[A-Za-z_$][\w$]*+)[ ]?\(")
"""A method without a keyword, if a brace ends its line."""
_CLOSES = re.compile(r"return\b|\?>|</|#\s*endif\b")
"""A last line at the margin below which nothing may stand."""
_MOST_NAMES = 20


@frozen
class Part:
    """A piece of a text, from one line at the left margin to the next."""

    text: str
    """With the comments and decorators above it and the empty lines below it."""
    name: str = ""
    """What it defines; empty if it defines nothing."""
    is_import: bool = False
    is_value: bool = False
    """It names a value, not a function, class or type."""

    @property
    def body(self) -> str:
        return self.text.strip()


def defined_names(text: str) -> tuple[str, ...]:
    """Return the names that a source text defines at its outer levels, in order."""
    found: dict[str, None] = {}
    for match in _DEFINITION.finditer(text):
        if not _LOCAL.match(match.group()):
            found[match[1]] = None
        if len(found) >= _MOST_NAMES:
            break
    return tuple(found)


def source_parts(text: str) -> list[Part]:
    """Cut a text at each line on the left margin; joined, the parts are the text."""
    return [_part(lines) for lines in _pieces(text.splitlines(keepends=True))]


def lost_names(old: str, new: str, *, values: bool = False) -> tuple[str, ...]:
    """Return what *old* defines at its outer level and *new* does not, in order.

    With *values*, constants count too, not only functions, classes and types.
    """
    kept = {part.name for part in source_parts(new)}
    gone = [one for one in source_parts(old) if one.name and one.name not in kept]
    return tuple(dict.fromkeys(one.name for one in gone if values or not one.is_value))


def same_names(old: str, new: str) -> bool:
    """Return whether both define the same names at their outer level, in any order, and some."""
    names = {part.name for part in source_parts(old) if part.name}
    return bool(names) and names == {part.name for part in source_parts(new) if part.name}


def names_inside(old: str, text: str) -> tuple[str, ...]:
    """Return the functions and types of *old* that *text* defines inside of others, in order.

    They are methods of a class there, or functions of a namespace.
    """
    inside = {
        _inner_name(line.strip())
        for part in source_parts(text)
        if part.name
        for line in part.text.splitlines()
        if line[:1].isspace()
    }
    return tuple(part.name for part in source_parts(old) if part.name and part.name in inside)


def _inner_name(line: str) -> str:
    """Return what a line without its margin defines; empty if nothing."""
    if match := _OUTER.match(line):
        return match[1]
    match = _METHOD.match(line) if line.endswith("{") else None
    return match["name"] if match else ""


def same_parts(old: str, new: str) -> tuple[str, ...]:
    """Return what *new* defines exactly as *old* does."""
    known = {part.body for part in source_parts(old)}
    return tuple(part.name for part in source_parts(new) if part.name and part.body in known)


def emptied_names(old: str, new: str) -> tuple[str, ...]:
    """Return the definitions whose code is gone while their head stays, in the order of *old*.

    Comments, documentation and placeholders (``pass``, ``...``) are no code.
    """
    left = {part.name: part for part in source_parts(new) if part.name}
    return tuple(
        part.name
        for part in source_parts(old)
        if part.name in left and _code(part.text) and _code(left[part.name].text) == []
    )


def with_kept(old: str, new: str, names: Collection[str]) -> str:
    """Return *new* with the definitions of these names as *old* has them."""
    there = {part.name: part for part in source_parts(old) if part.name in names}
    parts = source_parts(new)
    return "".join(
        _in_place(part, there[part.name].text) if part.name in there else part.text
        for part in parts
    )


def with_excerpt(old: str, excerpt: str) -> str | None:
    """Put changed definitions, written without the rest of their file, in their places.

    Returns None if the text is not such an excerpt.  It must consist of whole definitions that
    *old* has, at least one must differ, and *old* must have more; new imports may come with them.
    """
    there, given = source_parts(old), source_parts(excerpt)
    known = {part.body for part in there}
    named = {part.name: part for part in given if part.name}
    names = [part.name for part in there if part.name]
    others = [part for part in given if not part.name and not part.is_import]
    if (
        not named
        or len(named) != sum(bool(part.name) for part in given)
        or len(names) != len(set(names))
        or any(part.body and part.body not in known for part in others)
        or all(part.body in known for part in named.values())
        or not (set(named) < set(names) or (set(named) == set(names) and _misses(there, given)))
    ):
        return None
    replaced = [part for part in there if part.name in named]
    if not all(_is_whole(part.text) for part in (*replaced, *named.values())):
        return None
    parts = [
        _in_place(part, _led(part, named[part.name])) if part.name in named else part.text
        for part in there
    ]
    return _with_imports(old, parts, given)


def with_additions(old: str, text: str) -> str | None:
    """Put new definitions, written without the rest of their file, below those that are there.

    Returns None if the text is anything else than whole functions, classes or types that *old*
    does not have; new imports may come with them.
    """
    there, given = source_parts(old), [part for part in source_parts(text) if part.body]
    names = {part.name for part in there if part.name}
    added = [part for part in given if not part.is_import]
    if not added or not all(
        part.name and part.name not in names and not part.is_value and _is_whole(part.text)
        for part in added
    ):
        return None
    gap = "\n\n" if "{" in text else "\n\n\n"
    new = gap.join(part.body for part in added)
    if not there:
        return f"{text.strip()}\n"
    end = next((at for at, part in enumerate(there) if _runs(part)), len(there))
    if _CLOSES.match(old.rstrip().rpartition("\n")[2]):
        return None
    parts = [part.text for part in there]
    if end == 0:
        parts[0] = f"{new}{gap}{parts[0]}"
    else:
        below = gap if end < len(there) else "\n"
        parts[end - 1] = f"{parts[end - 1].rstrip()}{gap}"
        parts.insert(end, f"{new}{below}")
    return _with_imports(old, parts, given)


def _runs(part: Part) -> bool:
    """Return whether a part is what a Python file does when it is run, with its comment."""
    lines = part.body.splitlines()
    first = next((line for line in lines if not _LEAD.match(line)), "")
    return _RUN.match(first) is not None


def _with_imports(old: str, parts: list[str], given: Sequence[Part]) -> str | None:
    """Join the new parts of a file, with the imports of *given* that it lacks.

    Returns None if there is no safe place for them.
    """
    there = source_parts(old)
    known = {part.body for part in there}
    imports = [part.body for part in given if part.is_import and part.body not in known]
    if imports:
        if old.startswith("#!"):
            return None
        added = "\n".join(imports)
        at = next((n for n, part in enumerate(there) if part.is_import), None)
        if at is not None:
            parts[at] = _in_place(Part(parts[at]), f"{parts[at].rstrip()}\n{added}")
        else:
            parts.insert(0 if there[0].name else 1, f"{added}\n\n\n")
    return "".join(parts)


def _code(text: str) -> list[str] | None:
    """Return the lines of a definition's body that do something; None if it has no body."""
    lines = _STRINGS.sub("", text).splitlines()
    opens = next((at for at, line in enumerate(lines) if _OPENS.search(line)), None)
    if opens is None:
        return None
    stripped = (line.strip() for line in lines[opens + 1 :])
    return [line for line in stripped if line and not _NO_CODE.match(line)]


def _misses(old: Sequence[Part], new: Sequence[Part]) -> bool:
    """Return whether a text without imports still uses what its file imports."""
    used = set(_WORD.findall("".join(part.text for part in new)))
    imported = [_WORD.findall(part.body) for part in old if part.is_import]
    return not any(part.is_import for part in new) and any(
        words and used & set(words[1:]) for words in imported
    )


def _led(old: Part, new: Part) -> str:
    """Keep the comment that was above, if the new text has none."""
    match, text = _COMMENT.match(old.text), new.text.lstrip("\r\n")
    return text if match is None or _LEAD.match(text) else match[0] + text


def _in_place(old: Part, new: str) -> str:
    """Keep the empty lines that were below."""
    return new.rstrip() + (old.text[len(old.text.rstrip()) :] or "\n")


def _is_whole(text: str) -> bool:
    """Return whether a part's brackets balance, so that it was not cut in the middle."""
    return all(text.count(one) == text.count(other) for one, other in ("()", "[]", "{}"))


def _pieces(lines: Sequence[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    leads = True
    for line in lines:
        starts = line.strip() and not line[0].isspace() and not _GOES_ON.match(line)
        if starts and piece and not leads:
            yield piece
            piece, leads = [], True
        piece.append(line)
        if line.strip():
            leads = leads and bool(starts and _LEAD.match(line))
    if piece:
        yield piece


def _part(lines: list[str]) -> Part:
    first = next((line for line in lines if line.strip() and not _LEAD.match(line)), "")
    text = "".join(lines)
    if _IMPORT.match(first) or (not first and re.match(r"\s*#\s*include\b", text)):
        return Part(text, is_import=True)
    if first[:1].isspace():
        return Part(text)
    if match := _OUTER.match(first):
        return Part(text, match[1], is_value=_VALUE_WORD.match(first) is not None)
    match = _VALUE.match(first)
    return Part(text, match[1] if match else "", is_value=match is not None)
