"""Reading settings: every source, and what is wrong in each."""
