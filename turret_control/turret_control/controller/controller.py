"""What moves the head: modes, the operator's requests, tasks, and following a target. Pure; a node feeds and ticks it.

All times are in seconds on one steady clock. The stamps of tracks and poses are on that clock too.
"""

from __future__ import annotations

import dataclasses
import math
from enum import IntEnum
from typing import NamedTuple, Protocol

from turret_common.errors import TurretError
from turret_common.geometry import bearing_to_pixel, pixel_to_bearing
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite, require_range
from turret_control.aiming.selection import Priority
from turret_control.controller.head_command import Drive
from turret_control.controller.target_follower import FireDecision, TargetFollower, Tracking
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import STOP, Command, CommandMode, HeadLimits

#: Commands hardly differ when no rate changes by more than this, in rad/s. In the 33 ms between two images that is less
#: than 0.02 degrees of angle.
_CALM = 0.02
#: With a turn that may wait for so many s longer than usual, the images of a camera at 20 Hz or more set the pace.
_PATIENCE_S = 0.03


class Mode(IntEnum):
    """As in ``ControllerState.msg``."""

    IDLE = 0
    MANUAL = 1
    TRACK = 2
    PATTERN = 3
    OVERLAY = 4


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
    message: str


class Task(Protocol):
    """Something that moves the head for a while: a pattern, a measurement.

    Attributes:
        mode: of the controller while it runs, MANUAL or PATTERN.
        name: for a person.
    """

    mode: Mode
    name: str

    def step(self, drive: Drive, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the next command; None at the end. A TurretError ends it too."""

    def ended(self, error: TurretError | None) -> None:
        """Learn that it has ended, once: by itself (None), by its own error, or because it was stopped."""


class _Goal(NamedTuple):
    pan: float
    tilt: float
    rate: float


class _Jog(NamedTuple):
    pan_rate: float
    tilt_rate: float
    until: float


class Controller:
    """The one owner of the head's motion. Not for several threads at once.

    Feed :attr:`drive` and :attr:`target` with what is observed, ask for changes with the methods, call :meth:`tick` at
    each image and between images, and send what it returns.

    Attributes:
        drive: the head and how it is commanded.
        target: what it is aimed at.
        mode: what moves the head.
        tracking: what tracking does.
        code: why the head does not do what the mode says; OK when it does.
        task: that is under way; None = none.
        patience_s: how much longer than usual the turn after this one may be waited for, in s. While what the head does
            in tracking hardly changes, the images alone set the pace.
    """

    def __init__(self, parameters: ControllerParameters) -> None:
        self.drive = Drive(parameters)
        self.target = TargetFollower(parameters, self.drive.head)
        self.mode = Mode[parameters.start_mode.upper()]
        self.tracking = Tracking.OFF
        self.code = ReasonCode.NOT_READY
        self.task: Task | None = None
        self._permit = ReasonCode.PERMIT_MISSING
        self._goal: _Goal | None = None
        self._jog: _Jog | None = None
        self._ticked = -math.inf
        self._command = STOP
        self.patience_s = 0.0

    @property
    def parameters(self) -> ControllerParameters:
        """The parameters in force; they may be replaced at any time."""
        return self.drive.parameters

    @parameters.setter
    def parameters(self, parameters: ControllerParameters) -> None:
        self.drive.parameters = self.target.parameters = parameters

    # The operator's requests

    def set_mode(self, mode: int) -> None:
        """Change the mode; goals, jogs and tasks of the old one end.

        Raises:
            TurretError: UNKNOWN_NAME; WRONG_MODE for PATTERN, which only a pattern enters.
        """
        if mode not in list(Mode):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no mode {mode}')
        if mode == Mode.PATTERN:
            raise TurretError(ReasonCode.WRONG_MODE, 'run a pattern to enter pattern mode')
        self._enter(Mode(mode))

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
        fastest = max(limits.pan.max_velocity, limits.tilt.max_velocity)
        require_range('rate', rate, 0.0, fastest)
        self._enter(Mode.MANUAL)
        self._goal = _Goal(pan, tilt, rate or fastest)

    def nudge(self, pan: float, tilt: float, now: float) -> None:
        """Move by an angle in rad from where the head is heading. Raises as :meth:`move_to`."""
        require_finite(pan=pan, tilt=tilt)
        start = self._goal or self.measured(now)
        self.move_to(start.pan + pan, start.tilt + tilt, 0.0, now)

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
        camera = self.target.camera
        if camera is None:
            raise TurretError(ReasonCode.NO_CALIBRATION, 'the camera has not described itself yet')
        require_range('x', x, 0.0, camera.width)
        require_range('y', y, 0.0, camera.height)
        pose = self.measured(now) if stamp is None else self.drive.head.motors_at(stamp)
        if pose is None:
            raise TurretError(ReasonCode.NO_POSE, 'the pose of the head at that image is not known any more')
        target = pixel_to_bearing(camera, x, y, pose.pan, pose.tilt)
        aim = self.target.sight.pose_for(target, self.target.range_m)
        self.move_to(aim.azimuth, aim.elevation, 0.0, now)

    def jog(self, pan_rate: float, tilt_rate: float, now: float, hold_s: float | None = None) -> None:
        """Turn at these rates in rad/s for ``hold_s``, or the usual time-out, at most. Raises as :meth:`move_to`."""
        require_finite(pan_rate=pan_rate, tilt_rate=tilt_rate)
        limits = self._movable(now)
        require_range('pan_rate', pan_rate, -limits.pan.max_velocity, limits.pan.max_velocity)
        require_range('tilt_rate', tilt_rate, -limits.tilt.max_velocity, limits.tilt.max_velocity)
        self._enter(Mode.MANUAL)
        self._jog = _Jog(pan_rate, tilt_rate, now + (self.parameters.jog_timeout_s if hold_s is None else hold_s))

    def start(self, task: Task, now: float) -> None:
        """Begin a task.

        Raises:
            TurretError: BUSY while another one runs, or why the head cannot move now.
        """
        if self.task is not None:
            raise TurretError(ReasonCode.BUSY, f'{self.task.name} is under way')
        self._movable(now)
        self._enter(task.mode)
        self.task = task

    def halt(self) -> None:
        """Follow, run and go nowhere any more, until the operator asks for it anew."""
        if self.mode is not Mode.IDLE:
            self._enter(Mode.IDLE)

    def cancel(self) -> None:
        """End the task, if any, and stand still in manual mode."""
        if self.task is not None:
            self._enter(Mode.MANUAL)

    def measured(self, now: float) -> Pose:
        """Return the newest measured pose. Raises TurretError when the head cannot move now."""
        self._movable(now)
        assert self.drive.head.motors is not None
        return self.drive.head.motors

    # The loop

    def tick(self, now: float, permit: ReasonCode) -> Command:
        """Return what the gimbal shall do now.

        Args:
            now: in s.
            permit: why motion is not permitted; OK when it is.
        """
        dt = min(max(now - self._ticked, 1e-4), 0.1)
        self._ticked, self._permit = now, permit
        before, self._command = self._command, self._decide(now, dt)
        calm = self.mode is Mode.TRACK and _hardly_differ(before, self._command)
        self.patience_s = _PATIENCE_S if calm else 0.0
        return self._command

    def _decide(self, now: float, dt: float) -> Command:
        self._watch(now)
        inhibition = self._inhibition(now)
        if inhibition is not ReasonCode.OK:
            self.code = inhibition
            self._drop(TurretError(inhibition, 'motion was withheld'))
            return self.drive.stop()
        if self.task is not None:
            return self._work(self.task, now, dt)
        if self.mode is Mode.MANUAL:
            return self._manual(now, dt)
        if self.mode is Mode.TRACK:
            return self._track(now, dt)
        return self.drive.stop()

    @property
    def status(self) -> Status:
        """What the controller does now."""
        target = self.target
        return Status(
            self.mode, self.tracking, target.aim.target.id if target.aim else '', target.selected_id,
            Priority[self.parameters.selection.priority.upper()], target.on_target, self.code,
            self.task.name if self.task else '')

    def fire_decision(self) -> FireDecision | None:
        """Return the wish to fire that the newest image led to, once; None without one, or outside of tracking.

        A camera on the base knows where the laser points only by a boresight that was measured or set.
        """
        decision = self.target.fire_decision()
        camera = self.target.camera
        blind = camera is not None and camera.on_base and not self.target.boresight.calibrated
        return decision if self.mode is Mode.TRACK and self.code is ReasonCode.OK and not blind else None

    def crosshair(self) -> tuple[float, float] | None:
        """Return the pixel where the laser lands, in overlay mode that of the target; None when it is not known."""
        target = self.target
        if target.camera is None:
            return None
        head = self.drive.head.head
        if self.mode is Mode.OVERLAY and target.aim is not None:
            return bearing_to_pixel(target.camera, target.aim.motion.bearing, head.pan, head.tilt)
        return target.sight.pixel(target.camera, head.pan, head.tilt, target.range_m)

    def _enter(self, mode: Mode) -> None:
        self._drop(TurretError(ReasonCode.CANCELLED, 'ended by another request'))
        self.mode = mode

    def _drop(self, why: TurretError | None) -> None:
        """Forget goals and jogs; end the task, if any."""
        self._goal = self._jog = None
        task, self.task = self.task, None
        if task is not None:
            self.mode = Mode.MANUAL
            task.ended(why)

    def _inhibition(self, now: float) -> ReasonCode:
        return self._permit if self._permit is not ReasonCode.OK else self.drive.inhibition(now)

    def _movable(self, now: float) -> HeadLimits:
        code = self._inhibition(now)
        if code is not ReasonCode.OK:
            raise TurretError(code, f'the head cannot move now: {code.name.lower().replace("_", " ")}')
        return self.drive.limits

    def _watch(self, now: float) -> None:
        """Follow the tracks where the mode asks for it."""
        if self.mode in (Mode.TRACK, Mode.OVERLAY, Mode.PATTERN) or self.task is not None:
            self.target.follow(now)
            self.tracking, self.code = self.target.tracking, self.target.code
        else:
            self.target.forget()
            self.tracking, self.code = Tracking.OFF, ReasonCode.OK

    def _work(self, task: Task, now: float, dt: float) -> Command:
        self.code = ReasonCode.OK
        try:
            command = task.step(self.drive, self.target, now, dt)
        except TurretError as error:
            self._drop(error)
            return self.drive.stop()
        if command is None:
            self._drop(None)
            return self.drive.stop()
        return command

    def _manual(self, now: float, dt: float) -> Command:
        if self._jog is not None:
            if now <= self._jog.until:
                return self.drive.turn(self._jog.pan_rate, self._jog.tilt_rate, now, dt)
            self._jog = None
        if self._goal is not None:
            return self.drive.go(self._goal.pan, self._goal.tilt, self._goal.rate, self._goal.rate)
        return self.drive.stop()

    def _track(self, now: float, dt: float) -> Command:
        if self.target.aim is not None:
            return self.drive.steer(self.target.reference(now + self.drive.ahead(dt)), now, dt)
        parameters = self.parameters
        if parameters.recenter_on_loss and now - self.target.lost_at >= parameters.recenter_delay_s:
            self.tracking = Tracking.RECENTERING
            return self.drive.go(0.0, 0.0, parameters.recenter_rate, parameters.recenter_rate)
        return self.drive.stop()


def _hardly_differ(a: Command, b: Command) -> bool:
    """Return whether two commands make the head stand still, or turn at nearly the same rates."""
    return a.mode == b.mode == CommandMode.STOP or (
        a.mode == b.mode == CommandMode.VELOCITY
        and abs(a.pan_rate - b.pan_rate) < _CALM and abs(a.tilt_rate - b.tilt_rate) < _CALM)
