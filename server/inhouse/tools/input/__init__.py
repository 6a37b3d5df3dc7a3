"""The arguments of a call: repaired, then checked against their JSON Schema."""
