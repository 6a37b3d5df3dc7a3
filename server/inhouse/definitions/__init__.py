"""Agent definitions: where they are and what they say."""
