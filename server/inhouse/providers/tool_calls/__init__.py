"""How tools are offered to models without native calls, and their calls read back from text."""
