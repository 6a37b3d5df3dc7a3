"""Real counterparts for tests: servers that listen on loopback."""
