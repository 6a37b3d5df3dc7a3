"""Edits of agents as proposals that are reviewed, applied and undone in the editor."""
