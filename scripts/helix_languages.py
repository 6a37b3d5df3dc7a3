"""Print Helix's entries that add Inhouse to the servers that each common language has by default.

``scripts/helix_languages.py [PROGRAM]`` writes them into server/inhouse/cli/editors/helix.toml.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SNIPPET = ROOT / "server/inhouse/cli/editors/helix.toml"
BEGIN = "# languages: written by scripts/helix_languages.py\n"
LANGUAGES = [
    "awk",
    "bash",
    "c",
    "c-sharp",
    "clojure",
    "cmake",
    "cpp",
    "css",
    "dart",
    "dockerfile",
    "elixir",
    "elm",
    "erlang",
    "fish",
    "fsharp",
    "git-commit",
    "go",
    "graphql",
    "haskell",
    "hcl",
    "html",
    "java",
    "javascript",
    "json",
    "jsx",
    "julia",
    "kotlin",
    "latex",
    "lua",
    "make",
    "markdown",
    "nix",
    "ocaml",
    "odin",
    "perl",
    "php",
    "protobuf",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "scss",
    "sql",
    "svelte",
    "swift",
    "terraform",
    "toml",
    "tsx",
    "typescript",
    "typst",
    "vue",
    "xml",
    "yaml",
    "zig",
]
"""Those that people write by hand, of Helix's two hundred."""


def defaults(helix: Path) -> dict[str, list[str]]:
    """Give the servers of each language in the configuration that is built into Helix.

    ``hx --health`` names programs, and a configuration needs the names of servers.
    """
    program = helix.read_bytes()
    start = program.index(b"# Language support configuration.")
    text = program[start : start + 400_000]
    found = {}
    for part in text.split(b"[[language]]")[1:]:
        name = re.search(rb'^name = "([^"]+)"', part, re.MULTILINE)
        listed = re.search(rb"^language-servers = \[(.*?)\]", part, re.MULTILINE | re.DOTALL)
        if name is not None:
            names = re.findall(r'(?:name = )?"([^"]+)"', listed[1].decode()) if listed else []
            found.setdefault(name[1].decode(), names)
    return found


def entries(helix: Path) -> str:
    """Give one entry for each language, its own servers first."""
    known = defaults(helix)
    parts = []
    for language in LANGUAGES:
        if language in known:
            names = ", ".join(f'"{name}"' for name in (*known[language], "inhouse"))
            parts.append(f'[[language]]\nname = "{language}"\nlanguage-servers = [{names}]\n')
    return "\n".join(parts)


if __name__ == "__main__":
    helix = sys.argv[1] if sys.argv[1:] else ROOT / ".editors/helix/root/usr/lib/hx/hx"
    head = SNIPPET.read_text("utf-8").partition(BEGIN)[0]
    SNIPPET.write_text(f"{head}{BEGIN}{entries(Path(helix))}", "utf-8")
