"""Image sources, one file each, and their registry."""
