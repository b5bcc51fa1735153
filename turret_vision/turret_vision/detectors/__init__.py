"""Detectors, one file each, and their registry."""
