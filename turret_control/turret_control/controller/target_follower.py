# SPDX-License-Identifier: Apache-2.0
"""Target follower: selects and predicts the target, and computes the aim error."""

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
from turret_control.aiming.backlash import BacklashModel
from turret_control.aiming.predictor import TargetMotion, TargetPredictor
from turret_control.aiming.selection import Candidate, TargetSelector
from turret_control.boresight.boresight import Boresight, Sight
from turret_control.controller_parameters import ControllerParameters

# Initial standard deviation of a detection in px, and in rad while the camera is not known.
_NOISE_PX, _NOISE = 1.0, 0.002
_SIZE_NOISE = 0.03      # initial standard deviation as a share of the box size
_EDGE_PX = 2.0          # a box this close to the edge of the image may be cut off
_CUT_NOISE = 0.25       # standard deviation of the center of such a box as a share of its size
_MIN_SIZE, _MAX_SIZE = 0.005, 2.0  # rad; range of apparent sizes from which a distance is computed


class Tracking(IntEnum):
    """States of tracking; the values are those of ``ControllerState.TRACKING_*``."""

    OFF = 0
    SEARCHING = 1
    FOLLOWING = 2
    COASTING = 3
    RECENTERING = 4


class Aim(NamedTuple):
    """Target and aim error, computed right after an image arrived.

    Attributes:
        target: track aimed at, as of ``stamp``.
        stamp: stamp of the image in s.
        time: time of the computation in s.
        motion: predicted motion of the target at ``time``.
        error: angle between target and laser at ``time`` in rad; NaN when the pose is not known.
    """

    target: Candidate
    stamp: float
    time: float
    motion: TargetMotion
    error: float


class FireDecision(NamedTuple):
    """Automatic fire request: id of the target, stamp of the image in s, predicted aim error in rad."""

    track_id: str
    stamp: float
    aim_error: float


