"""Which files may hold a definition, by their names alone: nothing else is imported for it."""

LARGEST = 400_000
"""Characters; Codebuff's own largest definition has a quarter of it."""
EVALUATED = frozenset({".ts", ".tsx", ".js", ".mjs", ".cjs", ".mts", ".cts", ".jsx"})
"""Forms that may need an evaluation."""
SUFFIXES = EVALUATED | {".json", ".jsonc", ".toml", ".yaml", ".yml", ".md"}
"""Of the files that may hold definitions."""
