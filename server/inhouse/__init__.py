"""A language server that runs AI agents from any editor, on models the user chooses."""

__version__ = "0.1.0"
