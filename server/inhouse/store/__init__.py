"""What is remembered on this machine: trust, keys, answers, what models can do, finished runs."""
