"""Code actions, code lenses and prompt comments in any file."""
