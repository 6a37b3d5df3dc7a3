"""Numbers with their nouns."""


def count(number: int, noun: str) -> str:
    """Format a count: "1 run", "2 runs"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
