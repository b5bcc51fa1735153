"""Time to emission off after each kind of failure."""
