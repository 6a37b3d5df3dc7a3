"""Which files may hold a definition, by name only and without further imports."""

LARGEST = 400_000
"""In characters; Codebuff's own largest definition has a quarter of this."""
EVALUATED = frozenset({".ts", ".tsx", ".js", ".mjs", ".cjs", ".mts", ".cts", ".jsx"})
"""Suffixes of files that may need an evaluation."""
SUFFIXES = EVALUATED | {".json", ".jsonc", ".toml", ".yaml", ".yml", ".md"}
"""Suffixes of files that may hold definitions."""
