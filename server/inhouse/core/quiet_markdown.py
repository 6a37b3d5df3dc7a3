r"""Makes Markdown from models, servers and workspaces safe: a preview of it fetches nothing.

A preview loads the picture of ``![](https://host/?secret)`` by itself, and so sends the host
whatever the address contains.  Here ``!\[`` stands for ``![`` and ``&lt;`` for the ``<`` of what
HTML would take for a tag with attributes; everything else, and what is between fences at the
beginning of a line, stays as it was.

Extensions of previews draw blocks of some languages, and load what a drawing names (a picture of
a Mermaid node, a file of PlantUML).  Such a block is ``text mermaid`` here: shown, not drawn.

What counts as code must be code for every reader.  So only a fence in the first column counts,
and whatever could hide one (HTML, formulas) is kept from beginning.
Rules: CommonMark 0.31, sections 4.5, 4.6 and 6.6.
"""

import re

from attrs import define, field

_LINES = re.compile(r"([^\r\n]*)(\r\n|\n|\r|$)")
_FENCE = re.compile(r"(?:(`{3,})[^`]*|(~{3,}).*)\Z", re.DOTALL)
_MAYBE_FENCE = re.compile(r"(?:`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*)\Z", re.DOTALL)
_CLOSING = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*\Z")
_CONTAINERS = r"[ \t>*+\-.)0-9\[\]xX]*"
"""What may precede a block: quotes, bullets, numbers, check boxes."""
_BEGINNING = re.compile(_CONTAINERS)
_FORMULA = re.compile(_CONTAINERS + r"\$\$")
_MAYBE_FORMULA = re.compile(_CONTAINERS + r"\$\Z")
_OPENING = re.compile(rf"({_CONTAINERS}(?:`{{3,}}|~{{3,}})[ \t]*)(?=\S)([^\r\n]*)")
_OTHER_OPENING = re.compile(rf"({_CONTAINERS})(?=:::|@import\b)", re.IGNORECASE)
"""Containers of markdown-it, which draw as fences do, and what other previews include."""
_MAYBE_OPENING = re.compile(
    rf"{_CONTAINERS}(?:`{{1,2}}|`{{3,}}[^`]*|~{{1,2}}|~{{3,}}.*|:{{1,3}}|@[a-z]*)\Z",
    re.DOTALL | re.IGNORECASE,
)
_DRAWING = """
abc abcjs actdiag asymptote blockdiag bpmn bytefield c4 c4plantuml chart chartjs d2 dbml ditaa
dot echarts erd excalidraw flow flowchart geojson gnuplot graphviz gv infographic katex latex
likec4 markmap math mermaid mindmap mmd music-abc nomnoml nwdiag packetdiag pikchr plantuml
plotly puml rackdiag salt sequence seqdiag smiles stl structurizr svg svgbob symbolator tikz
topojson uml umlet vega vega-lite vegalite viz wavedrom wireviz zenuml
"""
_DRAWN = frozenset(_DRAWING.split())
_NAME = r"[A-Za-z][A-Za-z0-9-]*"
_BLOCK = re.compile(rf"<(?:[!?/]|{_NAME}[\s/>])")
_FETCHING = re.compile(rf"!\[|<(?=[!?]|{_NAME}[\s/]|(?:style|script)\b)", re.IGNORECASE)
_PLAIN = re.compile(r"[^!<\r\n]*\Z")
_UNDECIDED = re.compile(r"(?:<?!|<[A-Za-z0-9-]*)\Z")


