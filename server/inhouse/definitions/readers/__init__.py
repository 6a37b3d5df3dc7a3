"""A text of any form turned into values, each with the place where it stands."""
