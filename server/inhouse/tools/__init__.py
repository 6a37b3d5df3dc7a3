"""Tools an agent may be given."""
