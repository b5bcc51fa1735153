"""Browser panel, front door, embedded bridge and video server of the pan-tilt tracking turret."""
