"""The terminal door.  Only this package prints."""
