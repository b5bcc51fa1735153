"""Aiming in simulation and on footage."""
