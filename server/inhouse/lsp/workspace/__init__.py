"""Files and settings that change outside the editor."""
