"""The target of the controller: which one, where it will be, and whether the head is on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera, angle_between, pixel_to_bearing
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_control.aiming.aiming import Reference
from turret_control.aiming.backlash import HeadModel
from turret_control.aiming.predictor import Motion, TargetPredictor
from turret_control.aiming.selection import Target, TargetSelector
from turret_control.boresight.boresight import Boresight, Sight
from turret_control.controller_parameters import ControllerParameters

# Standard deviation of a detection until it has been measured, in px, and in rad where the camera is not known.
_NOISE_PX, _NOISE = 1.0, 0.002
_SIZE_NOISE = 0.03      # of the size of the box, until it has been measured
_EDGE_PX = 2.0          # a box that comes as close to the edge of the image may go on beyond it
_CUT_NOISE = 0.25       # of the size of a box that does
_LEAST_SIZE, _MOST_SIZE = 0.005, 2.0  # rad; what looks smaller or larger tells no distance


class Tracking(IntEnum):
    """As in ``ControllerState.msg``."""

    OFF = 0
    SEARCHING = 1
    FOLLOWING = 2
    COASTING = 3
    RECENTERING = 4


class Aim(NamedTuple):
    """Where the target is and how far off the laser points.

    Attributes:
        target: the track aimed at, as of ``stamp``.
        stamp: of the image, in s.
        at: when it was worked out, right after the image arrived, in s.
        motion: of the target then.
        error: angle between target and laser then, in rad; NaN when the pose is not known.
    """

    target: Target
    stamp: float
    at: float
    motion: Motion
    error: float


class FireDecision(NamedTuple):
    """The wish to fire at a target: its id, the stamp of the image in s, the predicted aim error in rad."""

    track_id: str
    stamp: float
    aim_error: float


class TargetFollower:
    """Chooses a target, predicts it and judges the aim. Times in s on one steady clock.

    Attributes:
        parameters: may be replaced at any time.
        boresight: of the laser; may be replaced at any time.
        camera: of the image, None until known.
        aim: the target and the aim error; None without a target.
        code: why there is no target; OK when there is one.
        lost_at: when the last target was lost.
    """

    def __init__(self, parameters: ControllerParameters, head: HeadModel) -> None:
        self.parameters = parameters
        self.boresight = Boresight()
        self.camera: PinholeCamera | None = None
        self.aim: Aim | None = None
        self.code = ReasonCode.NO_TARGET
        self.lost_at = -math.inf
        self._head = head
        self._selector = TargetSelector()
        self._tracks: Sequence[Target] = ()
        self._stamp = -math.inf
        self._new = False
        self._target: Target | None = None
        self._predictor: TargetPredictor | None = None
        self._predicted_id = ''
        self._frames_on_target = 0
        self._decision: FireDecision | None = None

    @property
    def sight(self) -> Sight:
        """How the laser and the camera belong together."""
        if self.camera is None or not self.camera.on_base:
            return Sight(self.boresight)
        x, y, z = self.parameters.base_camera
        return Sight(self.boresight, (x, y, z))

    @property
    def range_m(self) -> float:
        """Distance of the target in m: by its size where that is asked for and known, else as configured."""
        return self.estimated_range_m or self.parameters.range_m

    @property
    def estimated_range_m(self) -> float | None:
        """Distance of the target in m by its apparent size; None where that is not asked for or not known."""
        height_m = self.parameters.heights_m.get(self._target.class_id) if self._target else None
        if height_m is None or self._target is None or not self.parameters.estimate_range:
            return None
        angle = self._target.angular_height
        return height_m / (2.0 * math.tan(0.5 * angle)) if _LEAST_SIZE < angle < _MOST_SIZE else None

    @property
    def selected_id(self) -> str:
        """The track that the operator chose; empty = by priority."""
        return self._selector.selected_id

    @property
    def tracking(self) -> Tracking:
        """What following the target amounts to."""
        if self.aim is None:
            return Tracking.SEARCHING
        return Tracking.COASTING if self.aim.target.unseen_s > 0.0 else Tracking.FOLLOWING

    @property
    def on_target(self) -> bool:
        """The aim error was below the threshold for the settling time."""
        return self._frames_on_target >= self.parameters.on_target_frames

    def observe(self, stamp: float, tracks: Sequence[Target], now: float) -> None:
        """Take all tracks after one image; ignored when not newer than the newest, or from the future."""
        if self._stamp < stamp <= now:
            self._stamp, self._tracks, self._new = stamp, tracks, True

    def select(self, track_id: str) -> None:
        """Aim at one track, or by priority when the id is empty. Acts at the next turn.

        Raises:
            TurretError: NOT_FOUND when there is no such track now.
        """
        if track_id and all(t.id != track_id for t in self._tracks):
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no track "{track_id}" now')
        self._selector.select(track_id)
        self._new = True

    def forget(self) -> None:
        """Follow nothing."""
        self.aim, self._target, self._predictor = None, None, None
        self._frames_on_target = 0

    def follow(self, now: float) -> None:
        """Choose after a new image and bring :attr:`aim` up to now; drop a target that is stale."""
        new, self._new = self._new, False
        parameters = self.parameters
        stale = now - self._stamp > parameters.tracks_timeout_s
        if stale:
            self._target = None
        elif new:
            self._target = self._selector.choose(self._tracks, self.laser(now), parameters.selection, now)
        if self._target is None or self._target.unseen_s > parameters.coast_s:
            if self.aim is not None:
                self.lost_at = now
            self.forget()
            self.code = ReasonCode.VISION_STALE if stale else (
                ReasonCode.TRACK_LOST if self.selected_id else ReasonCode.NO_TARGET)
            return
        self.code = ReasonCode.OK
        if not new and self.aim is not None:
            return
        motion = self._learn(self._target).at(now)
        fresh = now - self._head.at <= parameters.joints_timeout_s
        error = angle_between(motion.bearing, self.laser(now)) if fresh else math.nan
        self.aim = Aim(self._target, self._stamp, now, motion, error)
        self._judge(self.aim)

    def reference(self, at: float) -> Reference:
        """Return where the head shall be at a time for the laser to be on the target; there must be one."""
        assert self.aim is not None
        assert self._predictor is not None
        motion = Motion(self.aim.target.bearing, 0.0, 0.0)
        if self.parameters.aim.predictive:
            motion = self._predictor.at(at)
        pose = self.sight.pose_for(motion.bearing, self.range_m)
        return Reference(pose.azimuth, pose.elevation, motion.azimuth_rate, motion.elevation_rate)

    def laser(self, now: float) -> Bearing:
        """Return where the laser points, straight on before the first pose."""
        head, dt = self._head.head, min(now - self._head.at, self.parameters.joints_timeout_s)
        return self.sight.spot(head.pan + head.pan_rate * dt, head.tilt + head.tilt_rate * dt, self.range_m)

    def fire_decision(self) -> FireDecision | None:
        """Return the wish to fire that the newest image led to, once; None when there is none."""
        decision, self._decision = self._decision, None
        return decision

    def _learn(self, target: Target) -> TargetPredictor:
        """Return the predictor of the target, after it has learnt from an image that shows it."""
        stamp = self._stamp - self.parameters.aim.delay.camera_s
        if self._predictor is None or self._predicted_id != target.id:
            self._predicted_id = target.id
            self._predictor = TargetPredictor(
                stamp, Motion(target.bearing, target.azimuth_rate, target.elevation_rate),
                math.hypot(_NOISE_PX / self.camera.fx, _SIZE_NOISE * target.angular_width) if self.camera else _NOISE)
        if target.unseen_s == 0.0:
            self._predictor.update(stamp, self._seen(target, stamp), self._doubt(target))
        return self._predictor

    def _doubt(self, target: Target) -> tuple[float, float]:
        """Return what the middle of a box may be wrong by, across and up, in rad, for being cut off by the image.

        What is cut off moves with the head: followed at its word, a target larger than the image leads the head astray.
        """
        camera, pixel = self.camera, target.pixel
        if camera is None or pixel is None:
            return 0.0, 0.0
        doubts = []
        for at, size, image, angle in zip(
                pixel, target.size_px, (camera.width, camera.height), (target.angular_width, target.angular_height),
                strict=True):
            cut = at - 0.5 * size <= _EDGE_PX or at + 0.5 * size >= image - 1 - _EDGE_PX
            doubts.append(_CUT_NOISE * angle if cut and math.isfinite(angle) else 0.0)
        return doubts[0], doubts[1]

    def _seen(self, target: Target, stamp: float) -> Bearing:
        """Return the bearing at which the target was seen at ``stamp``, free of the tracker's smoothing.

        The tracker's estimate stands in where the pixel, the camera or the pose is not known.
        """
        head = self._head.head_at(stamp)
        if target.pixel is None or self.camera is None or head is None:
            return target.bearing
        return pixel_to_bearing(self.camera, *target.pixel, head.pan, head.tilt)

    def _judge(self, aim: Aim) -> None:
        """Count images on target, and wish to fire; the safety node counts for itself."""
        hit = aim.target.state is TrackState.TRACKING and aim.error < self.parameters.on_target_angle
        self._frames_on_target = self._frames_on_target + 1 if hit else 0
        self._decision = FireDecision(aim.target.id, aim.stamp, aim.error) if hit else None
