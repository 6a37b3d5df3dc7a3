"""Asking for an answer: requests, streams and retries of each chat API."""
