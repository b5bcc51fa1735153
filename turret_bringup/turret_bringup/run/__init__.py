"""Supervisor, doctor, instances and launch helpers."""
