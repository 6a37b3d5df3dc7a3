"""The vocabulary every other room shares.  Imports the standard library and attrs only."""
