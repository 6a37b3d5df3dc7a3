"""Print Helix's entries that add Inhouse to the servers that each common language has by default.

``scripts/helix_languages.py [HELIX]`` writes them into server/inhouse/cli/editors/helix.toml.
"""

import re
import subprocess
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


def servers(helix: str, language: str) -> list[str] | None:
    """Give the servers that Helix itself would start; None if it does not know the language."""
    done = subprocess.run(
        [helix, "--health", language], capture_output=True, text=True, check=False
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    if "Configured language servers:" not in plain:
        return None
    listed = plain.partition("Configured language servers:")[2].partition("Configured debug")[0]
    return re.findall(r"^\s+\S (\S+):", listed, re.MULTILINE)


def entries(helix: str) -> str:
    """Give one entry for each language, its own servers first."""
    parts = []
    for language in LANGUAGES:
        found = servers(helix, language)
        if found is not None:
            names = ", ".join(f'"{name}"' for name in (*found, "inhouse"))
            parts.append(f'[[language]]\nname = "{language}"\nlanguage-servers = [{names}]\n')
    return "\n".join(parts)


if __name__ == "__main__":
    helix = sys.argv[1] if sys.argv[1:] else str(ROOT / ".editors/helix/hx")
    head = SNIPPET.read_text("utf-8").partition(BEGIN)[0]
    SNIPPET.write_text(f"{head}{BEGIN}{entries(helix)}", "utf-8")
