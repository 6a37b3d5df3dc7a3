"""Call arguments that are not JSON: Python calls, Gemma's notation, tokens between tags."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from inhouse.core.json_values import fields

LONGEST_PYTHON = 64 * 1024
_NOISE = re.compile(r"\]<\][\w-]{1,24}\[>\[")
_DEEPEST = 32


def without_noise(text: str) -> str:
    """Blank the token that MiniMax puts before each tag, without moving anything."""
    if "]<]" not in text:
        return text
    return _NOISE.sub(lambda found: " " * len(found[0]), text)


def pythonic(body: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read ``name(key=value)``, or a list of such (Llama 4, LFM2, Olmo): literals only."""
    body = body.strip()
    body = _END_TOKENS.sub("", body)
    if len(body) > LONGEST_PYTHON or not re.match(r"\[?\s*[A-Za-z_][\w.]*\(", body):
        return
    for source in (body, "[" + ",".join(body.splitlines()) + "]"):
        try:
            tree = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        calls = tree.elts if isinstance(tree, ast.List) else [tree]
        read = [_python_call(call) for call in calls]
        if None not in read:  # else it is a script, of which no part is run
            yield from filter(None, read)
        return


def python_at(text: str, start: int) -> str:
    """Return the Python that begins here, to the end of its brackets; empty if they do not end."""
    depth, at = 0, start
    stop = start + LONGEST_PYTHON
    while (sign := _SIGN.search(text, at, stop)) is not None:
        at = sign.end()
        if sign[0] in "([{":
            depth += 1
        elif sign[0] in ")]}":
            depth -= 1
            if depth <= 0:
                return text[start:at]
    return ""


_SIGN = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()\[\]{}]""", re.DOTALL
)
_END_TOKENS = re.compile(r"(?:\s*<[|\uff5c][^<>]{1,40}[|\uff5c]>)+\s*$")


def _python_call(node: ast.expr) -> tuple[str, dict[str, Any]] | None:
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    if name == "print" and len(node.args) == 1 and not node.keywords:  # Gemma
        return _python_call(node.args[0])
    try:
        values = [_literal(one) for one in node.args]
        given = {one.arg: _literal(one.value) for one in node.keywords if one.arg}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    if values:  # NAME({…}), or nothing that says which value is which
        alone = len(values) == 1 and isinstance(values[0], dict) and not given
        return (name.removesuffix(".call"), fields(values[0])) if alone else None
    return name.removesuffix(".call"), given  # Llama 3 calls its own tools so


def _literal(node: ast.expr) -> Any:
    """Read a literal of Python, or of JSON within it."""
    return ast.literal_eval(_JsonWords().visit(node))


class _JsonWords(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        word = _bare(node.id)
        return node if isinstance(word, str) else ast.Constant(word)


def gemma_value(text: str, start: int) -> tuple[Any, int]:
    """Read ``{key:<|"|>text<|"|>,other:[1]}`` from *start*; None if it is none, and its end."""
    try:
        return _Gemma(text, start).value(0)
    except (ValueError, IndexError):
        return None, start


class _Gemma:
    """Gemma 4 and FunctionGemma: keys are bare, texts stand between tokens."""

    _QUOTES = ('<|"|>', "<escape>", '"', "'")
    _BARE = re.compile(r"[^,\[\]{}:]+")

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def value(self, depth: int) -> tuple[Any, int]:
        return self._value(depth), self.at

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError
        self._blanks()
        for quote in self._QUOTES:
            if self.text.startswith(quote, self.at):
                return self._quoted(quote)
        if self.text[self.at] == "{":
            return self._object(depth)
        if self.text[self.at] == "[":
            return self._list(depth)
        return _bare(self._plain())

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while not self._takes("}"):
            quote = next((q for q in self._QUOTES if self.text.startswith(q, self.at)), None)
            key = self._quoted(quote) if quote else self._plain()
            if not self._takes(":"):
                raise ValueError
            found[key] = self._value(depth + 1)
            self._takes(",")
        return found

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while not self._takes("]"):
            found.append(self._value(depth + 1))
            self._takes(",")
        return found

    def _quoted(self, quote: str) -> str:
        start = self.at + len(quote)
        end = self.text.index(quote, start)
        self.at = end + len(quote)
        return self.text[start:end]

    def _plain(self) -> str:
        match = self._BARE.match(self.text, self.at)
        if match is None:
            raise ValueError
        self.at = match.end()
        return match[0].strip()

    def _takes(self, sign: str) -> bool:
        self._blanks()
        if self.text[self.at] != sign:
            return False
        self.at += 1
        self._blanks()
        return True

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
            self.at += 1


def _bare(word: str) -> Any:
    match word:
        case "true" | "false":
            return word == "true"
        case "null" | "None":
            return None
        case _ if re.fullmatch(r"-?\d{1,18}", word):
            return int(word)
        case _ if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", word):
            return float(word)
        case _:
            return word
