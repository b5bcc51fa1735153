"""Which source a name stands for.

Modules are imported only when chosen: they pull in libraries that the others need not pay for.
"""

from __future__ import annotations

from pathlib import Path

from turret_camera.camera_parameters import CameraParameters
from turret_camera.clock import Clock
from turret_camera.source import ImageSource
from turret_common.plant_link import PlantLink


def make_source(parameters: CameraParameters, plant: Path, clock: Clock) -> ImageSource:
    """Return the source that the parameters choose, not yet open.

    Args:
        parameters: of the camera.
        plant: socket of the simulated hardware, for the sources that need its pose.
        clock: to stamp frames with.
    """
    if parameters.source == 'sim':
        from turret_camera.sim_source import SimSource
        return SimSource(parameters, PlantLink(plant), clock)
    raise AssertionError(parameters.source)
