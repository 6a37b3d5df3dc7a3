"""Values read from any format, each with its position."""
