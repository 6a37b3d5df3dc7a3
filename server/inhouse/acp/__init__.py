"""The door for clients of the Agent Client Protocol (Zed, JetBrains and others)."""
