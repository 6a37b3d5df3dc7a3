"""Which endpoint serves a run, with every rule that was looked at, and what privacy refuses."""
