"""Conversations in the editor: their commands and their documents."""
