"""Tools of MCP servers: the only room that knows the Model Context Protocol's SDK.

The SDK is not imported before a definition asks for a server.  What it takes to start a program or
to open a connection comes from the host (`inhouse.mcp.access`): this room decides nothing about
trust, questions and privacy.
"""
