"""Markers that rviz and Foxglove draw."""
