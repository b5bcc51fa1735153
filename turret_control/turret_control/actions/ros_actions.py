# SPDX-License-Identifier: Apache-2.0
"""Action servers of the controller: each starts a task of the core and waits for its end."""

from __future__ import annotations

import dataclasses
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
from turret_control.controller.controller import Controller
from turret_control.controller.presets import PresetStore
from turret_control.controller.task import Task
from turret_control.controller_parameters import ControllerParameters
from turret_msgs import action
from turret_msgs.msg import PatternState

_DEFAULT_TRAVEL = 0.1   # rad
_CHECK_TRAVEL = 0.3
_MAX_TRAVEL = 0.5
_FEEDBACK_PERIOD_S = 0.2


class ControllerActions:
    """The action servers of a controller node."""

    def __init__(self, node: Node, lock: threading.Lock, controller: Controller, permit: PermitMonitor,
                 presets: PresetStore, parameters: RosParameters[ControllerParameters]) -> None:
        self._pattern: PatternTask | None = None  # started last
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
        """Destroy the servers."""
        for server in self._servers:
            server.destroy()

    def pattern_state(self) -> PatternState:
        """Return the state of the pattern that was started last."""
        return pattern_message(self._pattern)

    async def _run_pattern(self, goal: ServerGoalHandle) -> Any:
        result = action.RunPattern.Result()
        task: PatternTask | None = None

        def make(request: Any) -> PatternTask:
            nonlocal task
            task = self.pattern_task(request)
            return task

        await self._run(
            goal, result, make, lambda task: action.RunPattern.Feedback(pattern=pattern_message(task)), lambda _: '')
        result.passes = task.passes if task else 0
        return result

    def pattern_task(self, request: Any) -> PatternTask:
        """Return the task for a goal.

        Raises:
            TurretError: the head cannot move, a preset does not exist, or the pattern exceeds the limits.
        """
        area = Area(request.pan_center, request.tilt_center, request.pan_size, request.tilt_size)
        parameters = self._parameters.value
        with self._lock:
            self._controller.measured(time.monotonic())
            limits = self._controller.head.limits
            waypoints = tuple(Waypoint(*self._presets.get(name)) for name in request.presets)
        kind = check(request.kind, area, waypoints, limits)
        require_range('rate', request.rate, 0.0, max(limits.pan.max_velocity, limits.tilt.max_velocity))
        require_range('dwell_s', request.dwell_s, 0.0, 10.0)
        return PatternTask(PatternOptions(
            kind, area, waypoints, request.rate or parameters.pattern_rate, request.dwell_s, request.loop,
            request.pause_on_target, request.seed))

    async def _measure_delay(self, goal: ServerGoalHandle) -> Any:
        result = action.MeasureDelay.Result(camera_s=math.nan, processing_s=math.nan, actuator_s=math.nan)

        def conclude(task: MeasureDelay) -> str:
            measured = task.result()
            self._parameters.set(measured.parameters())
            result.camera_s, result.actuator_s = measured.camera_s, measured.actuator_s
            result.processing_s = measured.processing_s
            backlash = [math.degrees(angle) for angle in measured.backlash]
            return f'backlash: pan {backlash[0]:.2f}, tilt {backlash[1]:.2f} degrees'

        return await self._run(
            goal, result, lambda request: MeasureDelay(_travel(request)),
            lambda task: action.MeasureDelay.Feedback(phase='oscillating', progress=task.progress), conclude)

    async def _auto_tune(self, goal: ServerGoalHandle) -> Any:
        result = action.AutoTune.Result(
            kp=math.nan, ki=math.nan, kd=math.nan, ultimate_gain=math.nan, ultimate_period_s=math.nan)

        def conclude(task: AutoTune) -> str:
            tuned = task.result()
            for name, value in tuned._asdict().items():
                setattr(result, name, value)
            if goal.request.apply:
                self._parameters.set({
                    f'aim.{goal.request.axis}.{gain}': getattr(tuned, gain) for gain in ('kp', 'ki', 'kd')})
            return ''

        return await self._run(
            goal, result, lambda request: AutoTune(request.axis, _travel(request)),
            lambda task: action.AutoTune.Feedback(phase='oscillating', progress=task.progress), conclude)

    async def _check_bearings(self, goal: ServerGoalHandle) -> Any:
        result = action.CheckBearings.Result(rms=math.nan, worst=math.nan, scale=math.nan, roll=math.nan)

        def conclude(task: CheckBearings) -> str:
            for name, value in task.result()._asdict().items():
                setattr(result, name, value)
            return ''

        return await self._run(
            goal, result, lambda request: CheckBearings(_travel(request, _CHECK_TRAVEL)),
            lambda task: action.CheckBearings.Feedback(phase='moving and measuring', progress=task.progress), conclude)

    async def _run(self, goal: ServerGoalHandle, result: Any, make: Callable[[Any], Any],
                   feedback: Callable[[Any], Any], conclude: Callable[[Any], str]) -> Any:
        """Run a task to its end and return the result of the goal.

        Args:
            goal: goal with a lease id.
            result: result to fill.
            make: returns the task for the request.
            feedback: returns the feedback message of the task.
            conclude: fills the result and returns its message.
        """
        message, error = '', None
        try:
            task: Task = make(goal.request)
            task.on_step = _Feedback(lambda: goal.publish_feedback(feedback(task)))

            def begin(done: Done) -> None:
                task.on_end = done
                self._permit.check_lease(goal.request.lease_id, time.monotonic_ns())
                with self._lock:
                    self._controller.start(task, time.monotonic())
                if isinstance(task, PatternTask):
                    self._pattern = task

            await ended(self._node, begin)
            message = conclude(task)
        except TurretError as failure:
            error = failure
        finish(goal, result, error)
        result.message = result.message or message
        return result

    def _cancel(self, _: ServerGoalHandle) -> CancelResponse:
        with self._lock:
            self._controller.cancel()
        return CancelResponse.ACCEPT


def pattern_message(pattern: PatternTask | None) -> PatternState:
    """Return the state of a pattern as a message."""
    if pattern is None or pattern.done:
        return PatternState(remaining_s=math.nan)
    return PatternState(**dataclasses.asdict(pattern.state))


class _Feedback:
    """Callback of a task that publishes feedback at most every ``_FEEDBACK_PERIOD_S``."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._published = -math.inf

    def __call__(self, now: float) -> None:
        if now - self._published >= _FEEDBACK_PERIOD_S:
            self._published = now
            self._publish()


def _travel(request: Any, default: float = _DEFAULT_TRAVEL) -> float:
    require_range('travel', request.travel, 0.0, _MAX_TRAVEL)
    return request.travel or default
