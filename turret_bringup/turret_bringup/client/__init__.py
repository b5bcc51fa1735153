"""Python client of a running turret."""
