"""Values of the core as JSON, in the shapes of docs/protocol.md."""
