"""Choose a door."""
