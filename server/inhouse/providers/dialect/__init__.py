"""Chat Completions in the words that each server takes: messages, tool calls and private fields."""
