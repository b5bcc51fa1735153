"""How fast the laser goes dark after each kind of failure."""
