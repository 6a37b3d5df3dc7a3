"""Files and settings that change outside of the editor."""
