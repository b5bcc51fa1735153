"""Load on the web gateway."""
