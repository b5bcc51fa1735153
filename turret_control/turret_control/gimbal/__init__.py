"""Axes, authority to move, and homing."""
