"""Which source a name stands for.

Modules are imported only when chosen: they pull in libraries that the others need not pay for.
"""

from __future__ import annotations

from pathlib import Path

from turret_camera.camera_parameters import CameraParameters
from turret_camera.clock import Clock
from turret_camera.source import ImageSource
from turret_common.geometry import PinholeCamera
from turret_common.plant_link import PlantLink


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
        from turret_camera.sim_source import SimSource
        return SimSource(parameters, PlantLink(plant), clock, lens)
    if parameters.source == 'file':
        from turret_camera.footage_source import FileSource
        return FileSource(parameters, PlantLink(plant), clock)
    if parameters.source == 'images':
        from turret_camera.footage_source import ImagesSource
        return ImagesSource(parameters, PlantLink(plant), clock)
    if parameters.source == 'v4l2':
        from turret_camera.v4l2_source import V4l2Source
        return V4l2Source(parameters, clock, lens)
    if parameters.source == 'stream':
        from turret_camera.stream_source import StreamSource
        return StreamSource(parameters, clock, lens)
    if parameters.source == 'picamera2':
        from turret_camera.picamera2_source import Picamera2Source
        return Picamera2Source(parameters, lens)
    raise ValueError(f'no source "{parameters.source}"')
