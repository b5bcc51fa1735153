"""Lens calibration."""
