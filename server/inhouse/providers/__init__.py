"""Models, local and remote, and who serves a run."""
