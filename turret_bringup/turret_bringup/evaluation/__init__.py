"""Plots, tables and video of a bag."""
