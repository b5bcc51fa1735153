"""Image sources, camera node, stills and video recording of the pan-tilt tracking turret."""
