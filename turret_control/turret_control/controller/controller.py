# SPDX-License-Identifier: Apache-2.0
"""Controller core: modes, operator requests, tasks, and following a target.

All times are in seconds on one steady clock, including the stamps of tracks and poses.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.geometry import bearing_to_pixel, pixel_to_bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite, require_range
from turret_control.aiming.selection import Priority
from turret_control.controller.head_command import HeadCommander
from turret_control.controller.target_follower import FireDecision, TargetFollower, Tracking
from turret_control.controller.task import Mode, Task
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import Command, HeadLimits


@dataclasses.dataclass(frozen=True)
class Status:
    """Part of the controller state whose changes are published at once; fields as in ``ControllerState.msg``."""

    mode: Mode
    tracking: Tracking
    target_id: str
    selected_id: str
    priority: Priority
    on_target: bool
    code: ReasonCode
    message: str


#: A jog that pauses for so long was released; the handset sends every 0.25 s [s].
_JOG_RELEASE_S = 0.6


class _Goal(NamedTuple):
    pan: float
    tilt: float
    rate: float


class _Jog(NamedTuple):
    pan_rate: float
    tilt_rate: float
    until: float


class Controller:
    """The only source of head commands. Not thread-safe.

    :func:`turret_control.controller.cycle.run_cycle` feeds it; the methods are the requests of the operator.

    Attributes:
        head: pose of the head and its commands.
        target: target and aim error.
        mode: mode in force.
        tracking: state of tracking.
        code: reason why the head does not do what the mode requires; OK when it does.
        task: running task; None = none.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self.head = HeadCommander(parameters)
        self.target = TargetFollower(parameters, self.head.model)
        self.mode = Mode[parameters.start_mode.upper()]
        self.tracking = Tracking.OFF
        self.code = ReasonCode.NOT_READY
        self.task: Task | None = None
        self._permit = ReasonCode.PERMIT_MISSING
        self._goal: _Goal | None = None
        self._jog: _Jog | None = None
        self._jog_held_until = -math.inf  # a jog before that continues the one before it
        self._jog_stopped = False  # by a stop: it must be released first
        self._updated = -math.inf

    @property
    def parameters(self) -> ControllerParameters:
        """Parameters in force; may be replaced at any time."""
        return self.head.parameters

    @parameters.setter
    def parameters(self, parameters: ControllerParameters) -> None:
        self.head.parameters = self.target.parameters = parameters

    # Requests of the operator

    def set_mode(self, mode: int) -> None:
        """Change the mode; goal, jog and task of the previous mode end.

        Raises:
            TurretError: UNKNOWN_NAME; WRONG_MODE for PATTERN, which only a pattern enters.
        """
        if mode not in list(Mode):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'mode {mode} does not exist')
        if mode == Mode.PATTERN:
            raise TurretError(ReasonCode.WRONG_MODE, 'run a pattern to enter pattern mode')
        self._enter(Mode(mode))

    def move_to(self, pan: float, tilt: float, rate: float, now: float) -> None:
        """Go to a direction in manual mode.

        Args:
            pan: angle in rad.
            tilt: angle in rad.
            rate: maximum rate in rad/s; 0 = limit of the axes.
            now: time in s.

        Raises:
            TurretError: NOT_FINITE, OUT_OF_RANGE (beyond the soft limits), or the reason why the head cannot move.
        """
        require_finite(pan=pan, tilt=tilt, rate=rate)
        limits = self._require_movable(now)
        require_range('pan', pan, limits.pan.lower, limits.pan.upper)
        require_range('tilt', tilt, limits.tilt.lower, limits.tilt.upper)
        max_rate = max(limits.pan.max_velocity, limits.tilt.max_velocity)
        require_range('rate', rate, 0.0, max_rate)
        self._enter(Mode.MANUAL)
        self._goal = _Goal(pan, tilt, rate or max_rate)

    def nudge(self, pan: float, tilt: float, now: float) -> None:
        """Move by an angle in rad from the goal of the head, or from its pose. Raises as :meth:`move_to`."""
        require_finite(pan=pan, tilt=tilt)
        start = self._goal or self.measured(now)
        self.move_to(start.pan + pan, start.tilt + tilt, 0.0, now)

    def look_at_pixel(self, x: float, y: float, stamp: float | None, now: float) -> None:
        """Bring a point of the image under the crosshair.

        Args:
            x: column in px of the full image.
            y: row in px.
            stamp: stamp of the image in s; None = use the present pose of the head.
            now: time in s.

        Raises:
            TurretError: NO_CALIBRATION (no camera_info yet), NO_POSE (none for that stamp), or as :meth:`move_to`.
        """
        require_finite(x=x, y=y)
        camera = self.target.camera
        if camera is None:
            raise TurretError(ReasonCode.NO_CALIBRATION, 'no camera_info received yet')
        require_range('x', x, 0.0, camera.width)
        require_range('y', y, 0.0, camera.height)
        pose = self.measured(now) if stamp is None else self.head.model.motor_pose_at(stamp)
        if pose is None:
            raise TurretError(ReasonCode.NO_POSE, 'the pose of the head at the stamp of that image is no longer stored')
        target = pixel_to_bearing(camera, x, y, pose.pan, pose.tilt)
        aim = self.target.sight.pose_for(target, self.target.range_m)
        self.move_to(aim.azimuth, aim.elevation, 0.0, now)

    def jog(self, pan_rate: float, tilt_rate: float, now: float, hold_s: float | None = None) -> None:
        """Move at these rates in rad/s for ``hold_s`` s (None = the jog timeout).

        A jog that is held during a stop does not continue after its reset: it must be released first, by rates of zero
        or none for ``hold_s``.

        Raises:
            TurretError: as :meth:`move_to`; WRONG_MODE while it must be released.
        """
        require_finite(pan_rate=pan_rate, tilt_rate=tilt_rate)
        if hold_s is None:
            hold_s = self.parameters.jog_timeout_s
        held, self._jog_held_until = now <= self._jog_held_until, now + hold_s
        if not held or pan_rate == tilt_rate == 0.0:
            self._jog_stopped = False
        limits = self._require_movable(now)
        require_range('pan_rate', pan_rate, -limits.pan.max_velocity, limits.pan.max_velocity)
        require_range('tilt_rate', tilt_rate, -limits.tilt.max_velocity, limits.tilt.max_velocity)
        if self._jog_stopped:
            raise TurretError(ReasonCode.WRONG_MODE, 'the head was stopped: release stick or key, then use it again')
        self._enter(Mode.MANUAL)
        self._jog = _Jog(pan_rate, tilt_rate, now + hold_s)

    def start(self, task: Task, now: float) -> None:
        """Start a task.

        Raises:
            TurretError: BUSY while another task runs, or the reason why the head cannot move.
        """
        if self.task is not None:
            raise TurretError(ReasonCode.BUSY, f'{self.task.name} is in progress')
        self._require_movable(now)
        self._enter(task.mode)
        self.task = task

    def halt(self, now: float) -> None:
        """Enter idle mode, in which the head stays until the next request of the operator."""
        if not self._jog_stopped:  # a jog that comes soon may have been held before this process was started
            self._jog_stopped, self._jog_held_until = True, max(self._jog_held_until, now + _JOG_RELEASE_S)
        if self.mode is not Mode.IDLE:
            self._enter(Mode.IDLE)

    def cancel(self) -> None:
        """Cancel the task, if any, and stand still in manual mode."""
        if self.task is not None:
            self._enter(Mode.MANUAL)

    def measured(self, now: float) -> Pose:
        """Return the newest measured pose. Raises TurretError when the head cannot move now."""
        self._require_movable(now)
        return self.head.motor_pose

    # Control cycle

    def update(self, now: float, permit: ReasonCode) -> Command:
        """Return the command for the gimbal.

        Args:
            now: time in s.
            permit: reason why motion is not permitted; OK when it is.
        """
        dt = min(max(now - self._updated, 1e-4), 0.1)
        self._updated, self._permit = now, permit
        self._update_target(now)
        inhibition = self._inhibition(now)
        if inhibition is not ReasonCode.OK:
            self.code = inhibition
            self._clear(TurretError(inhibition, f'motion was inhibited: {inhibition.words}'))
            return self.head.stop()
        if self.task is not None:
            return self._step_task(self.task, now, dt)
        if self.mode is Mode.MANUAL:
            return self._manual(now, dt)
        if self.mode is Mode.TRACK:
            return self._track(now, dt)
        return self.head.stop()

    @property
    def status(self) -> Status:
        """State of the controller as of the last cycle."""
        target = self.target
        return Status(
            self.mode, self.tracking, target.aim.target.id if target.aim else '', target.selected_id,
            Priority[self.parameters.selection.priority.upper()], target.on_target, self.code,
            self.task.name if self.task else '')

    def fire_decision(self) -> FireDecision | None:
        """Return the automatic fire request of the newest image, once; None without one, or outside of track mode.

        With a camera on the base, the bearing of the laser is known only if the boresight was measured or set.
        """
        decision = self.target.fire_decision()
        camera = self.target.camera
        unaligned = camera is not None and camera.on_base and not self.target.boresight.calibrated
        return decision if self.mode is Mode.TRACK and self.code is ReasonCode.OK and not unaligned else None

    def crosshair(self) -> tuple[float, float] | None:
        """Return the pixel of the laser dot, or of the target in overlay mode; None when it is not known."""
        target = self.target
        if target.camera is None:
            return None
        head = self.head.model.head_pose
        if self.mode is Mode.OVERLAY and target.aim is not None:
            return bearing_to_pixel(target.camera, target.aim.motion.bearing, head.pan, head.tilt)
        return target.sight.pixel(target.camera, head.pan, head.tilt, target.range_m)

    def _enter(self, mode: Mode) -> None:
        self._clear(TurretError(ReasonCode.CANCELLED, 'cancelled by another request'))
        self.mode = mode

    def _clear(self, reason: TurretError | None) -> None:
        """Clear goal and jog, and end the task, if any."""
        self._goal = self._jog = None
        task, self.task = self.task, None
        if task is not None:
            self.mode = Mode.MANUAL
            task.end(reason)

    def _inhibition(self, now: float) -> ReasonCode:
        return self._permit if self._permit is not ReasonCode.OK else self.head.inhibition(now)

    def _require_movable(self, now: float) -> HeadLimits:
        code = self._inhibition(now)
        if code is not ReasonCode.OK:
            raise TurretError(code, f'the head cannot move now: {code.words}')
        return self.head.limits

    def _update_target(self, now: float) -> None:
        """Update the target in the modes that need one."""
        if self.mode in (Mode.TRACK, Mode.OVERLAY, Mode.PATTERN) or self.task is not None:
            self.target.update(now)
            self.tracking, self.code = self.target.tracking, self.target.code
        else:
            self.target.clear()
            self.tracking, self.code = Tracking.OFF, ReasonCode.OK

    def _step_task(self, task: Task, now: float, dt: float) -> Command:
        self.code = ReasonCode.OK
        try:
            command = task.step(self.head, self.target, now, dt)
        except TurretError as error:
            self._clear(error)
            return self.head.stop()
        task.on_step(now)
        if command is None:
            self._clear(None)
            return self.head.stop()
        return command

    def _manual(self, now: float, dt: float) -> Command:
        if self._jog is not None:
            if now <= self._jog.until:
                return self.head.rotate(self._jog.pan_rate, self._jog.tilt_rate, now, dt)
            self._jog = None
        if self._goal is not None:
            return self.head.go_to(self._goal.pan, self._goal.tilt, self._goal.rate, self._goal.rate)
        return self.head.stop()

    def _track(self, now: float, dt: float) -> Command:
        if self.target.aim is not None:
            return self.head.follow(self.target.reference(now + self.head.lead_s(dt)), now, dt)
        parameters = self.parameters
        if parameters.recenter_on_loss and now - self.target.lost_at >= parameters.recenter_delay_s:
            self.tracking = Tracking.RECENTERING
            return self.head.go_to(0.0, 0.0, parameters.recenter_rate, parameters.recenter_rate)
        return self.head.stop()
