"""Changes of files: replaced text, patches, hunks, and the workspace on disk."""
