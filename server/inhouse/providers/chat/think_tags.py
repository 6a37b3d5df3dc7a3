"""Separates thoughts in an answer's text while it streams, by every model's own tags."""

import re
from collections.abc import Iterator
from typing import Protocol

from attrs import define, field

TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",  # Magistral
    "<seed:think>": "</seed:think>",
    "<mm:think>": "</mm:think>",  # MiniMax
    "<longcat_think>": "</longcat_think>",
    "<|channel>thought": "<channel|>",  # Gemma 4
    "<unused94>thought": "<unused95>",  # MedGemma
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "<|thinking_start|>": "<|thinking_end|>",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",  # Kimi VL
    "[unused16]": "[unused17]",  # Pangu
    "<|think|>": "<|end|>",  # Solar Open
}
"""What opens thoughts → what closes them."""

ANSWERS = {
    "<answer>": "</answer>",  # Hunyuan
    "<response>": "</response>",  # Granite, Ernie
    "<|START_RESPONSE|>": "<|END_RESPONSE|>",  # Command A
    "<|begin|>assistant<|content|>": "<|end|>",  # Solar Open
    "[BEGIN FINAL RESPONSE]": "[END FINAL RESPONSE]",  # Apriel
}
"""What some models write around an answer that has thoughts before it."""

_HARMONY = ("<|channel|>", "<|start|>")
_LONE_CLOSE = re.compile(
    r"(?<![`\"'\w])(?:"
    # Phi and gpt-oss end every message with Solar's.
    + "|".join(re.escape(one) for one in TAGS.values() if one != "<|end|>")
    + r")(?=[ \t]*(?:\r?\n|$))|(?<=[.!?])</think(?:ing)?>(?=\s|$)"
    r"|(?<=\w)</think(?:ing)?>(?=\w)"
    r"|^(?=\[BEGIN FINAL RESPONSE\]$)",
    re.MULTILINE,
)
_STRIPPED = re.compile(
    r"\A\s*analysis(?=[A-Z\s]).{0,200000}?assistant(?:\s*commentary)?\s*final(?=[\sA-Z])", re.DOTALL
)
"""gpt-oss behind a server that drops its tokens but keeps the words between them."""

Part = tuple[bool, str]
"""Whether it is a thought, and its text."""


def end_of_lone_thoughts(text: str) -> int:
    """Return where thoughts end that nothing opened: the template had done so (Q31); 0: nowhere.

    A tag that is quoted, or in a fence, ends nothing.
    """
    if (stripped := _STRIPPED.match(text)) is not None:
        return stripped.end()
    for match in _LONE_CLOSE.finditer(text):
        before = text[: match.start()]
        opened = any(one in before for one in TAGS)
        if not opened and before.count("```") % 2 == 0:
            return match.end()
    return 0


def answer_within(text: str) -> str:
    """Return an answer that has thoughts before it without the tags around it."""
    start = text.lstrip()
    for tag, close in ANSWERS.items():
        if start.startswith(tag):
            return start.removeprefix(tag).rstrip().removesuffix(close).strip()
    return text


class _Reader(Protocol):
    def take(self, text: str) -> Iterator[Part]: ...
    def flush(self) -> Iterator[Part]: ...


