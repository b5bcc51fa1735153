# SPDX-License-Identifier: Apache-2.0
"""The node ``gimbal``: the owner of the motors."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from sensor_msgs.msg import JointState

from turret_common.errors import TurretError
from turret_common.messages.run_key import run_key
from turret_common.reason_codes import ReasonCode
from turret_common.ros.background_log import BackgroundLog
from turret_common.ros.critical import Done, ended
from turret_common.ros.deferred_response import DeferredActionServer
from turret_common.ros.internals import feedback_type
from turret_common.ros.node import answered, finish, run
from turret_common.ros.params import RosParameters
from turret_common.ros.permit_feed import PermitFeed
from turret_common.ros.qos import COMMAND, STREAM
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.threads.periodic import Periodic
from turret_control.drivers.driver import GimbalSample
from turret_control.drivers.registry import DRIVERS
from turret_control.gimbal.axis import AxisView
from turret_control.gimbal.gimbal import PERIOD_S, Feedback, Gimbal, GimbalView, Motions
from turret_control.gimbal.ros_messages import command_authentic, command_of
from turret_control.gimbal_parameters import GimbalParameters
from turret_msgs.action import Calibrate, Home
from turret_msgs.msg import AxisState, GimbalCommand, GimbalState, RegisterValue
from turret_msgs.srv import AccessRegisters, SetEnabled, SetHome

_STATE_PERIOD_S = 0.1
_STATE_INTERVAL_S = 0.02    # minimum between two states
_FEEDBACK_PERIOD_S = 0.1
_RETRY_S = 1.0              # between attempts to open the driver
_IDLE_WARNING_S = 10.0
_JOINTS = ['pan_joint', 'tilt_joint']

class GimbalNode(Node):
    """Moves the axes as :class:`Gimbal` decides, in a thread of its own, and publishes their state."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('gimbal', **node_kwargs)
        self._lock = threading.Lock()
        self._settings = RosParameters(self, GimbalParameters, self._on_parameters)
        parameters = self._settings.value
        for source, reason in DRIVERS.failed.items():
            self.get_logger().warning(f'gimbal driver not loaded: {source}: {reason}')
        self._base_frame = self._settings.frame('base_link')
        self._driver = DRIVERS[parameters.driver].make(parameters, self.get_namespace())
        self._gimbal = Gimbal(parameters, self._driver.resolution)
        self._key = run_key(self.get_namespace())
        self._feed = PermitFeed(self)
        self._permits = self._feed.monitor
        self._sample: GimbalSample | None = None  # None while there is no driver
        if self._driver.hardware:
            self._open_hardware()
        else:
            self.get_logger().info(f'driver "{self._driver.name}": no real motors')
        self._powered = False
        self._retry_s = -math.inf
        self._goal: ServerGoalHandle | None = None
        self._fed_back: tuple[Feedback | None, float] = (None, 0.0)
        self._noted: tuple[ReasonCode, bool] = (ReasonCode.OK, False)

        self._joints = self.create_publisher(JointState, 'joint_states', STREAM)
        self._pose = JointState(name=_JOINTS)  # made once: a new one 100 times a second costs processor time
        self._pose.header.frame_id = self._base_frame
        self._states = StatePublisher(
            self, GimbalState, 'gimbal/state', _STATE_PERIOD_S, min_interval_s=_STATE_INTERVAL_S)
        self._commands_in = PolledSubscription(self, GimbalCommand, 'gimbal/command', COMMAND)
        self.create_service(SetEnabled, 'gimbal/set_enabled', self._set_enabled)
        self.create_service(SetHome, 'gimbal/set_home', self._set_home)
        self.create_service(AccessRegisters, 'gimbal/access_registers', self._registers)
        self._actions = [
            DeferredActionServer(self, Home, 'gimbal/home', self._home, cancel_callback=self._cancel),
            DeferredActionServer(self, Calibrate, 'gimbal/calibrate', self._calibrate, cancel_callback=self._cancel)]

        self._log = BackgroundLog(self)
        self._thread = Periodic('gimbal', PERIOD_S, self._tick, self._on_thread_error, real_time=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop, and switch the motors off."""
        self._thread.stop()
        self._driver.close()
        self._log.close()
        for action in self._actions:
            action.destroy()
        super().destroy_node()

    def _open_hardware(self) -> None:
        """Open the hardware, so that a start without it is refused at once.

        Raises:
            TurretError: DRIVER_FAULT, or NOT_SUPPORTED with simulated time.
        """
        if self.get_parameter('use_sim_time').value:
            raise TurretError(ReasonCode.NOT_SUPPORTED, 'real motors are not driven with use_sim_time')
        self._driver.open()
        self._sample = self._driver.read()

    def _on_parameters(self, parameters: GimbalParameters) -> None:
        with self._lock:
            self._gimbal.parameters = parameters

    def _on_thread_error(self, error: BaseException) -> None:
        self.get_logger().fatal(f'the motors are not driven any more: {type(error).__name__}: {error}')
        self.context.try_shutdown()

    # The motors, in a thread of their own

    def _tick(self) -> None:
        permits = self._feed.update()
        commands = [
            command_of(message) if command_authentic(message, self._key) else None
            for message in self._commands_in.take()]
        now_ns = time.monotonic_ns()  # after the messages were taken: none of them may be from the future
        with self._lock:
            for command in commands:
                if command is not None:
                    self._gimbal.command(command, now_ns)
                else:
                    self._gimbal.observe_foreign_command(now_ns)
            self._gimbal.observe_stops(permits.take_stop(), permits.take_estop())
            motions = None
            if self._sample is not None:
                motions = self._gimbal.tick(self._sample, permits.motion_code(now_ns), now_ns)
        try:
            self._drive(motions, 1e-9 * now_ns)
        except TurretError as error:
            self._driver.close()
            self._sample = None
            self._retry_s = 1e-9 * now_ns + _RETRY_S
            with self._lock:
                self._gimbal.driver_lost(error)
        with self._lock:
            view = self._gimbal.view(now_ns)
            feedback = self._gimbal.feedback
        self._publish_joints(view)
        self._states.update(_state_key(view), lambda: self._state(view))
        self._publish_feedback(feedback, 1e-9 * now_ns)
        self._note(view)

    def _drive(self, motions: Motions | None, now_s: float) -> None:
        """Pass the order on and read the driver, or open it where that is due."""
        if motions is None:
            if now_s < self._retry_s:
                return
            self._driver.open()
            self._powered = False
        else:
            if motions.enabled != self._powered:
                self._driver.enable(motions.enabled)
                self._powered = motions.enabled
            if self._powered:
                self._sample = self._driver.exchange(motions.pan, motions.tilt, self._permits.until_ns)
                return
        self._sample = self._driver.read()

    def _publish_joints(self, view: GimbalView) -> None:
        """Publish the pose that the driver has just reported; without home there is none."""
        sample = self._sample
        if sample is None or not (view.pan.homed and view.tilt.homed):
            return
        pose, stamp_ns = self._pose, time.time_ns() + sample.t_ns - time.monotonic_ns()
        pose.header.stamp.sec, pose.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        pose.position = [sample.pan.position - view.pan.home, sample.tilt.position - view.tilt.home]
        pose.velocity = [sample.pan.velocity, sample.tilt.velocity]
        self._joints.publish(pose)

    def _state(self, view: GimbalView) -> GimbalState:
        message = GimbalState(
            driver=self._driver.name, hardware=self._driver.hardware,
            pan=self._axis_state(view.pan), tilt=self._axis_state(view.tilt), motion=view.activity,
            home_count=view.home_count, command_age_s=view.command_age_s, idle_release_s=view.idle_release_s,
            code=view.code, message=view.message)
        message.header.frame_id = self._base_frame
        return message

    def _axis_state(self, axis: AxisView) -> AxisState:
        return AxisState(
            name=axis.name, state=axis.condition, position_source=self._driver.position_source, position=axis.position,
            velocity=axis.velocity, lower=axis.limits.lower, upper=axis.limits.upper,
            max_velocity=axis.limits.max_velocity, max_acceleration=axis.limits.max_acceleration, enabled=axis.enabled,
            moving=axis.moving, homed=axis.homed, home=axis.home, calibrated=axis.calibrated,
            lower_switch=axis.lower_switch, upper_switch=axis.upper_switch)

    def _publish_feedback(self, feedback: Feedback | None, now_s: float) -> None:
        goal, (sent, sent_s) = self._goal, self._fed_back
        if feedback is None or goal is None:
            return
        if sent is None or feedback[:2] != sent[:2] or now_s - sent_s >= _FEEDBACK_PERIOD_S:
            self._fed_back = (feedback, now_s)
            goal.publish_feedback(feedback_type(goal)(**feedback._asdict()))

    def _note(self, view: GimbalView) -> None:
        """Log what a person should know: faults, and motors that are about to be released."""
        code, warned = self._noted
        idle = view.idle_release_s < _IDLE_WARNING_S
        if view.code != code and view.code not in _ORDINARY:
            self._log.warning(view.message)
        if idle and not warned:
            self._log.warning(f'no motion: the motors will be released in {view.idle_release_s:.0f} s')
        self._noted = (view.code, idle)

    # Services and actions

    @answered
    def _set_enabled(self, request: SetEnabled.Request, response: SetEnabled.Response) -> None:
        self._permits.check_lease(request.lease_id, time.monotonic_ns())
        with self._lock:
            self._gimbal.set_enabled(request.enabled)

    @answered
    def _set_home(self, request: SetHome.Request, response: SetHome.Response) -> None:
        self._permits.check_lease(request.lease_id, time.monotonic_ns())
        with self._lock:
            changes = self._gimbal.set_home()
        self._settings.set(changes)

    @answered
    def _registers(self, request: AccessRegisters.Request, response: AccessRegisters.Response) -> None:
        self._permits.check_lease(request.lease_id, time.monotonic_ns())
        for write in request.write:
            self._driver.write_register(write.axis, write.address, write.value)
        response.registers = [
            RegisterValue(
                axis=register.axis, name=register.name, address=register.address, value=register.value or 0,
                valid=register.value is not None)
            for register in self._driver.registers()]

    async def _home(self, goal: ServerGoalHandle) -> Home.Result:
        result = Home.Result()
        await self._procedure(goal, self._gimbal.start_homing, result)
        return result

    async def _calibrate(self, goal: ServerGoalHandle) -> Calibrate.Result:
        result = Calibrate.Result()
        await self._procedure(goal, self._gimbal.start_calibration, result)
        with self._lock:
            view = self._gimbal.view(time.monotonic_ns())
        for axis in (view.pan, view.tilt):
            setattr(result, f'{axis.name}_lower', axis.limits.lower if result.success else math.nan)
            setattr(result, f'{axis.name}_upper', axis.limits.upper if result.success else math.nan)
        return result

    async def _procedure(self, goal: ServerGoalHandle, start: Callable[[Done], None], result: Any) -> None:
        """Run a procedure to its end and fill its result."""
        def begin(done: Done) -> None:
            self._permits.check_lease(goal.request.lease_id, time.monotonic_ns())
            with self._lock:
                start(done)
            self._goal = goal

        try:
            await ended(self, begin)
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        finally:
            if self._goal is goal:
                self._goal = None

    def _cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        with self._lock:
            self._gimbal.cancel()
        return CancelResponse.ACCEPT


def _state_key(view: GimbalView) -> Any:
    """Return what a state is published for at once when it changes."""
    return (view.activity, view.code, view.home_count, view.pan.lasting(), view.tilt.lasting())


#: Reasons that come and go in ordinary use and are not worth a line in the log.
_ORDINARY = frozenset({
    ReasonCode.OK, ReasonCode.COMMAND_STALE, ReasonCode.SOFT_LIMIT, ReasonCode.NOT_ENABLED, ReasonCode.NOT_HOMED,
    ReasonCode.NOT_READY, ReasonCode.PERMIT_MISSING})


def main() -> int:
    """Run the node."""
    return run(GimbalNode, real_time=True)


if __name__ == '__main__':
    raise SystemExit(main())
