"""``read_url``: a web page as text, through the network room."""

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from inhouse import processes
from inhouse.core.errors import InhouseError, ToolError
from inhouse.core.json_values import Json
from inhouse.core.ports import Arguments
from inhouse.core.route import Privacy

from .context import Fetched, ToolContext
from .own_tool import RunTool

CHARACTERS = 20_000
_SECONDS = 20.0
_SPACES = re.compile(rb"[ \t\f\v\r]{40,}")
_LEAST, _MOST = 1_000, 50_000
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript")
_PAGES = ("text/html", "application/xhtml")
# Elements that are not text for a reader.
_NOISE = ("script", "style", "noscript", "template", "svg", "iframe", "nav", "footer", "form")


async def _read_url(context: ToolContext, _: str, arguments: Arguments) -> object:
    url: str = arguments["url"]
    most = min(max(int(arguments.get("max_chars") or CHARACTERS), _LEAST), _MOST)
    try:
        page = await _fetch(context, url)
        return {"url": url, **await _readable_apart(page, most)}
    except InhouseError as error:
        return {"url": url, "errorMessage": str(error)}


TOOLS: Mapping[str, RunTool] = {"read_url": _read_url}


async def _fetch(context: ToolContext, url: str) -> Fetched:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ToolError(f"{url!r} is not an address: {error}.", code="url") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ToolError(f"{url!r} is not an http:// or https:// address.", code="url")
    if parts.username or parts.password:
        raise ToolError("An address with a user name or password in it is refused.", code="url")
    if context.privacy is Privacy.LOCAL_ONLY:
        raise ToolError(
            "Pages of the web are not read here: privacy is local-only.  Go on without it.",
            code="refused",
        )
    if context.fetch is None:
        raise ToolError("Pages of the web cannot be read here.  Go on without it.", code="refused")
    return await context.fetch(url)


async def _readable_apart(page: Fetched, most: int) -> Json:
    """Read an HTML page in a process with limits, since its author may be hostile."""
    if not page.content_type.lower().startswith(_PAGES):
        return readable(page, most)
    head = {
        "status": page.status,
        "final_url": page.final_url,
        "content_type": page.content_type,
        "truncated": page.truncated,
        "most": most,
    }
    given = json.dumps(head).encode() + b"\n" + page.body
    try:
        done = await processes.run(
            processes.python("inhouse.tools.read_page"), seconds=_SECONDS, given=given
        )
        if done.code == 0:
            return json.loads(done.out)
    except (OSError, TimeoutError, ValueError):
        pass
    raise ToolError(
        f"The page {page.final_url} cannot be turned into text within {_SECONDS:g} s and 1 GB.  "
        "Go on without it.",
        code="url",
    )


def readable(page: Fetched, most: int) -> Json:
    """Return the part of Codebuff's result that comes from the page."""
    kind = page.content_type.lower()
    result: Json = {
        "finalUrl": page.final_url,
        "status": page.status,
        "contentType": page.content_type,
    }
    if kind.startswith(_PAGES):
        title, description, text = _page(page.body, _charset(kind))
        result |= {"title": title} if title else {}
        result |= {"description": description} if description else {}
    elif not kind or kind.startswith(_TEXTS) or "+json" in kind or "+xml" in kind:
        text = page.body.decode(_charset(kind) or "utf-8", errors="replace")
    else:
        raise ToolError(
            f"{page.final_url} is {page.content_type}, which cannot be shown as text.", code="url"
        )
    return {**result, "text": text[:most], "truncated": page.truncated or len(text) > most}


def _page(body: bytes, charset: str | None) -> tuple[str, str, str]:
    """Return title, description and text of an HTML page."""
    from bs4 import BeautifulSoup  # noqa: PLC0415  slow, and only for pages
    from markdownify import MarkdownConverter  # noqa: PLC0415

    body = _SPACES.sub(b"  ", body)  # Converters take quadratic time.
    soup = BeautifulSoup(body, "html.parser", from_encoding=charset)
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    meta = soup.find("meta", attrs={"name": "description"})
    description = str(meta.get("content") or "").strip() if meta else ""
    for element in soup(list(_NOISE)):
        element.decompose()
    main = soup.find("main") or soup.find("article") or soup.body or soup
    converter = cast("Any", MarkdownConverter)(heading_style="ATX", strip=["img"])
    lines = (line.rstrip() for line in str(converter.convert_soup(main)).splitlines())
    return title, description, _without_gaps("\n".join(lines))


def _without_gaps(text: str) -> str:
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def _charset(content_type: str) -> str | None:

    _, _, name = content_type.partition("charset=")
    name = name.partition(";")[0].strip(" \"'")
    try:
        return codecs.lookup(name).name if name else None
    except LookupError:
        return None
