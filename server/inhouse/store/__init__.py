"""What is remembered between runs: trust, keys, approvals, records."""
