"""The door for clients of the Agent Client Protocol (Zed, JetBrains and others)."""

ADD_ENDPOINT = "--add-endpoint"
"""With only this argument, ``inhouse acp`` is ``inhouse endpoint add``; clients start it in a
terminal."""
