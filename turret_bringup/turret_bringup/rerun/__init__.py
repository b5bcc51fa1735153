"""Perception and control again on a bag."""
