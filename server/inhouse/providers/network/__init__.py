"""The one way out of the process: every connection to a model is opened and counted here."""
