"""Runs as an editor follows them: progress, stream, transcript and questions."""
