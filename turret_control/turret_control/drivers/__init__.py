"""Gimbal drivers, one file each, and their registry."""
