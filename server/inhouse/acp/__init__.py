"""The door for clients of the Agent Client Protocol (Zed, JetBrains and others)."""

ADD_ENDPOINT = "--add-endpoint"
"""``inhouse acp`` with this alone is ``inhouse endpoint add``: clients start it in a terminal."""
