"""JSON-RPC over standard input and output, around pygls."""
