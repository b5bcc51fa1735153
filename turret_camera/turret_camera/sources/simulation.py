# SPDX-License-Identifier: Apache-2.0
"""The simulated camera: images of a painted room as a camera on the simulated head sees it."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, Settings, StampSource
from turret_camera.simulation.auto_exposure import AutoExposure
from turret_camera.simulation.panorama import Panorama
from turret_camera.simulation.renderer import Renderer, Shot
from turret_camera.simulation.room_store import stored_room
from turret_camera.simulation.scene import scene_from_answer
from turret_camera.simulation.white_balance import gains_for, neutral_gains
from turret_camera.sources.pacing import Pacer
from turret_camera.sources.source import ImageSource, SourceContext
from turret_common.geometry import PinholeCamera
from turret_common.params import param
from turret_common.paths import cache_dir
from turret_common.plant_client import PlantLink
from turret_common.registry import group_of
from turret_common.threads.clock import Clock

_ROOM_LIGHT_K = 3800.0
_ROOM_LUX = 250.0
_FINEST = 480.0  # px/rad: a finer room than this costs more memory than it is worth


@dataclasses.dataclass(frozen=True)
class SimCameraParameters:
    """What is imperfect in the simulated camera."""

    latency_s: float = param(
        0.02, 'Delay from the end of the exposure to the delivery of the frame', unit='s', minimum=0.0, maximum=0.5,
        live=True)
    noise: float = param(
        1.0, 'Sensor noise as a multiple of that of a good small sensor', minimum=0.0, maximum=10.0, live=True)
    loss: float = param(0.0, 'Fraction of frames that are lost', minimum=0.0, maximum=0.95, live=True)
    seed: int = param(1, 'Random seed of the room, the noise and the lost frames', minimum=0, maximum=2**31 - 1)


class SimSource(ImageSource):
    """Renders what a camera on the simulated head sees at the midpoint of each exposure."""

    name: ClassVar = 'sim'
    groups: ClassVar = {'sim': SimCameraParameters}
    hardware = False
    stamp_source = StampSource.SIMULATED

    def __init__(
            self, parameters: CaptureParameters, plant: PlantLink, clock: Clock,
            lens: PinholeCamera | None = None) -> None:
        super().__init__(parameters, lens)
        self._plant = plant
        self._clock = clock
        self._pacer = Pacer()
        self._exposure = AutoExposure()
        self._random = np.random.default_rng(group_of(parameters, SimCameraParameters).seed)
        self._room: Panorama | None = None
        self._renderer: Renderer | None = None

    @property
    def _sim(self) -> SimCameraParameters:
        return group_of(self.parameters, SimCameraParameters)

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        return cls(context.parameters, PlantLink(context.plant), context.clock, context.lens)

    @property
    def detail(self) -> str:
        return 'simulated room'

    def open(self) -> None:
        p = self.parameters
        scene = scene_from_answer(self._plant.call('scene', t=self._clock.now_ns()))
        if self._room is None:
            focal = 0.5 * p.width / math.tan(0.5 * scene.horizontal_fov)
            self._room = stored_room(cache_dir(), self._sim.seed, min(focal, _FINEST))
        self._renderer = Renderer(p.width, p.height, self._room, self._sim.seed)
        self._pacer.restart()

    def read(self) -> Frame:
        assert self._renderer is not None, 'open() comes first'
        p = self.parameters
        period_ns = round(1e9 / p.rate_hz)
        shot = self._shot(period_ns)
        lag_ns = round(shot.exposure_us * 500.0 + self._sim.latency_s * 1e9)
        t_ns, dropped = self._pacer.next(self._clock.now_ns(), period_ns, lag_ns)
        while self._random.random() < self._sim.loss:
            t_ns, missed = self._pacer.next(self._clock.now_ns(), period_ns, lag_ns)
            dropped += 1 + missed
        self._clock.sleep_until(t_ns + lag_ns)
        scene = scene_from_answer(self._plant.call('scene', t=t_ns, mount=p.camera_mount))
        pixels = self._renderer.render(scene, shot, t_ns * 1e-9)
        if p.auto_exposure:
            self._exposure.update(float(pixels[::16, ::16].mean()), period_ns * 1e-3)
        return Frame(t_ns, self.camera(p.width, p.height), self._settings(shot), pixels=pixels, dropped=dropped)

    def close(self) -> None:
        self._plant.close()

    def _shot(self, period_ns: int) -> Shot:
        p = self.parameters
        if p.auto_exposure:
            exposure_us, gain = self._exposure.exposure_us, self._exposure.gain
        else:
            exposure_us, gain = min(float(p.exposure_us), period_ns * 1e-3), p.analog_gain
        neutral = neutral_gains(_ROOM_LIGHT_K)
        red, blue = (have / need for have, need in zip(self._color_gains(), neutral, strict=True))
        return Shot(exposure_us, gain, red, blue, p.brightness, p.contrast, p.saturation, self._sim.noise)

    def _color_gains(self) -> tuple[float, float]:
        p = self.parameters
        return neutral_gains(_ROOM_LIGHT_K) if p.auto_white_balance else gains_for(p.white_balance_mode, p.color_gains)

    def _settings(self, shot: Shot) -> Settings:
        return Settings(
            shot.exposure_us, shot.gain, 1.0, self._color_gains(), _ROOM_LUX, shot.brightness, shot.contrast,
            shot.saturation)

