"""Tasks that move the head: patterns, measurements, tuning, checks."""
