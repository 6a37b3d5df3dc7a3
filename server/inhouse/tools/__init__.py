"""Tools an agent may be given: `registry` has them all, and is imported by the first run."""