@define(eq=False)
class ThinkingText:
    """Withholds text only while it may still become a tag."""

    over: bool = False
    """Whether everything from now on is text, whatever it looks like."""
    _held: str = ""
    _close: str | None = None
    _has_thought: bool = False
    _known: bool = False
    _reader: _Reader | None = None

    def told_apart(self) -> None:
        """Note that the server sends thoughts separately, so that they are not read twice."""
        self._known = True

    def take(self, text: str) -> Iterator[Part]:
        if self.over:
            yield False, text
            return
        if self._reader is not None:
            yield from self._reader.take(text)
            return
        self._held += text
        while not self.over and self._reader is None:
            before = self._close
            if before is None:
                yield from self._look_for_open()
            else:
                yield from self._look_for_close(before)
            if self._close == before:
                return

    def flush(self) -> Iterator[Part]:
        """Yield what was withheld, since the answer is over."""
        held, self._held = self._held, ""
        self.over = True
        if self._reader is not None:
            yield from self._reader.flush()
        if held and not (self._close is not None and self._known):
            yield self._close is not None, held

    def _look_for_open(self) -> Iterator[Part]:
        start = self._held.lstrip()
        for tag, close in TAGS.items():
            if start.startswith(tag):
                self._close = close
                self._held = start[len(tag) :]
                return
        for tag, close in ANSWERS.items() if self._has_thought else ():
            if start.startswith(tag):
                self._reader, self._held = _Within(close), ""
                yield from self._reader.take(start[len(tag) :].lstrip())
                return
        if start.startswith(_HARMONY):
            self._reader, self._held = Harmony(), ""
            yield from self._reader.take(start)
        elif not any(tag.startswith(start) for tag in (*TAGS, *_HARMONY, *ANSWERS)):
            yield from self.flush()

    def _look_for_close(self, close: str) -> Iterator[Part]:
        thought, found, text = self._held.partition(close)
        if not found:
            keep = _overlap(thought, close)
            thought, self._held = thought[: len(thought) - keep], thought[len(thought) - keep :]
        if thought and not self._known:
            yield True, thought
        if found:  # There may be more of them, or a tag around the answer.
            self._close, self._has_thought, self._held = None, True, text


@define(eq=False)
class _Within:
    """An answer with a tag of its own around it."""

    _close: str
    _held: str = ""

    def take(self, text: str) -> Iterator[Part]:
        self._held += text
        said = self._held.rstrip()
        overlap = len(self._close) if said.endswith(self._close) else _overlap(said, self._close)
        keep = len(said) - overlap if overlap else len(self._held)
        if keep:
            yield False, self._held[:keep]
            self._held = self._held[keep:]

    def flush(self) -> Iterator[Part]:
        held, self._held = self._held.rstrip().removesuffix(self._close), ""
        if held:
            yield False, held


@define(eq=False)
class Harmony:
    """gpt-oss's channels: ``analysis`` is thought, ``final`` is said, a call stays as it stands.

    ``<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…``
    """

    _held: str = ""
    _header: list[str] | None = field(factory=list[str])
    """The text before ``<|message|>``; None inside a message."""
    _thought: bool = False

    def take(self, text: str) -> Iterator[Part]:
        self._held += text
        while (found := _TOKEN.search(self._held)) is not None:
            yield from self._say(self._held[: found.start()])
            mark, self._held = found[0], self._held[found.end() :]
            yield from self._token(mark)
        keep = self._held.rfind("<|")
        if keep < 0 or len(self._held) - keep > LONGEST_TOKEN:
            keep = len(self._held) - self._held.endswith("<")
        yield from self._say(self._held[:keep])
        self._held = self._held[keep:]

    def flush(self) -> Iterator[Part]:
        held, self._held = self._held, ""
        yield from self._say(held)
        if self._header:
            yield False, "".join(self._header)

    def _say(self, text: str) -> Iterator[Part]:
        if not text:
            return
        if self._header is None:
            yield self._thought, text
        else:
            self._header.append(text)

    def _token(self, mark: str) -> Iterator[Part]:
        if mark == "<|message|>":
            header = "".join(self._header or ())
            self._header, self._thought = None, "analysis" in header and "to=" not in header
            if "to=" in header:  # a call that the server left in the text is read later
                yield False, f"{header}{mark}"
        elif mark in ("<|start|>", "<|channel|>", "<|constrain|>"):
            if self._header is None or mark == "<|start|>":
                self._header = []
            self._header.append(mark)
        elif self._header is None and mark == "<|call|>":
            yield False, mark
            self._header = []
        elif mark in ("<|end|>", "<|return|>", "<|call|>"):
            self._header = []


LONGEST_TOKEN = 24
_TOKEN = re.compile(r"<\|(?:start|end|message|channel|constrain|return|call)\|>")


def _overlap(text: str, tag: str) -> int:
    """Return how much of the text's end may be the beginning of the tag."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0
