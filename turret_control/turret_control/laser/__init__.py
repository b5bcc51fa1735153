"""Laser: state machine, its thread, lines, guardian and emission budget."""
