"""What the server promises a client: commands, their arguments, capabilities, schemes."""
