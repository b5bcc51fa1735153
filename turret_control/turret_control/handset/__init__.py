"""Joystick handset of the replaced turret."""
