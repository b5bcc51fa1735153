"""Alignment of the laser with the camera."""
