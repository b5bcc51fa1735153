"""The rendered room that the simulated camera sees."""
