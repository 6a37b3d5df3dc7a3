"""The agent loop: ask the model, run the tools it calls, repeat."""
