"""A file the way models read and write it best: its path, then its text in a fence."""

import re
from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    "py": "python",
    "pyi": "python",
    "ts": "typescript",
    "tsx": "tsx",
    "js": "javascript",
    "mjs": "javascript",
    "jsx": "jsx",
    "json": "json",
    "md": "markdown",
    "sh": "bash",
    "rs": "rust",
    "go": "go",
    "rb": "ruby",
    "java": "java",
    "c": "c",
    "h": "c",
    "cpp": "cpp",
    "cs": "csharp",
    "html": "html",
    "css": "css",
    "toml": "toml",
    "yaml": "yaml",
    "yml": "yaml",
    "sql": "sql",
}


def language_of(path: str) -> str:
    """Return the word for a file's language behind a fence; empty if it is not known."""
    return LANGUAGES.get(path.rpartition(".")[2].lower(), "")


def written_block(path: str, body: str) -> str:
    """Write a file as path and fence; the fence is longer than any in the text."""
    fence = "```"
    while re.search(rf"^[ ]{{0,3}}{fence}", body, re.MULTILINE):
        fence += "`"
    end = "" if body.endswith("\n") or not body else "\n"
    return f"{path}\n{fence}{language_of(path)}\n{body}{end}{fence}"
