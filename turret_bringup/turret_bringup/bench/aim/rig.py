# SPDX-License-Identifier: Apache-2.0
"""Closed loop of ``./turret bench aim`` in one process: simulated time, function calls in place of topics.

Plant, gimbal, tracker and controller are those of the turret. Camera and detector are simulated.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from turret_bringup.bench.aim.legacy_controller import HEIGHT, STEP, WIDTH, LegacyController, PixelBox
from turret_common.geometry import (
    BODY_FROM_OPTICAL,
    Bearing,
    PinholeCamera,
    angle_between,
    base_from_head,
    direction,
    pixel_to_bearing,
)
from turret_common.params import replace
from turret_common.pose_history import Pose, PoseHistory
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_control.aiming.selection import Candidate
from turret_control.axis_parameters import GimbalAxis
from turret_control.controller.controller import Controller
from turret_control.controller.cycle import Inputs, run_cycle
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.pacing import Pacing
from turret_control.controller_parameters import ControllerParameters
from turret_control.drivers.driver import AxisSample, GimbalSample
from turret_control.gimbal import gimbal as gimbal_core
from turret_control.gimbal.gimbal import Gimbal, GimbalView
from turret_control.gimbal_parameters import GimbalParameters
from turret_control.motion import AxisLimits, Command, CommandMode, HeadLimits
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant_parameters import PlantAxis, PlantParameters
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track, Tracker
from turret_vision.vision_parameters import TrackerParameters

VISION_JITTER_S = 0.004    # maximum deviation of one image from that
LOOP_S = 1.0 / ControllerParameters().rate_hz
SAMPLE_S = 0.0125          # between two samples of the ground truth
ACTUATION_S = 0.030        # configured delay from command to motion, without the hidden deviation
CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
_AMBIGUOUS = math.radians(1.0)  # difference of the distances to two targets below which either may be the followed one


@dataclasses.dataclass(frozen=True)
class Conditions:
    """Camera and detector of a run.

    Attributes:
        frame_s: frame period in s.
        loss: fraction of the frames that are lost.
        delay_s: delay from the exposure midpoint to the tracks received, in s.
        noise_px: standard deviation of a detection in px.
        stamp_jitter_s: maximum deviation of a stamp from the exposure midpoint, in s.
        clutter_hz: number of false detections per second, anywhere in the image.
        camera: ideal camera.
    """

    frame_s: float = 1.0 / 30.0
    loss: float = 0.02
    delay_s: float = 0.055
    noise_px: float = 1.0
    stamp_jitter_s: float = 0.0
    clutter_hz: float = 0.0
    camera: PinholeCamera = CAMERA


class Sample(NamedTuple):
    """Ground truth at one instant of a run.

    Attributes:
        time: time in s.
        error: angle between the line of sight and the first target of the scenario, in rad.
        visible: whether that target is visible.
        followed: name of the target that is followed; empty = none.
        track_id: id of the track that is followed; empty = none.
        target: in footage, the object that the error refers to; empty = none is marked, and the error is NaN.
        inside: in footage, whether the line of sight is inside the box of that object.
    """

    time: float
    error: float
    visible: bool
    followed: str
    track_id: str
    target: str = ''
    inside: bool = False


class Follower(Protocol):
    """A controller under test: turns detections into head commands."""

    @property
    def track_id(self) -> str:
        """Track that it follows; empty = none."""

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Add the measured pose and the state of the gimbal."""

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Add the detections of one image and the pose at its stamp."""

    def update(self, now: float) -> tuple[Command, float]:
        """Return the command for the gimbal, and the time in s until the next cycle unless an image arrives."""

    def followed(self) -> Bearing | None:
        """Return the estimated bearing of its target in the newest image."""


class TurretFollower:
    """Tracker and controller of this project.

    Attributes:
        controller: controller core.
    """

    def __init__(self, parameters: ControllerParameters, camera: PinholeCamera = CAMERA) -> None:
        self.controller = Controller(parameters)
        self._camera = camera
        self._tracker = Tracker(TrackerParameters())
        self._pacing = Pacing()
        self._gimbal: GimbalReadiness | None = None
        self._poses: list[tuple[float, Pose]] = []
        self._tracks: list[tuple[float, list[Candidate]]] = []

    @property
    def track_id(self) -> str:
        """Track that the controller follows."""
        return self.controller.status.target_id

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Add the measured pose and the state of the gimbal."""
        self._gimbal = GimbalReadiness(
            HeadLimits(AxisLimits(*view.pan.limits), AxisLimits(*view.tilt.limits)), ReasonCode.OK)
        self._poses.append((now, pose))

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Add the detections of one image and the pose at its stamp."""
        tracks = self._tracker.step(detections, self._camera, pose, stamp) or []
        self._tracks.append((stamp, [_candidate(track) for track in tracks]))

    def update(self, now: float) -> tuple[Command, float]:
        """Run one control cycle; return its command and the time in s until the next."""
        outputs = run_cycle(self.controller, Inputs(
            now, ReasonCode.OK, camera=self._camera, gimbal=self._gimbal, poses=self._poses, tracks=self._tracks))
        self._poses, self._tracks = [], []
        self._pacing.update(self.controller.mode, outputs.command)
        return outputs.command, LOOP_S + self._pacing.extra_s

    def followed(self) -> Bearing | None:
        """Return the estimated bearing of its target in the newest image."""
        aim = self.controller.target.aim
        return aim.target.bearing if aim else None


def _candidate(track: Track) -> Candidate:
    box = track.box
    return Candidate(
        track.id, TrackState(track.state), track.class_id, track.confidence, track.bearing.azimuth,
        track.bearing.elevation, track.azimuth_rate, track.elevation_rate, track.width, track.height, track.unseen_s,
        (box.x, box.y) if box is not None and track.unseen_s == 0.0 else None,
        (box.width, box.height) if box is not None else (0.0, 0.0))


class LegacyFollower:
    """The legacy controller on the same hardware: its step rates become rates of the axes."""

    track_id = ''

    def __init__(self) -> None:
        self._controller = LegacyController()
        self._rates = (0.0, 0.0)
        self._followed: Bearing | None = None

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Ignore the pose: the legacy controller works in the image only."""

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Add the detections of one image, scaled to the image size of the legacy controller."""
        scale = WIDTH / CAMERA.width
        boxes = [
            PixelBox(0.5 * WIDTH + scale * (d.box.x - CAMERA.cx), 0.5 * HEIGHT + scale * (d.box.y - CAMERA.cy),
                     scale * d.box.width, scale * d.box.height) for d in detections]
        right, up = self._controller.step(boxes, now)
        self._rates = (-STEP * right, STEP * up)
        center = self._controller.center
        self._followed = center and pixel_to_bearing(
            CAMERA, CAMERA.cx + (center[0] - 0.5 * WIDTH) / scale, CAMERA.cy + (center[1] - 0.5 * HEIGHT) / scale,
            pose.pan, pose.tilt)

    def update(self, now: float) -> tuple[Command, float]:
        """Return the last rates, which stay in force without a timeout."""
        return Command(CommandMode.VELOCITY, pan_rate=self._rates[0], tilt_rate=self._rates[1]), LOOP_S

    def followed(self) -> Bearing | None:
        """Return the estimated bearing of its target in the newest image."""
        return self._followed


class Frame(NamedTuple):
    """Times of exposure and of arrival of the tracks of one image, in s."""

    exposure_s: float
    arrival_s: float


class Rig:
    """Simulated hardware, gimbal and detector around a follower.

    Hidden deviations of the hardware, noise and lost images are drawn from ``seed``.

    Attributes:
        plant: simulated hardware.
    """

    def __init__(
            self, follower: Follower, scenario: str, seed: int, mount: str = 'head', hidden: Hidden | None = None,
            reach: tuple[float, float] | None = None, conditions: Conditions = Conditions()) -> None:
        """Start at home, pointing straight ahead.

        Args:
            follower: controller under test.
            scenario: name of the scenario, as in ``scenario.py``.
            seed: seed of the noise, the lost images and, unless ``hidden`` is given, the hidden deviations.
            mount: mount of the camera, "head" or "base".
            hidden: deviations of the hardware from the configuration.
            reach: soft limits of pan and tilt to either side, in rad; None = those of the hardware.
            conditions: camera and detector.
        """
        self._follower = follower
        self._conditions = conditions
        self._mount = mount
        motor = PlantAxis(start=0.0)
        self.plant = Plant(PlantParameters(
            pan=motor, tilt=replace(motor, {'lower_switch': -0.8, 'upper_switch': 1.05}), actuation_delay_s=ACTUATION_S,
            camera_horizontal_fov=math.radians(60.0), scenario=scenario, hidden_seed=seed), 0,
            Hidden.seeded(seed, 1.0) if hidden is None else hidden)
        self.plant.enable(True)
        axis = GimbalAxis(reference='declared')
        pan, tilt = (
            replace(axis, {'lower': lower, 'upper': upper}) for lower, upper in
            ([(-most, most) for most in reach] if reach else [(axis.lower, axis.upper), (-0.7, 0.95)]))
        self._gimbal = Gimbal(GimbalParameters(pan=pan, tilt=tilt))
        self._gimbal.tick(self._sample(), ReasonCode.OK, 0)
        self._gimbal.set_enabled(True)
        self._gimbal.tick(self._sample(), ReasonCode.OK, 0)
        self._gimbal.set_home()
        self._poses = PoseHistory()
        self._random = random.Random(seed)
        self._frames = self._exposures()
        self._frame = next(self._frames)

    def run(self, duration_s: float) -> Iterator[Sample]:
        """Run the loop; yield a sample every ``SAMPLE_S``."""
        cycle, cycles, moves, samples = 0.0, 0, 0, 0
        while True:
            move, sample = (moves + 0.5) * gimbal_core.PERIOD_S, samples * SAMPLE_S
            cycle = min(cycle, self._frame.arrival_s)  # at each image, and in between at a minimum rate
            now = min(cycle, move, sample)
            if now >= duration_s:
                return
            self.plant.step(round(1e9 * now))
            if now == move:
                self._move()
                moves += 1
            elif now == cycle:
                self._deliver_images(now)
                cycles += 1
                command, pause_s = self._follower.update(now)
                self._gimbal.command(command._replace(seq=cycles), round(1e9 * now))
                cycle += pause_s
            else:
                yield self._evaluate(now)
                samples += 1

    def _exposures(self) -> Iterator[Frame]:
        exposure = 0.0
        while True:
            exposure += self._conditions.frame_s
            jitter = self._random.uniform(-VISION_JITTER_S, VISION_JITTER_S)
            if self._random.random() >= self._conditions.loss:
                yield Frame(exposure, exposure + self._conditions.delay_s + jitter)

    def _sample(self) -> GimbalSample:
        reading = self.plant.read()
        pan, tilt = (AxisSample(axis.position, axis.rate) for axis in (reading.pan, reading.tilt))
        return GimbalSample(reading.t_ns, pan, tilt, reading.enabled)

    def _move(self) -> None:
        sample = self._sample()
        pan, tilt, _ = self._gimbal.tick(sample, ReasonCode.OK, sample.t_ns)
        self.plant.command(
            'position', pan.target, tilt.target, pan.speed, tilt.speed, pan.acceleration, tilt.acceleration)
        view, now = self._gimbal.view(sample.t_ns), 1e-9 * sample.t_ns
        pose = Pose(view.pan.position, view.tilt.position, view.pan.velocity, view.tilt.velocity)
        self._poses.add(now, pose)
        self._follower.observe_gimbal(pose, view, now)

    def _deliver_images(self, now: float) -> None:
        while self._frame.arrival_s <= now:
            exposure_s, self._frame = self._frame.exposure_s, next(self._frames)
            jitter = self._conditions.stamp_jitter_s
            stamp = exposure_s + (self._random.uniform(-jitter, jitter) if jitter else 0.0)
            pose = self._poses.at(stamp)
            if pose is not None:
                self._follower.observe_image(self._detect(exposure_s), pose, stamp, now)

    def _detect(self, time: float) -> list[Detection]:
        scene = self.plant.scene(round(1e9 * time), self._mount)
        camera = dataclasses.replace(self._conditions.camera, distortion=tuple(scene['camera']['distortion']))
        roll = scene['camera']['roll']
        from_base = BODY_FROM_OPTICAL.T @ base_from_head(scene['pan'], scene['tilt']).T
        detections = []
        for target in scene['targets']:
            point = from_base @ direction(Bearing(target['azimuth'], target['elevation']))
            x, y = point[0], point[1]
            point[0], point[1] = x * math.cos(roll) + y * math.sin(roll), y * math.cos(roll) - x * math.sin(roll)
            pixel = camera.project(point)
            if pixel is None or not target['visible']:
                continue
            x, y = (self._random.gauss(value, self._conditions.noise_px) for value in pixel)
            if 0.0 <= x < camera.width and 0.0 <= y < camera.height:
                scale = camera.fx / target['range']
                detections.append(Detection(
                    target['kind'], Box(x, y, scale * target['width_m'], scale * target['height_m']), 0.9))
        return detections + self._clutter()

    def _clutter(self) -> list[Detection]:
        """Return false detections of the size of a balloon; their number per image has the given mean."""
        camera, mean = self._conditions.camera, self._conditions.clutter_hz * self._conditions.frame_s
        if not mean:
            return []
        count = int(mean) + (self._random.random() < mean % 1.0)
        return [
            Detection('balloon', Box(
                self._random.uniform(0.0, camera.width), self._random.uniform(0.0, camera.height),
                size := camera.fx * self._random.uniform(0.05, 0.15), 1.2 * size), 0.9) for _ in range(count)]

    def _evaluate(self, now: float) -> Sample:
        truth = self.plant.truth()
        targets = [(target.name, Bearing(target.azimuth, target.elevation)) for target in truth.targets]
        estimate = self._follower.followed()
        followed = ''
        if estimate is not None:
            away = sorted((angle_between(estimate, bearing), name) for name, bearing in targets)
            if len(away) == 1 or away[1][0] - away[0][0] > _AMBIGUOUS:
                followed = away[0][1]
        error = angle_between(Bearing(truth.pan, truth.tilt), targets[0][1])
        return Sample(now, error, truth.targets[0].visible, followed, self._follower.track_id)
