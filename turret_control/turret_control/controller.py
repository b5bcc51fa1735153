"""What moves the head: modes, the operator's requests, and the aiming loop. Pure; the node feeds it and ticks it.

All times are in seconds on one steady clock. The stamps of tracks and poses are on that clock too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.finite import require_finite, require_range
from turret_common.geometry import Bearing, PinholeCamera, angle_between, bearing_to_pixel, pixel_to_bearing
from turret_common.pose_history import Pose, PoseHistory
from turret_common.reason_codes import ReasonCode
from turret_control.aiming import Aimer, Limits, Reference, predict
from turret_control.boresight import Boresight
from turret_control.controller_parameters import ControllerParameters
from turret_control.selection import Priority, Target, TargetSelector, TrackState
from turret_control.trajectory import AxisLimits


class Mode(IntEnum):
    """As in ``ControllerState.msg``."""

    IDLE = 0
    MANUAL = 1
    TRACK = 2
    PATTERN = 3
    OVERLAY = 4


class Tracking(IntEnum):
    """As in ``ControllerState.msg``."""

    OFF = 0
    SEARCHING = 1
    FOLLOWING = 2
    COASTING = 3
    RECENTERING = 4


class CommandMode(IntEnum):
    """As in ``GimbalCommand.msg``."""

    STOP = 0
    VELOCITY = 1
    POSITION = 2


class Command(NamedTuple):
    """What the gimbal shall do now; fields as in ``GimbalCommand.msg``."""

    mode: CommandMode
    pan: float = math.nan
    tilt: float = math.nan
    pan_rate: float = math.nan
    tilt_rate: float = math.nan


STOP = Command(CommandMode.STOP)


class GimbalReport(NamedTuple):
    """What the controller needs of ``gimbal/state``.

    Attributes:
        limits: of both axes.
        ready: homed, enabled and not busy with homing or calibration; otherwise ``code`` says why not.
        code: why it is not ready; OK when it is.
    """

    limits: Limits
    code: ReasonCode


@dataclasses.dataclass(frozen=True)
class Status:
    """What the controller does, as far as a change is worth telling at once; fields as in ``ControllerState.msg``."""

    mode: Mode
    tracking: Tracking
    target_id: str
    selected_id: str
    priority: Priority
    on_target: bool
    code: ReasonCode


class Aim(NamedTuple):
    """Where the target is and how far off the laser points.

    Attributes:
        target: the track aimed at, as of ``stamp``.
        stamp: of the image, in s.
        at: the time that ``bearing`` is for, in s.
        bearing: of the target then, in rad.
        error: angle between target and laser now, in rad; NaN when the pose is not known.
    """

    target: Target
    stamp: float
    at: float
    bearing: Bearing
    error: float


class FireDecision(NamedTuple):
    """The wish to fire at a target: its id, the stamp of the image in s, the predicted aim error in rad."""

    track_id: str
    stamp: float
    aim_error: float


class Controller:
    """The one owner of the head's motion.

    Feed it with ``observe_*``, ask for changes with the other methods, call :meth:`tick` at a fixed rate and send what
    it returns. Not for several threads at once.

    Attributes:
        parameters: may be replaced at any time.
        boresight: may be replaced at any time.
        camera: of the image, None until known.
        mode: what moves the head.
        tracking: what tracking does.
        aim: the target and the aim error; None without a target.
        code: why the head does not do what the mode says; OK when it does.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self.parameters = parameters
        self.boresight = Boresight()
        self.camera: PinholeCamera | None = None
        self.mode = Mode[parameters.start_mode.upper()]
        self.tracking = Tracking.OFF
        self.aim: Aim | None = None
        self.code = ReasonCode.NOT_READY
        self.aimer = Aimer()
        self._selector = TargetSelector()
        self._poses = PoseHistory()
        self._pose: Pose | None = None
        self._pose_at = -math.inf
        self._gimbal: GimbalReport | None = None
        self._tracks: Sequence[Target] = ()
        self._tracks_stamp = -math.inf
        self._tracks_new = False
        self._target: Target | None = None
        self._frames_on_target = 0
        self._decision: FireDecision | None = None
        self._lost_at = -math.inf
        self._goal: tuple[Reference, float] | None = None
        self._jog: tuple[float, float, float] | None = None
        self._steering = False
        self._ticked = -math.inf
        self._permit = ReasonCode.PERMIT_MISSING

    # Inputs

    def observe_tracks(self, stamp: float, tracks: Sequence[Target], now: float) -> None:
        """Take all tracks after one image; ignored when not newer than the newest, or from the future."""
        if self._tracks_stamp < stamp <= now:
            self._tracks_stamp, self._tracks, self._tracks_new = stamp, tracks, True

    def observe_pose(self, stamp: float, pose: Pose, now: float) -> None:
        """Take a measured pose of the head; ignored when not finite, not newer than the newest, or from the future."""
        if all(map(math.isfinite, pose)) and self._pose_at < stamp <= now:
            self._pose, self._pose_at = pose, stamp
            self._poses.add(stamp, pose)

    def observe_gimbal(self, report: GimbalReport) -> None:
        """Take what the gimbal says of itself."""
        self._gimbal = report

    # The operator's requests

    def set_mode(self, mode: int) -> None:
        """Change the mode; goals and jogs of the old one are forgotten.

        Raises:
            TurretError: UNKNOWN_NAME; WRONG_MODE for PATTERN, which only a pattern enters.
        """
        if mode not in list(Mode):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no mode {mode}')
        if mode == Mode.PATTERN:
            raise TurretError(ReasonCode.WRONG_MODE, 'run a pattern to enter pattern mode')
        self._enter(Mode(mode))

    def select_target(self, track_id: str) -> None:
        """Aim at one track, or by priority when the id is empty. Acts at the next tick.

        Raises:
            TurretError: NOT_FOUND when there is no such track now.
        """
        if track_id and all(t.id != track_id for t in self._tracks):
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no track "{track_id}" now')
        self._selector.select(track_id)
        self._tracks_new = True

    def move_to(self, pan: float, tilt: float, rate: float, now: float) -> None:
        """Go to a direction in manual mode.

        Args:
            pan: in rad.
            tilt: in rad.
            rate: largest rate in rad/s; 0 = the axes' limit.
            now: in s.

        Raises:
            TurretError: NOT_FINITE, OUT_OF_RANGE (beyond the soft limits), or why the head cannot move now.
        """
        require_finite(pan=pan, tilt=tilt, rate=rate)
        limits = self._movable(now)
        require_range('pan', pan, limits.pan.lower, limits.pan.upper)
        require_range('tilt', tilt, limits.tilt.lower, limits.tilt.upper)
        top = max(limits.pan.rate, limits.tilt.rate)
        require_range('rate', rate, 0.0, top)
        self._enter(Mode.MANUAL)
        self._goal = Reference(pan, tilt), rate or top

    def nudge(self, pan: float, tilt: float, now: float) -> None:
        """Move by an angle in rad from where the head is heading. Raises as :meth:`move_to`."""
        require_finite(pan=pan, tilt=tilt)
        if self.mode is Mode.MANUAL and self._goal is not None:
            start = self._goal[0]
            self.move_to(start.pan + pan, start.tilt + tilt, 0.0, now)
        else:
            pose = self.measured(now)
            self.move_to(pose.pan + pan, pose.tilt + tilt, 0.0, now)

    def look_at_pixel(self, x: float, y: float, stamp: float | None, now: float) -> None:
        """Bring a point of the image under the crosshair.

        Args:
            x: in px of the full image.
            y: in px.
            stamp: of the image clicked on, in s; None = as the head stands now.
            now: in s.

        Raises:
            TurretError: NO_CALIBRATION (no camera_info yet), NO_POSE (none for that stamp), or as :meth:`move_to`.
        """
        require_finite(x=x, y=y)
        if self.camera is None:
            raise TurretError(ReasonCode.NO_CALIBRATION, 'the camera has not described itself yet')
        require_range('x', x, 0.0, self.camera.width)
        require_range('y', y, 0.0, self.camera.height)
        pose = self.measured(now) if stamp is None else self._poses.at(stamp)
        if pose is None:
            raise TurretError(ReasonCode.NO_POSE, 'the pose of the head at that image is not known any more')
        target = pixel_to_bearing(self.camera, x, y, pose.pan, pose.tilt)
        aim = self.boresight.pose_for(target, self.parameters.range_m)
        self.move_to(aim.azimuth, aim.elevation, 0.0, now)

    def measured(self, now: float) -> Pose:
        """Return the newest measured pose. Raises TurretError when the head cannot move now."""
        self._movable(now)
        assert self._pose is not None
        return self._pose

    def jog(self, pan_rate: float, tilt_rate: float, now: float) -> None:
        """Turn at these rates in rad/s until the jog times out. Raises as :meth:`move_to`."""
        require_finite(pan_rate=pan_rate, tilt_rate=tilt_rate)
        limits = self._movable(now)
        require_range('pan_rate', pan_rate, -limits.pan.rate, limits.pan.rate)
        require_range('tilt_rate', tilt_rate, -limits.tilt.rate, limits.tilt.rate)
        if self.mode is not Mode.MANUAL:
            self._enter(Mode.MANUAL)
        self._goal = None
        self._jog = pan_rate, tilt_rate, now

    # The loop

    def tick(self, now: float, permit: ReasonCode) -> Command:
        """Return what the gimbal shall do now.

        Args:
            now: in s.
            permit: why motion is not permitted; OK when it is.
        """
        dt = min(max(now - self._ticked, 1e-4), 0.1)
        self._ticked = now
        self._permit = permit
        inhibition = self._inhibition(now)
        self.code = self._follow_tracks(now)
        if inhibition is not ReasonCode.OK:
            self.code = inhibition
            self._goal = self._jog = None
            return self._stop()
        if self.mode is Mode.MANUAL:
            return self._manual(now, dt)
        if self.mode is Mode.TRACK:
            return self._track(now, dt)
        return self._stop()

    @property
    def status(self) -> Status:
        """What the controller does now."""
        return Status(
            self.mode, self.tracking, self.aim.target.id if self.aim else '', self._selector.selected_id,
            Priority[self.parameters.selection.priority.upper()], self.on_target, self.code)

    @property
    def on_target(self) -> bool:
        """The aim error was below the threshold for the settling time."""
        return self._frames_on_target >= self.parameters.on_target_frames

    def fire_decision(self) -> FireDecision | None:
        """Return the wish to fire that the newest image led to, once; None when there is none."""
        decision, self._decision = self._decision, None
        return decision

    def crosshair(self) -> tuple[float, float] | None:
        """Return the pixel where the laser lands, in overlay mode that of the target; None when it is not known."""
        if self.camera is None:
            return None
        if self.mode is Mode.OVERLAY and self.aim is not None and self._pose is not None:
            return bearing_to_pixel(self.camera, self.aim.bearing, self._pose.pan, self._pose.tilt)
        return self.boresight.pixel(self.camera, self.parameters.range_m)

    def _enter(self, mode: Mode) -> None:
        self.mode = mode
        self._goal = self._jog = None
        self._frames_on_target = 0

    def _inhibition(self, now: float) -> ReasonCode:
        if self._permit is not ReasonCode.OK:
            return self._permit
        if self._gimbal is None or self._pose is None:
            return ReasonCode.NOT_READY
        if self._gimbal.code is not ReasonCode.OK:
            return self._gimbal.code
        if now - self._pose_at > self.parameters.joints_timeout_s:
            return ReasonCode.STALE_INPUT
        return ReasonCode.OK

    def _limits(self) -> Limits:
        assert self._gimbal is not None
        return Limits(*(self._limited(axis) for axis in self._gimbal.limits))

    def _limited(self, axis: AxisLimits) -> AxisLimits:
        return dataclasses.replace(
            axis, rate=min(axis.rate, self.parameters.max_rate),
            acceleration=min(axis.acceleration, self.parameters.max_acceleration))

    def _movable(self, now: float) -> Limits:
        code = self._inhibition(now)
        if code is not ReasonCode.OK:
            raise TurretError(code, f'the head cannot move now: {code.name.lower().replace("_", " ")}')
        return self._limits()

    def _stop(self) -> Command:
        self._steering = False
        return STOP

    def _manual(self, now: float, dt: float) -> Command:
        if self._jog is not None:
            pan_rate, tilt_rate, since = self._jog
            if now - since <= self.parameters.jog_timeout_s:
                return self._steer(now, dt, rates=(pan_rate, tilt_rate))
            self._jog = None
        if self._goal is not None:
            reference, rate = self._goal
            return self._go(reference, rate)
        return self._stop()

    def _go(self, reference: Reference, rate: float) -> Command:
        self._steering = False
        limits = self._limits()
        return Command(CommandMode.POSITION, reference.pan, reference.tilt, min(rate, limits.pan.rate),
                       min(rate, limits.tilt.rate))

    def _steer(self, now: float, dt: float, reference: Reference | None = None,
               rates: tuple[float, float] | None = None) -> Command:
        assert self._pose is not None
        if not self._steering:
            self._steering = True
            self.aimer.reset(self._pose)
        if rates is not None:
            pan, tilt = self.aimer.limit(
                *rates, now, dt, self._pose, self._pose_at, self._limits(), self.parameters.aim)
        else:
            assert reference is not None
            pan, tilt = self.aimer.step(
                reference, now, dt, self._pose, self._pose_at, self._limits(), self.parameters.aim)
        return Command(CommandMode.VELOCITY, pan_rate=pan, tilt_rate=tilt)

    def _track(self, now: float, dt: float) -> Command:
        if self.aim is None:
            return self._search(now)
        aim, parameters = self.aim, self.parameters
        at = now + parameters.aim.delay.command_s + parameters.aim.delay.camera_s
        rates = (aim.target.azimuth_rate, aim.target.elevation_rate)
        if not parameters.aim.predictive:
            at, rates = aim.stamp, (0.0, 0.0)
        pose = self.boresight.pose_for(predict(aim.target, aim.stamp, at), parameters.range_m)
        return self._steer(now, dt, Reference(pose.azimuth, pose.elevation, *rates))

    def _search(self, now: float) -> Command:
        parameters = self.parameters
        if parameters.recenter_on_loss and now - self._lost_at >= parameters.recenter_delay_s:
            self.tracking = Tracking.RECENTERING
            return self._go(Reference(0.0, 0.0), parameters.recenter_rate)
        return self._stop()

    def _follow_tracks(self, now: float) -> ReasonCode:
        """Choose the target after a new image, predict it to now, drop a stale one; return why there is none."""
        new, self._tracks_new = self._tracks_new, False
        if self.mode not in (Mode.TRACK, Mode.OVERLAY):
            self.tracking, self.aim, self._target = Tracking.OFF, None, None
            return ReasonCode.OK
        stale = now - self._tracks_stamp > self.parameters.tracks_timeout_s
        if stale:
            self._target = None
        elif new:
            self._target = self._selector.choose(self._tracks, self._laser(), self.parameters.selection, now)
        if self._target is None or self._target.unseen_s > self.parameters.coast_s:
            if self.aim is not None:
                self._lost_at = now
            self.aim, self._frames_on_target = None, 0
            self.tracking = Tracking.SEARCHING
            if stale:
                return ReasonCode.VISION_STALE
            return ReasonCode.TRACK_LOST if self._selector.selected_id else ReasonCode.NO_TARGET
        self.tracking = Tracking.COASTING if self._target.unseen_s > 0.0 else Tracking.FOLLOWING
        bearing = predict(self._target, self._tracks_stamp, now)
        fresh_pose = self._pose is not None and now - self._pose_at <= self.parameters.joints_timeout_s
        error = angle_between(bearing, self._laser(now)) if fresh_pose else math.nan
        self.aim = Aim(self._target, self._tracks_stamp, now, bearing, error)
        if new:
            self._judge()
        return ReasonCode.OK

    def _judge(self) -> None:
        """Count images on target, and decide to fire."""
        assert self.aim is not None
        hit = self.aim.target.state is TrackState.TRACKING and self.aim.error < self.parameters.on_target_angle
        self._frames_on_target = self._frames_on_target + 1 if hit else 0
        if self.on_target and self.mode is Mode.TRACK and self.code is ReasonCode.OK:
            self._decision = FireDecision(self.aim.target.id, self.aim.stamp, self.aim.error)

    def _laser(self, now: float | None = None) -> Bearing:
        """Return where the laser points, continued to ``now`` with the measured rates; straight on without a pose."""
        pose = self._pose or Pose(0.0, 0.0)
        dt = 0.0 if now is None else now - self._pose_at
        return self.boresight.beam(
            pose.pan + pose.pan_rate * dt, pose.tilt + pose.tilt_rate * dt, self.parameters.range_m)
