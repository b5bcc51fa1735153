"""Benchmarks of the whole project."""
