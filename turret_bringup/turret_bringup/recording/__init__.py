"""The bag recorder."""