class TargetFollower:
    """Selects and predicts a target and computes the aim error. Times in s on one steady clock.

    Attributes:
        parameters: parameters in force; may be replaced at any time.
        boresight: boresight of the laser; may be replaced at any time.
        camera: calibration of the camera, None until known.
        aim: target and aim error; None without a target.
        code: reason why there is no target; OK when there is one.
        lost_at: time when the last target was lost.
    """

    def __init__(self, parameters: ControllerParameters, model: BacklashModel) -> None:
        self.parameters = parameters
        self.boresight = Boresight()
        self.camera: PinholeCamera | None = None
        self.aim: Aim | None = None
        self.code = ReasonCode.NO_TARGET
        self.lost_at = -math.inf
        self._model = model
        self._selector = TargetSelector()
        self._tracks: Sequence[Candidate] = ()
        self._stamp = -math.inf
        self._new = False
        self._target: Candidate | None = None
        self._predictor: TargetPredictor | None = None
        self._predicted_id = ''
        self._frames_on_target = 0
        self._decision: FireDecision | None = None

    @property
    def sight(self) -> Sight:
        """Geometry of laser and camera."""
        if self.camera is None or not self.camera.on_base:
            return Sight(self.boresight)
        x, y, z = self.parameters.base_camera
        return Sight(self.boresight, (x, y, z))

    @property
    def range_m(self) -> float:
        """Distance of the target in m: estimated from its size if enabled and known, else the configured one."""
        return self.estimated_range_m or self.parameters.range_m

    @property
    def estimated_range_m(self) -> float | None:
        """Distance of the target in m from its apparent size; None when disabled or not known."""
        height_m = self.parameters.heights_m.get(self._target.class_id) if self._target else None
        if height_m is None or self._target is None or not self.parameters.estimate_range:
            return None
        angle = self._target.angular_height
        return height_m / (2.0 * math.tan(0.5 * angle)) if _MIN_SIZE < angle < _MAX_SIZE else None

    @property
    def selected_id(self) -> str:
        """Track selected by the operator; empty = by priority."""
        return self._selector.selected_id

    @property
    def tracking(self) -> Tracking:
        """State of tracking."""
        if self.aim is None:
            return Tracking.SEARCHING
        return Tracking.COASTING if self.aim.target.unseen_s > 0.0 else Tracking.FOLLOWING

    @property
    def on_target(self) -> bool:
        """Whether the aim error was below the threshold for the configured number of images."""
        return self._frames_on_target >= self.parameters.on_target_frames

    def observe(self, stamp: float, tracks: Sequence[Candidate], now: float) -> None:
        """Set all tracks of one image; ignored if not newer than the newest, or from the future."""
        if self._stamp < stamp <= now:
            self._stamp, self._tracks, self._new = stamp, tracks, True

    def select(self, track_id: str) -> None:
        """Select one track, or by priority if the id is empty. Acts at the next cycle.

        Raises:
            TurretError: NOT_FOUND when the track does not exist.
        """
        if track_id and all(t.id != track_id for t in self._tracks):
            raise TurretError(ReasonCode.NOT_FOUND, f'track "{track_id}" does not exist (any more)')
        self._selector.select(track_id)
        self._new = True

    def clear(self) -> None:
        """Drop the target."""
        self.aim, self._target, self._predictor = None, None, None
        self._frames_on_target = 0

    def update(self, now: float) -> None:
        """Select a target after a new image and update :attr:`aim`; drop a target whose tracks are stale."""
        new, self._new = self._new, False
        parameters = self.parameters
        stale = now - self._stamp > parameters.tracks_timeout_s
        if stale:
            self._target = None
        elif new:
            self._target = self._selector.choose(self._tracks, self.laser_bearing(now), parameters.selection, now)
        if self._target is None or self._target.unseen_s > parameters.coast_s:
            if self.aim is not None:
                self.lost_at = now
            self.clear()
            self.code = ReasonCode.VISION_STALE if stale else (
                ReasonCode.TRACK_LOST if self.selected_id else ReasonCode.NO_TARGET)
            return
        self.code = ReasonCode.OK
        if not new and self.aim is not None:
            return
        motion = self._update_predictor(self._target).at(now)
        fresh = now - self._model.stamp <= parameters.joints_timeout_s
        error = angle_between(motion.bearing, self.laser_bearing(now)) if fresh else math.nan
        self.aim = Aim(self._target, self._stamp, now, motion, error)
        self._count_hits(self.aim)

    def reference(self, at: float) -> Reference:
        """Return the reference of the head that puts the laser on the target at a time; there must be a target."""
        assert self.aim is not None
        assert self._predictor is not None
        motion = TargetMotion(self.aim.target.bearing, 0.0, 0.0)
        if self.parameters.aim.predictive:
            motion = self._predictor.at(at)
        pose = self.sight.pose_for(motion.bearing, self.range_m)
        return Reference(pose.azimuth, pose.elevation, motion.azimuth_rate, motion.elevation_rate)

    def laser_bearing(self, now: float) -> Bearing:
        """Return the bearing of the laser dot; straight ahead before the first pose."""
        head, dt = self._model.head_pose, min(now - self._model.stamp, self.parameters.joints_timeout_s)
        return self.sight.spot(head.pan + head.pan_rate * dt, head.tilt + head.tilt_rate * dt, self.range_m)

    def fire_decision(self) -> FireDecision | None:
        """Return the automatic fire request of the newest image, once; None when there is none."""
        decision, self._decision = self._decision, None
        return decision

    def _update_predictor(self, target: Candidate) -> TargetPredictor:
        """Return the predictor of the target, updated if the newest image shows the target."""
        stamp = self._stamp - self.parameters.aim.delay.camera_s
        if self._predictor is None or self._predicted_id != target.id:
            self._predicted_id = target.id
            self._predictor = TargetPredictor(
                stamp, TargetMotion(target.bearing, target.azimuth_rate, target.elevation_rate),
                math.hypot(_NOISE_PX / self.camera.fx, _SIZE_NOISE * target.angular_width) if self.camera else _NOISE)
        if target.unseen_s == 0.0:
            self._predictor.update(stamp, self._measured_bearing(target, stamp), self._cut_off_deviation(target))
        return self._predictor

    def _cut_off_deviation(self, target: Candidate) -> tuple[float, float]:
        """Return the standard deviation of the center of a box in azimuth and elevation due to the image edges, in rad.

        The center of a box that the image cuts off moves with the head, so an unweighted target larger than the image
        would lead the head astray.
        """
        camera, pixel = self.camera, target.pixel
        if camera is None or pixel is None:
            return 0.0, 0.0
        deviations = []
        for at, size, image, angle in zip(
                pixel, target.size_px, (camera.width, camera.height), (target.angular_width, target.angular_height),
                strict=True):
            cut = at - 0.5 * size <= _EDGE_PX or at + 0.5 * size >= image - 1 - _EDGE_PX
            deviations.append(_CUT_NOISE * angle if cut and math.isfinite(angle) else 0.0)
        return deviations[0], deviations[1]

    def _measured_bearing(self, target: Candidate, stamp: float) -> Bearing:
        """Return the measured bearing of the target at ``stamp``, without the smoothing of the tracker.

        The estimate of the tracker is used where the pixel, the camera or the pose is not known.
        """
        head = self._model.head_pose_at(stamp)
        if target.pixel is None or self.camera is None or head is None:
            return target.bearing
        return pixel_to_bearing(self.camera, *target.pixel, head.pan, head.tilt)

    def _count_hits(self, aim: Aim) -> None:
        """Count images on target and request fire; the safety node counts independently."""
        hit = aim.target.state is TrackState.TRACKING and aim.error < self.parameters.on_target_angle
        self._frames_on_target = self._frames_on_target + 1 if hit else 0
        self._decision = FireDecision(aim.target.id, aim.stamp, aim.error) if hit else None