@define(eq=False)
class QuietMarkdown:
    """Takes a document piece by piece and returns what may already be written of it."""

    _held: str = ""
    """The end of the text so far, if the next piece decides what it means."""
    _code: str = ""
    """The open fence."""
    _line: list[str] = field(factory=list[str])
    """The line so far, inside of code and formulas."""
    _at_start: bool = True
    _at_block: bool = True
    """The line so far holds only what may precede a block."""
    _formula: bool = False

    def feed(self, text: str) -> str:
        """Take a piece; return what is certain."""
        if not (self._held or self._at_block or self._code or self._formula) and _PLAIN.match(text):
            return text
        return self._taken(self._held + text, whole=False)

    def close(self) -> str:
        """Return what was held back and close what is open: other text follows on a new line."""
        rest = self._taken(self._held, whole=True)
        if self._code:
            rest += f"\n{self._code}\n"
        self.__init__()
        return rest

    def _taken(self, text: str, *, whole: bool) -> str:
        self._held = ""
        return "".join(
            self._part(part, ending, whole=whole or bool(ending))
            for part, ending in _LINES.findall(text)
            if part or ending or whole
        )

    def _part(self, part: str, ending: str, *, whole: bool) -> str:
        """Take the rest of a line, or some of it where it is not *whole*."""
        if self._code:
            self._line.append(part)
            if ending:
                self._end_of_code()
            return part + ending
        if not whole and self._may_mean_more(part):
            self._held = part
            return ""
        if not whole and (undecided := _UNDECIDED.search(part)):
            self._held = part[undecided.start() :]
            part = part[: undecided.start()]
        if self._at_block:
            part = _undrawn(part)
        shown = self._fenced(part) if self._at_start and whole else None
        if shown is None:
            shown = self._quiet(f"{part}\n")[:-1] if whole else self._quiet(part)
        if ending:
            self._formula = self._formula and not "".join(self._line).rstrip().endswith("$$")
            self._line.clear()
            self._at_start = self._at_block = True
        elif part:
            self._at_start = False
            self._at_block = self._at_block and _BEGINNING.fullmatch(part) is not None
        return shown + ending

    def _may_mean_more(self, part: str) -> bool:
        if self._at_block and _MAYBE_OPENING.match(part):
            return True
        if self._at_start and _MAYBE_FENCE.match(part):
            return True
        return self._at_block and bool(_FORMULA.match(part) or _MAYBE_FORMULA.match(part))

    def _fenced(self, part: str) -> str | None:
        fence = _FENCE.match(part)
        if fence is None:
            return None
        if self._formula or "|" in part:
            return self._quiet(f"\\{part}\n")[:-1]  # A formula or a table for some readers.
        self._code = fence[1] or fence[2]
        return part

    def _end_of_code(self) -> None:
        closing = _CLOSING.match("".join(self._line))
        self._line.clear()
        if closing and closing[1].startswith(self._code):
            self._code = ""
            self._at_start = self._at_block = True

    def _quiet(self, part: str) -> str:
        if self._formula:
            self._line.append(part)
        elif self._at_block and (opening := _FORMULA.match(part)):
            self._formula = not part[opening.end() :].rstrip().endswith("$$")
        before = 0
        first = ""
        if self._at_block:
            before = _BEGINNING.match(part).end()  # pyright: ignore[reportOptionalMemberAccess]  it matches nothing, too
            if _BLOCK.match(part, before):
                first = f"{part[:before]}&lt;"
                part = part[before + 1 :]
        return first + _FETCHING.sub(_spelt, part)


def quiet(text: str) -> str:
    """Return a whole document made safe for a preview."""
    document = QuietMarkdown()
    return document.feed(text) + document.close()


def quiet_lines(text: str) -> str:
    """Return lines made safe for a preview; none of them begins code."""
    return "".join(_quiet_line(line) + end for line, end in _LINES.findall(text))


def _quiet_line(line: str) -> str:
    document = QuietMarkdown()
    shown = f"{document.feed(f' {line}')}{document.close()}"[1:]
    return f"\\{shown}" if _FENCE.match(shown) else shown


def _undrawn(part: str) -> str:
    """Keep a line from beginning a drawing."""
    if opening := _OPENING.match(part):
        before, info = opening.groups()
        if "`" in before:  # No fence has a backtick behind it: what follows one decides nothing.
            info = info.partition("`")[0]
        name = re.split(r"[^\w.+#-]", info.lower(), maxsplit=1)[0].lstrip(".")
        is_drawn = name in _DRAWN or name.startswith("kroki")
        # Attributes ({.mermaid}) and entities (&#109;) could spell any name.
        if is_drawn or re.search(r"[{&\\]", info) or not name:
            return f"{before}text {part[opening.end(1) :]}"
    return _OTHER_OPENING.sub(r"\1\\", part, count=1) if _OTHER_OPENING.match(part) else part


def _spelt(found: re.Match[str]) -> str:
    return "!\\[" if found[0] == "![" else "&lt;"
