"""All agents of a workspace: files found, read, merged by precedence and kept current."""
