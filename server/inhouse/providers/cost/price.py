"""What a model costs: the one form of a price, whatever its source."""

from attrs import frozen


@frozen
class Price:
    """US dollars: for a token in, a token out, and each call."""

    token_in: float
    token_out: float
    call: float = 0.0
    token_cached: float | None = None
    """For a token read from the server's cache; None for the price of any other input."""
    token_cache_write: float | None = None
    """For a token written to the server's cache; None for the price of any other input."""

    def of(
        self, input_tokens: int, output_tokens: int, *, cached: int = 0, written: int = 0
    ) -> float:
        """Return the cost of these tokens; *input_tokens* include cached and written ones."""
        read = self.token_in if self.token_cached is None else self.token_cached
        write = self.token_in if self.token_cache_write is None else self.token_cache_write
        plain = max(0, input_tokens - cached - written)
        cost = self.token_in * plain + read * cached + write * written
        return cost + self.token_out * output_tokens + self.call
