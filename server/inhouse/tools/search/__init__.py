"""Searching the workspace with ripgrep, or in Python if there is none."""
