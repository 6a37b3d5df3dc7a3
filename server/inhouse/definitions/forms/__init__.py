"""Other forms that people write definitions in: JSON, TOML, YAML, Markdown."""
