"""Standard input and output of a server process, for every door that speaks a protocol on them."""
