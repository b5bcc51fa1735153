"""The controller's actions: each starts a task of the core and waits until it has ended."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from turret_common.errors import TurretError
from turret_common.permit import PermitMonitor
from turret_common.ros.critical import Done, ended
from turret_common.ros.deferred_response import DeferredActionServer
from turret_common.ros.node import finish
from turret_common.ros.params import RosParameters
from turret_common.validation import require_range
from turret_control.actions.auto_tune import AutoTune
from turret_control.actions.bearing_check import CheckBearings
from turret_control.actions.delay_calibration import MeasureDelay
from turret_control.actions.pattern_task import PatternOptions, PatternTask
from turret_control.actions.patterns import Area, Waypoint, check
from turret_control.controller.controller import Controller, Task
from turret_control.controller.head_command import Drive
from turret_control.controller.presets import PresetStore
from turret_control.controller.ros_messages import pattern_message
from turret_control.controller.target_follower import TargetFollower
from turret_control.controller_parameters import ControllerParameters
from turret_control.motion import Command
from turret_msgs import action

_DEFAULT_TRAVEL = 0.1   # rad
_CHECK_TRAVEL = 0.3
_MOST_TRAVEL = 0.5
_FEEDBACK_PERIOD_S = 0.2


class _Awaited:
    """A task that wakes the executor when it has ended, and reports on the way."""

    def __init__(self, task: Task, report: Callable[[], None], done: Done) -> None:
        self.mode, self.name = task.mode, task.name
        self._task, self._report, self._done = task, report, done
        self._reported = -math.inf

    def step(self, drive: Drive, target: TargetFollower, now: float, dt: float) -> Command | None:
        """Return the task's next command."""
        command = self._task.step(drive, target, now, dt)
        if now - self._reported >= _FEEDBACK_PERIOD_S:
            self._reported = now
            self._report()
        return command

    def ended(self, error: TurretError | None) -> None:
        """Pass the end on."""
        self._task.ended(error)
        self._done(error)


class ControllerActions:
    """The action servers of a controller node.

    Attributes:
        pattern: that was started last; None before the first.
    """

    def __init__(self, node: Node, lock: threading.Lock, controller: Controller, permit: PermitMonitor,
                 presets: PresetStore, parameters: RosParameters[ControllerParameters]) -> None:
        self.pattern: PatternTask | None = None
        self._node, self._lock, self._controller = node, lock, controller
        self._permit, self._presets, self._parameters = permit, presets, parameters
        self._servers = [
            DeferredActionServer(node, kind, f'controller/{name}', execute, cancel_callback=self._cancel)
            for kind, name, execute in (
                (action.RunPattern, 'run_pattern', self._run_pattern),
                (action.MeasureDelay, 'measure_delay', self._measure_delay),
                (action.AutoTune, 'auto_tune', self._auto_tune),
                (action.CheckBearings, 'check_bearings', self._check_bearings))]

    def destroy(self) -> None:
        """Take the servers down."""
        for server in self._servers:
            server.destroy()

    async def _run_pattern(self, goal: ServerGoalHandle) -> Any:
        result = action.RunPattern.Result()
        task: PatternTask | None = None
        try:
            task = self.pattern_task(goal.request)
            await self._run(goal, task, lambda: goal.publish_feedback(
                action.RunPattern.Feedback(pattern=pattern_message(task))))
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        result.passes = task.passes if task else 0
        return result

    def pattern_task(self, request: Any) -> PatternTask:
        """Return the task that a goal asks for.

        Raises:
            TurretError: the head cannot move, a preset is unknown, or the pattern does not fit.
        """
        area = Area(request.pan_center, request.tilt_center, request.pan_size, request.tilt_size)
        parameters = self._parameters.value
        with self._lock:
            self._controller.measured(time.monotonic())
            limits = self._controller.drive.limits
            waypoints = tuple(Waypoint(*self._presets.get(name)) for name in request.presets)
        kind = check(request.kind, area, waypoints, limits)
        require_range('rate', request.rate, 0.0, max(limits.pan.max_velocity, limits.tilt.max_velocity))
        require_range('dwell_s', request.dwell_s, 0.0, 10.0)
        self.pattern = PatternTask(PatternOptions(
            kind, area, waypoints, request.rate or parameters.pattern_rate, request.dwell_s, request.loop,
            request.pause_on_target, request.seed))
        return self.pattern

    async def _measure_delay(self, goal: ServerGoalHandle) -> Any:
        result = action.MeasureDelay.Result(camera_s=math.nan, processing_s=math.nan, actuator_s=math.nan)
        try:
            task = MeasureDelay(_travel(goal.request.travel))
            await self._run(goal, task, lambda: goal.publish_feedback(
                action.MeasureDelay.Feedback(phase='swing', progress=task.progress)))
            measured = task.result()
            self._parameters.set(measured.parameters())
            result.camera_s, result.actuator_s = measured.camera_s, measured.actuator_s
            result.processing_s = measured.processing_s
            finish(goal, result, None)
            backlash = [math.degrees(angle) for angle in measured.backlash]
            result.message = f'backlash: pan {backlash[0]:.2f}, tilt {backlash[1]:.2f} degrees'
        except TurretError as error:
            finish(goal, result, error)
        return result

    async def _auto_tune(self, goal: ServerGoalHandle) -> Any:
        result = action.AutoTune.Result(
            kp=math.nan, ki=math.nan, kd=math.nan, ultimate_gain=math.nan, ultimate_period_s=math.nan)
        try:
            task = AutoTune(goal.request.axis, _travel(goal.request.travel))
            await self._run(goal, task, lambda: goal.publish_feedback(
                action.AutoTune.Feedback(phase='swing', progress=task.progress)))
            tuned = task.result()
            for name, value in tuned._asdict().items():
                setattr(result, name, value)
            if goal.request.apply:
                self._parameters.set({
                    f'aim.{goal.request.axis}.{gain}': getattr(tuned, gain) for gain in ('kp', 'ki', 'kd')})
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        return result

    async def _check_bearings(self, goal: ServerGoalHandle) -> Any:
        result = action.CheckBearings.Result(rms=math.nan, worst=math.nan, scale=math.nan, roll=math.nan)
        try:
            task = CheckBearings(_travel(goal.request.travel) if goal.request.travel else _CHECK_TRAVEL)
            await self._run(goal, task, lambda: goal.publish_feedback(
                action.CheckBearings.Feedback(phase='turn and look', progress=task.progress)))
            for name, value in task.result()._asdict().items():
                setattr(result, name, value)
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        return result

    async def _run(self, goal: ServerGoalHandle, task: Task, report: Callable[[], None]) -> None:
        """Run a task to its end; raise TurretError when it is refused or ends early."""
        def begin(done: Done) -> None:
            self._permit.check_lease(goal.request.lease_id, time.monotonic_ns())
            with self._lock:
                self._controller.start(_Awaited(task, report, done), time.monotonic())

        await ended(self._node, begin)

    def _cancel(self, _: ServerGoalHandle) -> CancelResponse:
        with self._lock:
            self._controller.cancel()
        return CancelResponse.ACCEPT


def _travel(asked: float) -> float:
    require_range('travel', asked, 0.0, _MOST_TRAVEL)
    return asked or _DEFAULT_TRAVEL
