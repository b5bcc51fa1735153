"""Graph, launch files, parameters, supervisor and command line of the pan-tilt tracking turret."""
