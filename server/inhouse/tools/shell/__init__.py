"""Commands in a terminal: allowed or asked for, started, bounded and ended."""
