"""The fields of a definition: shape, rules, JSON Schema and hints for typos."""
