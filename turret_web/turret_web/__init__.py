"""Browser panel, web gateway, embedded bridge and video server of the pan-tilt tracking turret."""
