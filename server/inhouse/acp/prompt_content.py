"""A prompt's content blocks as an agent's input: text, files by name, embedded text.

Source: https://agentclientprotocol.com/protocol/content.
"""

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from attrs import frozen

from inhouse.core.messages import Image
from inhouse.core.protected_files import rule
from inhouse.host.named_context import named

_OPENS = ("", " ", "\n", "\t", "(", "[", '"', "'", "`")
_CLOSES = ("", " ", "\n", "\t", ".", ",", ";", ":", "!", "?", ")", "]", '"', "'", "`")
_LINES = re.compile(r"L(?P<first>\d{1,9})(?:[:-]L?(?P<last>\d{1,9}))?")


@frozen
class PromptContent:
    """What the user sent."""

    text: str
    images: tuple[Image, ...] = ()
    left_out: tuple[str, ...] = ()
    """What no agent can accept, in words."""


def read_prompt(blocks: Iterable[Any], root: Path) -> PromptContent:
    """Read the SDK's content blocks.  Never raises."""
    texts: list[str] = []
    links: set[int] = set()
    """The parts that are names, which are set apart from the text around them."""
    attached: list[str] = []
    images: list[Image] = []
    left_out: list[str] = []
    for block in blocks:
        match block.type:
            case "text":
                texts.append(block.text)
            case "resource_link":
                links.add(len(texts))
                texts.append(_mention(block.uri, root))
            case "resource":
                name = _name(block.resource.uri, root)
                text = getattr(block.resource, "text", None)
                if (found := _protected(block.resource.uri, root)) is not None:
                    left_out.append(f"{name}: it matches {found}, which no agent may read")
                elif text is not None:
                    attached.append(_fenced(name, text))
                else:
                    left_out.append(f"{name} (not text)")
            case "image":
                image = Image(block.data, block.mime_type)
                if (problem := image.problem()) is None:
                    images.append(image)
                else:
                    left_out.append(f"a picture: {problem}")
            case other:
                left_out.append(f"content of type {other!r}")
    text = _joined(texts, links).strip()
    return PromptContent("\n\n".join([text, *attached]).strip(), tuple(images), tuple(left_out))


def _joined(texts: list[str], links: set[int]) -> str:
    whole = ""
    for number, text in enumerate(texts):
        touches = number in links or number - 1 in links
        if touches and whole[-1:] not in _OPENS and text[:1] not in _CLOSES:
            whole += " "
        whole += text
    return whole


def split_command(text: str, names: Iterable[str]) -> tuple[str | None, str]:
    """Split ``/NAME rest``; the name is None if no such command was offered."""
    if not text.startswith("/"):
        return None, text
    name, *rest = text[1:].split(maxsplit=1) or [""]
    return (name, "".join(rest)) if name in set(names) else (None, text)


def with_skill(prompt: str, name: str, content: str) -> str:
    """Append a skill that the user named to the prompt."""
    return f"{prompt}\n\nFollow this skill:\n\n{_fenced(name, content)}".strip()


def _mention(uri: str, root: Path) -> str:
    """Name a file as prompts do, with the lines of ``#L10:20``; anything else by its URI."""
    path = _path(uri)
    if path is None:
        return uri
    name = _shown(path, root)
    lines = _LINES.fullmatch(uri.rpartition("#")[2])
    if lines is not None:
        name = f"{name}:{lines['first']}-{lines['last'] or lines['first']}"
    return f"@{named(name)}"


def _name(uri: str, root: Path) -> str:
    path = _path(uri)
    return uri if path is None else _shown(path, root)


def _protected(uri: str, root: Path) -> str | None:
    """Return the rule that keeps a file from agents, whoever hands over its text."""
    path = _path(uri)
    if path is None:
        return None
    with contextlib.suppress(OSError, ValueError):
        true = Path(os.path.realpath(path))
        return rule(_shown(path, root)) or rule(_shown(true, Path(os.path.realpath(root))))
    return rule(_shown(path, root))


def _path(uri: str) -> Path | None:
    """Return the file that a URI names; None if it names none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file":
        return None
    return Path(url2pathname(unquote(parts.path)))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _fenced(name: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{name}\n{fence}\n{text}\n{fence}"
