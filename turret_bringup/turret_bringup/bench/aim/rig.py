"""The closed loop of ``./turret bench aim`` in one process: simulated time, function calls in place of topics.

Plant, gimbal, tracker and controller are the real ones. A synthetic detector stands for camera and detector.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from turret_bringup.bench.aim.legacy_controller import HEIGHT, STEP, WIDTH, OriginalLaw, Seen
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
from turret_control.aiming.selection import Target
from turret_control.axis_parameters import GimbalAxis
from turret_control.controller.controller import Controller
from turret_control.controller.head_command import GimbalReadiness
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

FRAME_S = 1.0 / 30.0
PIXEL_NOISE = 1.0          # px, standard deviation
FRAME_LOSS = 0.02
VISION_DELAY_S = 0.055     # exposure midpoint to tracks received
VISION_JITTER_S = 0.004    # the most that one image differs from that
LOOP_S = 1.0 / ControllerParameters().rate_hz
JUDGED_S = 0.0125          # between two looks at the truth
ACTUATION_S = 0.030        # command to motion as configured; the hidden difference adds to it
CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))


class Truth(NamedTuple):
    """What was true at one instant of a run.

    Attributes:
        time: in s.
        error: angle between the line of sight and the first target of the scenario, in rad.
        visible: that target was not hidden.
        followed: name of the target that the turret believed to follow; empty = none.
        track_id: of the track that it followed; empty = none.
        target: in footage, the object that the error is about; empty = none is marked, and the error is NaN.
        inside: in footage, it looked at a point of that object's box.
    """

    time: float
    error: float
    visible: bool
    followed: str
    track_id: str
    target: str = ''
    inside: bool = False


class Brain(Protocol):
    """What turns detections into commands."""

    @property
    def track_id(self) -> str:
        """The track that it follows; empty = none."""

    @property
    def patience_s(self) -> float:
        """How much longer than usual the next command may be waited for, in s."""

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Take the measured pose."""

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Take the detections of one image and the pose at its stamp."""

    def command(self, now: float) -> Command:
        """Return what the gimbal shall do."""

    def followed(self) -> Bearing | None:
        """Return where it believes its target was in the newest image."""


class TurretBrain:
    """Tracker and controller of this project.

    Attributes:
        controller: that decides.
    """

    def __init__(self, parameters: ControllerParameters, camera: PinholeCamera = CAMERA) -> None:
        self.controller = Controller(parameters)
        self.controller.target.camera = self._camera = camera
        self._tracker = Tracker(TrackerParameters())

    @property
    def track_id(self) -> str:
        """The track that the controller follows."""
        return self.controller.status.target_id

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Take the measured pose."""
        limits = HeadLimits(*(AxisLimits(*axis.limits) for axis in (view.pan, view.tilt)))
        self.controller.drive.observe_gimbal(GimbalReadiness(limits, ReasonCode.OK))
        self.controller.drive.observe_pose(now, pose, now)

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Take the detections of one image and the pose at its stamp."""
        tracks = self._tracker.step(detections, self._camera, pose, stamp) or []
        self.controller.target.observe(stamp, [_target(track) for track in tracks], now)

    def command(self, now: float) -> Command:
        """Return what the gimbal shall do."""
        return self.controller.tick(now, ReasonCode.OK)

    @property
    def patience_s(self) -> float:
        """How much longer than usual the next command may be waited for."""
        return self.controller.patience_s

    def followed(self) -> Bearing | None:
        """Return where it believes its target was in the newest image."""
        aim = self.controller.target.aim
        return aim.target.bearing if aim else None


def _target(track: Track) -> Target:
    return Target(
        track.id, TrackState(track.state), track.class_id, track.confidence, track.bearing.azimuth,
        track.bearing.elevation, track.azimuth_rate, track.elevation_rate, track.width, track.height, track.unseen_s,
        (track.box.x, track.box.y) if track.box is not None and track.unseen_s == 0.0 else None,
        (track.box.width, track.box.height) if track.box is not None else (0.0, 0.0))


class OriginalBrain:
    """The law of the replaced system on the same hardware: its step rates become rates of the axes."""

    track_id = ''
    patience_s = 0.0

    def __init__(self) -> None:
        self._law = OriginalLaw()
        self._rates = (0.0, 0.0)
        self._followed: Bearing | None = None

    def observe_gimbal(self, pose: Pose, view: GimbalView, now: float) -> None:
        """Take nothing: it knows no pose."""

    def observe_image(self, detections: list[Detection], pose: Pose, stamp: float, now: float) -> None:
        """Take the detections of one image, enlarged to the image that the law is meant for."""
        scale = WIDTH / CAMERA.width
        seen = [
            Seen(0.5 * WIDTH + scale * (d.box.x - CAMERA.cx), 0.5 * HEIGHT + scale * (d.box.y - CAMERA.cy),
                 scale * d.box.width, scale * d.box.height) for d in detections]
        right, up = self._law.step(seen, now)
        self._rates = (-STEP * right, STEP * up)
        center = self._law.center
        self._followed = center and pixel_to_bearing(
            CAMERA, CAMERA.cx + (center[0] - 0.5 * WIDTH) / scale, CAMERA.cy + (center[1] - 0.5 * HEIGHT) / scale,
            pose.pan, pose.tilt)

    def command(self, now: float) -> Command:
        """Return what the gimbal shall do: the last rates, for ever."""
        return Command(CommandMode.VELOCITY, pan_rate=self._rates[0], tilt_rate=self._rates[1])

    def followed(self) -> Bearing | None:
        """Return where it believes its target was in the newest image."""
        return self._followed


class Frame(NamedTuple):
    """When the light of an image is collected and when its tracks arrive, in s."""

    exposure_s: float
    arrival_s: float


class Rig:
    """The loop around a brain: simulated hardware, gimbal, synthetic detector.

    What the hardware hides from the configuration, the noise and the lost images are drawn from ``seed``.
    """

    def __init__(
            self, brain: Brain, scenario: str, seed: int, mount: str = 'head', hidden: Hidden | None = None,
            reach: tuple[float, float] | None = None) -> None:
        """Start at home, looking straight on.

        Args:
            brain: in the loop.
            scenario: as in ``scenario.py``.
            seed: of the noise, the lost images and, unless ``hidden`` is given, of what the hardware hides.
            mount: of the camera, "head" or "base".
            hidden: what is otherwise than configured.
            reach: soft limits of pan and tilt to either side, in rad; None = those of the hardware.
        """
        self._brain = brain
        self._mount = mount
        motor = PlantAxis(start=0.0)
        self._plant = Plant(PlantParameters(
            pan=motor, tilt=replace(motor, {'lower_switch': -0.8, 'upper_switch': 1.05}), actuation_delay_s=ACTUATION_S,
            camera_horizontal_fov=math.radians(60.0), scenario=scenario, hidden_seed=seed), 0,
            Hidden.seeded(seed, 1.0) if hidden is None else hidden)
        self._plant.enable(True)
        axis = GimbalAxis(reference='declared')
        pan, tilt = (
            replace(axis, {'lower': lower, 'upper': upper}) for lower, upper in
            ([(-most, most) for most in reach] if reach else [(axis.lower, axis.upper), (-0.7, 0.95)]))
        self._gimbal = Gimbal(GimbalParameters(pan=pan, tilt=tilt))
        self._gimbal.tick(self._sample(), ReasonCode.OK, 0)
        self._gimbal.set_enabled(True)
        self._gimbal.set_home()
        self._poses = PoseHistory()
        self._random = random.Random(seed)
        self._frames = self._exposures()
        self._frame = next(self._frames)

    def run(self, duration_s: float) -> Iterator[Truth]:
        """Run the loop; give the truth every ``JUDGED_S``."""
        turn, turns, moves, judged = 0.0, 0, 0, 0
        while True:
            move, judge = (moves + 0.5) * gimbal_core.PERIOD_S, judged * JUDGED_S
            turn = min(turn, self._frame.arrival_s)  # at each image, and at least so often
            now = min(turn, move, judge)
            if now >= duration_s:
                return
            self._plant.step(round(1e9 * now))
            if now == move:
                self._move()
                moves += 1
            elif now == turn:
                self._see(now)
                turns += 1
                self._gimbal.command(gimbal_core.Command(turns, *self._brain.command(now)[:5]), round(1e9 * now))
                turn += LOOP_S + self._brain.patience_s
            else:
                yield self._judge(now)
                judged += 1

    def _exposures(self) -> Iterator[Frame]:
        exposure = 0.0
        while True:
            exposure += FRAME_S
            jitter = self._random.uniform(-VISION_JITTER_S, VISION_JITTER_S)
            if self._random.random() >= FRAME_LOSS:
                yield Frame(exposure, exposure + VISION_DELAY_S + jitter)

    def _sample(self) -> GimbalSample:
        reading = self._plant.read()
        pan, tilt = (AxisSample(axis.position, axis.rate) for axis in (reading.pan, reading.tilt))
        return GimbalSample(reading.t_ns, pan, tilt, reading.enabled)

    def _move(self) -> None:
        sample = self._sample()
        pan, tilt, _ = self._gimbal.tick(sample, ReasonCode.OK, sample.t_ns)
        self._plant.command(
            'position', pan.target, tilt.target, pan.speed, tilt.speed, pan.acceleration, tilt.acceleration)
        view, now = self._gimbal.view(sample.t_ns), 1e-9 * sample.t_ns
        pose = Pose(view.pan.position, view.tilt.position, view.pan.velocity, view.tilt.velocity)
        self._poses.add(now, pose)
        self._brain.observe_gimbal(pose, view, now)

    def _see(self, now: float) -> None:
        while self._frame.arrival_s <= now:
            stamp, self._frame = self._frame.exposure_s, next(self._frames)
            pose = self._poses.at(stamp)
            if pose is not None:
                self._brain.observe_image(self._detect(stamp), pose, stamp, now)

    def _detect(self, time: float) -> list[Detection]:
        scene = self._plant.scene(round(1e9 * time), self._mount)
        camera = dataclasses.replace(CAMERA, distortion=tuple(scene['camera']['distortion']))
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
            x, y = (self._random.gauss(value, PIXEL_NOISE) for value in pixel)
            if 0.0 <= x < camera.width and 0.0 <= y < camera.height:
                scale = camera.fx / target['range']
                detections.append(Detection(
                    target['kind'], Box(x, y, scale * target['width_m'], scale * target['height_m']), 0.9))
        return detections

    def _judge(self, now: float) -> Truth:
        truth = self._plant.truth()
        targets = [(target.name, Bearing(target.azimuth, target.elevation)) for target in truth.targets]
        believed = self._brain.followed()
        followed = '' if believed is None else min(targets, key=lambda t: angle_between(believed, t[1]))[0]
        error = angle_between(Bearing(truth.pan, truth.tilt), targets[0][1])
        return Truth(now, error, truth.targets[0].visible, followed, self._brain.track_id)
