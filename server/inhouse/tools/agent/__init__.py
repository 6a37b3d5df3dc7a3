"""Tools that act on the run itself: sub-agents, control, questions to the user."""
