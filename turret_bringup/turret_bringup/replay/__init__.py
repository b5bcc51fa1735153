"""The bag player."""
