"""A preview of what others wrote fetches nothing, whatever Markdown and HTML make of it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from inhouse.core.events import ReasoningDelta, RunEvent, TextDelta, ToolOutput, ToolStarted
from inhouse.core.quiet_markdown import QuietMarkdown, quiet, quiet_lines
from inhouse.lsp.runs.transcript_markdown import Writer

PREVIEW = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
HARMLESS = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "th": {"style"},
    "td": {"style"},
}
PIECES = (
    *("![x](http://e/a)", "<img src=http://e/a>", '<b style="background:url(http://e)">'),
    *("<style>", "@import 'x';", "</style>", "<svg/onload=x>", "<a\n", "href=x>", " src=x>", "i"),
    *("![x]", "[x]", "(http://e)", "[x]: http://e/a", "!", "[", "<", "</", "mg", "\\", "&lt;"),
    *("<div>", "</div>", "<details>", "<pre>", "<!--", "-->", "<?", "?>", "<![CDATA[", "]]>"),
    *("```", "````", "~~~", "~~~~", "`", "``", "$$", "html", "|a|b|\n|-|-|\n", "===", "---"),
    *("\n", "\n\n", "\r", "\r\n", "\t", " ", "    ", "> ", "- ", "1. ", "text", "<T>", "<K, V>"),
)
texts = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)


CONTAINERS = {"": "", " ": " ", "> ": "> ", "- ": "  ", "1. ": "   ", "> - ": ">   "}
"""What stands before the first line of a block, and before its other lines."""
LANGUAGES = (
    *("mermaid", " Mermaid x", "{.mermaid}", "mer&#109;aid", "mer\\maid", "kroki-d2", "."),
    *("dot {a=b}", "plantuml", "vega-lite,x"),
)


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize(("first", "other"), CONTAINERS.items())
def test_no_block_is_drawn_by_a_preview(first: str, other: str, name: str):
    for fence in ("```", "~~~~"):
        lines = (f"{first}{fence}{name}", f'{other}A@{{ img: "http://e/a" }}', f"{other}{fence}")
        text = "\n".join((*lines, ""))
        for size in (1, 3, 1_000):
            document = QuietMarkdown()
            pieces = [text[at : at + size] for at in range(0, len(text), size)]
            shown = "".join(map(document.feed, pieces)) + document.close()

            fences = [token for token in PREVIEW.parse(shown) if token.type == "fence"]
            assert [token.info.split()[:1] for token in fences] == [["text"]]
            assert "img" in fences[0].content


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (":::mermaid\nx\n:::\n", "\\:::mermaid\nx\n\\:::\n"),
        ('> @import "http://e"\n', '> \\@import "http://e"\n'),
        ("me@import.org ::: x\n", "me@import.org ::: x\n"),
        ("```python\n@import\n:::\n```\n", "```python\n@import\n:::\n```\n"),
        ("- ```c++\n  x\n  ```\n", "- ```c++\n  x\n  ```\n"),
        ("```href=x>`\\", "```href=x>`\\"),
        ("```mermaid`\\", "```text mermaid`\\"),
    ],
)
@pytest.mark.parametrize("size", [1, 1_000])
def test_what_other_previews_include_is_spelt_out_and_code_stays(text: str, shown: str, size: int):
    document = QuietMarkdown()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    assert "".join(map(document.feed, pieces)) + document.close() == shown


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetching: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs} - HARMLESS.get(tag, set())
        if names or tag in {"img", "style", "script"}:
            self.fetching.append(f"{tag} {names}")


def _fetched(markdown: str) -> list[str]:
    page = _Page()
    page.feed(PREVIEW.render(markdown))
    page.close()
    return page.fetching


@given(texts, st.lists(st.integers(1, 7), min_size=1))
@settings(max_examples=400, deadline=None)
def test_nothing_is_fetched_in_however_many_pieces_it_comes(text: str, sizes: list[int]):
    whole = QuietMarkdown()
    shown = whole.feed(text) + whole.close()
    streamed, pieces, at = QuietMarkdown(), list[str](), 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(streamed.feed(text[at : at + size]))
        at += size

    assert "".join([*pieces, streamed.close()]) == shown
    assert not _fetched(f"{shown}\nafter\n")
    assert shown == quiet(text)
    assert not _fetched(quiet_lines(text))


@pytest.mark.parametrize(
    "text",
    [
        "A `Vec<String>`, `HashMap<K, V>` and <https://example.org>; a < b <= c!\n",
        '```html\n<img src="a.png">\n![x](y)\n```\nDone.\n',
        "~~~rust\nlet a = vec![1];\n~~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        "$$ x^2 $$\n\n$$\ny\n$$\n\n```\n<b c=d>\n```\n",
    ],
)
def test_what_fetches_nothing_stays_as_it_was_written(text: str):
    assert quiet(text) == text


@pytest.mark.parametrize(
    "said",
    [
        [TextDelta("```\n"), ToolStarted("1", "run", {}), ToolOutput("1", "![x](http://e/a)")],
        [ReasoningDelta("~~~\n"), TextDelta("~~~\n![x](http://e/a)")],
        [TextDelta("$$\n```\n$$\n<img src=http://e/a>\n```")],
        [
            ToolStarted("1", "run", {}),
            *(ToolOutput("1", each) for each in ("\n``", "`\n", "<img ", "src=http://e/a>\n")),
        ],
    ],
)
def test_no_part_of_a_transcript_ends_or_hides_the_code_of_another(said: list[object]):
    writer = Writer("run-1", "# agent\n\n> ![x](http://e/a)\n\n```\n")
    for each in said:
        writer.add(RunEvent("run-1", "agent", each))  # pyright: ignore[reportArgumentType]

    assert not _fetched(writer.text)
