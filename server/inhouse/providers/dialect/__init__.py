"""Chat Completions in the form that each server accepts: messages, tool calls, private fields."""
