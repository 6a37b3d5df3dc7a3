"""The documents that are open in the editor, and the diagnostics of files."""
