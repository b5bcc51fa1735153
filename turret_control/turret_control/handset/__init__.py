"""Joystick handset of the legacy turret."""
