"""Detectors, multi-object tracker and annotated image of the pan-tilt tracking turret."""
