"""Which source a name stands for.

Modules are imported only when chosen: they pull in libraries that the others need not pay for.
"""

from __future__ import annotations

from pathlib import Path

from turret_camera.camera_parameters import CameraParameters
from turret_camera.sources.source import ImageSource
from turret_common.clock import Clock
from turret_common.geometry import PinholeCamera
from turret_common.plant_client import PlantLink


def make_source(
        parameters: CameraParameters, plant: Path, clock: Clock, lens: PinholeCamera | None = None) -> ImageSource:
    """Return the source that the parameters choose, not yet open; for ``topic``, which needs a node, the node does it.

    Args:
        parameters: of the camera.
        plant: socket of the simulated hardware, for the sources that need its pose.
        clock: to stamp frames with.
        lens: calibration of the camera; None = ideal.
    """
    if parameters.source == 'sim':
        from turret_camera.sources.simulation import SimSource
        return SimSource(parameters, PlantLink(plant), clock, lens)
    if parameters.source == 'file':
        from turret_camera.sources.footage import FileSource
        return FileSource(parameters, PlantLink(plant), clock)
    if parameters.source == 'images':
        from turret_camera.sources.footage import ImagesSource
        return ImagesSource(parameters, PlantLink(plant), clock)
    if parameters.source == 'v4l2':
        from turret_camera.sources.v4l2 import V4l2Source
        return V4l2Source(parameters, clock, lens)
    if parameters.source == 'stream':
        from turret_camera.sources.stream import StreamSource
        return StreamSource(parameters, clock, lens)
    if parameters.source == 'picamera2':
        from turret_camera.sources.picamera2 import Picamera2Source
        return Picamera2Source(parameters, lens)
    raise ValueError(f'no source "{parameters.source}"')
