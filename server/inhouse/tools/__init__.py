"""Tools an agent may be given: `toolbox` has them all, and is imported by the first run."""
