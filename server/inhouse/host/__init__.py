"""The one room where definitions, providers, tools and the loop meet."""
