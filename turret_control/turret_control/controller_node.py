# SPDX-License-Identifier: Apache-2.0
"""Controller node: the only publisher of ``gimbal/command``."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Joy

from turret_common.errors import TurretError
from turret_common.messages.run_key import run_key
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_common.ros.critical import critical
from turret_common.ros.images import CameraFeed
from turret_common.ros.joint_feed import JointFeed
from turret_common.ros.node import answered, run
from turret_common.ros.params import ArmedGuard, RosParameters
from turret_common.ros.permit_feed import PermitFeed
from turret_common.ros.qos import COMMAND, STATE, STREAM
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import AwaitedSubscription, PolledSubscription
from turret_common.ros.time import seconds, stamp_from
from turret_common.validation import require_range
from turret_control.actions.ros_actions import ControllerActions
from turret_control.actions.ros_boresight import BoresightCalibration
from turret_control.aiming.selection import Priority
from turret_control.boresight.boresight import Boresight, Dot, fit_boresight
from turret_control.boresight.store import boresight_file
from turret_control.controller.controller import Controller
from turret_control.controller.cycle import Inputs, run_cycle
from turret_control.controller.pacing import Pacing
from turret_control.controller.presets import Preset, PresetStore
from turret_control.controller.ros_messages import (
    aim_message,
    readiness_from,
    state_message,
    tracks_from,
    write_command,
)
from turret_control.controller.target_follower import FireDecision
from turret_control.controller_parameters import ControllerParameters
from turret_control.gimbal.ros_messages import sign_command
from turret_control.handset.handset import parse
from turret_control.handset.mqtt_joy import MqttJoy
from turret_control.motion import STOP, Command
from turret_control.safety.ros_messages import sign_request, state_valid
from turret_msgs.msg import (
    AimTarget,
    ControllerState,
    FireRequest,
    GimbalCommand,
    GimbalState,
    SafetyState,
    TrackArray,
)
from turret_msgs.srv import (
    DeletePreset,
    Jog,
    LookAtPixel,
    MoveTo,
    Nudge,
    RecallPreset,
    SavePreset,
    SelectTarget,
    SetBoresight,
    SetMode,
)

_STATE_PERIOD_S = 0.1
_FREE_WHILE_ARMED = ('aim.', 'selection.')  # gains, delays, and target selection
_SLOW_CYCLES = 3        # cycles between readings of topics that change slowly
_RATE_SHARE = 0.02      # share of the newest period in the measured rate
_MAX_BORESIGHT = 0.5    # rad
_MAX_OFFSET_M = 1.0


class ControllerNode(Node):
    """Runs a control cycle at each image, and in between at a minimum rate, and publishes its results."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('controller', **node_kwargs)
        self._lock = threading.Lock()
        self._settings = RosParameters(
            self, ControllerParameters, self._on_parameters, ArmedGuard(self, _FREE_WHILE_ARMED))
        self._base_frame = self._settings.frame('base_link')
        self._controller = Controller(self._settings.value)
        self._pacing = Pacing()
        self._presets = PresetStore(state_dir(self.get_namespace()) / 'presets.json', self._on_unusable_file)
        self._boresight_file = boresight_file(self.get_namespace())
        self._controller.target.boresight = (
            self._boresight_file.load_or_set_aside(self._on_unusable_file) or Boresight())
        self._auto_fire = False
        self._seq = self._fire_seq = 0
        self._jogged = ('', -1)  # lease and number of the latest jog
        self._rate_hz = self._settings.value.rate_hz
        self._last_cycle = time.monotonic()

        self._command = GimbalCommand(epoch=time.monotonic_ns())
        self._command.header.frame_id = self._base_frame
        self._command_out = self.create_publisher(GimbalCommand, 'gimbal/command', COMMAND)
        self._target_out = self.create_publisher(AimTarget, 'controller/target', STREAM)
        self._state = StatePublisher(self, ControllerState, 'controller/state', _STATE_PERIOD_S)
        self._fire_out = self.create_publisher(FireRequest, 'controller/fire_request', COMMAND)

        self._tracks_in = AwaitedSubscription(self, TrackArray, 'vision/tracks', STREAM)
        self._joints_in = JointFeed(self)
        self._key = run_key(self.get_namespace())
        self._permit_in = PermitFeed(self)
        self._permit = self._permit_in.monitor
        self._joy_in = PolledSubscription(self, Joy, 'joy', COMMAND) if self._settings.value.joy.enabled else None
        self._handset = MqttJoy(self._settings.value.mqtt_joy) if self._settings.value.mqtt_joy.enabled else None
        self._handset_holds = False
        self._gimbal_in = PolledSubscription(self, GimbalState, 'gimbal/state', STATE)
        self._safety_in = PolledSubscription(self, SafetyState, 'safety/state', STATE)
        self._camera_in = CameraFeed(self)

        self.create_service(SetMode, 'controller/set_mode', self._set_mode)
        self.create_service(SelectTarget, 'controller/select_target', self._select_target)
        self.create_service(MoveTo, 'controller/move_to', self._move_to)
        self.create_service(Nudge, 'controller/nudge', self._nudge)
        self.create_service(Jog, 'controller/jog', self._jog)
        self.create_service(LookAtPixel, 'controller/look_at_pixel', self._look_at_pixel)
        self.create_service(SavePreset, 'controller/save_preset', self._save_preset)
        self.create_service(RecallPreset, 'controller/recall_preset', self._recall_preset)
        self.create_service(DeletePreset, 'controller/delete_preset', self._delete_preset)
        self.create_service(SetBoresight, 'controller/set_boresight', self._set_boresight)
        self._actions = ControllerActions(
            self, self._lock, self._controller, self._permit, self._presets, self._settings)
        self._calibration = BoresightCalibration(self, self._permit, self._controller, self._accept_boresight)

        if self._handset:
            self._handset.start()
        self._thread = critical(self, 'control', 1.0 / self._settings.value.rate_hz, self._on_cycle, self._wait)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop the head, then destroy the node."""
        self._thread.stop()
        self._tracks_in.close()
        if self._handset:
            self._handset.stop()
        if self.context.ok():
            self._send(STOP, self.get_clock().now().to_msg())
        self._actions.destroy()
        self._calibration.destroy()
        super().destroy_node()

    def _on_parameters(self, parameters: ControllerParameters) -> None:
        with self._lock:
            self._controller.parameters = parameters

    def _on_unusable_file(self, error: TurretError) -> None:
        self.get_logger().error(error.message)

    # Control loop

    def _wait(self, usual_s: float) -> bool:
        return self._tracks_in.wait(usual_s + self._pacing.extra_s)

    def _on_cycle(self) -> None:
        now = time.monotonic()
        if now > self._last_cycle:
            self._rate_hz += _RATE_SHARE * (1.0 / (now - self._last_cycle) - self._rate_hz)
        self._last_cycle = now
        with self._lock:
            self._run_cycle(now)

    def _run_cycle(self, now: float) -> None:
        clock = self.get_clock().now()
        stamp, to_steady = clock.to_msg(), now - 1e-9 * clock.nanoseconds
        controller = self._controller
        outputs = run_cycle(controller, self._receive(now, to_steady))
        self._pacing.update(controller.mode, outputs.command)
        self._send(outputs.command, stamp)
        if outputs.new_image:
            self._target_out.publish(aim_message(outputs.aim, to_steady, stamp, self._base_frame))
        if outputs.fire is not None and self._auto_fire:
            self._request_fire(outputs.fire, to_steady)
        self._state.update(controller.status, lambda: state_message(
            controller, self._presets.all(), self._actions.pattern_state(), self._rate_hz))

    def _send(self, command: Command, stamp: Any) -> None:
        self._seq += 1
        message = write_command(self._command, command, self._seq, stamp)
        message.monotonic_ns = time.monotonic_ns()
        self._command_out.publish(sign_command(message, self._key))

    def _receive(self, now: float, to_steady: float) -> Inputs:
        """Take all messages received since the last cycle; ``to_steady`` + stamp = steady time in s."""
        self._permit_in.update()
        gimbal = None
        if self._seq % _SLOW_CYCLES == 0:
            for state in self._gimbal_in.take():
                gimbal = readiness_from(state)
            for safety in self._safety_in.take():
                if state_valid(safety, self._key, time.monotonic_ns()):
                    self._auto_fire = safety.auto_fire
            self._camera_in.catch_up()
        for joy in self._joy_in.take() if self._joy_in else ():
            self._take_joy(joy, now)
        for text in self._handset.take() if self._handset else ():
            self._take_handset(text, now)
        return Inputs(
            now, self._permit.motion_code(time.monotonic_ns()), self._permit.take_stop(), self._camera_in.camera,
            gimbal,
            [(stamp + to_steady, pose) for stamp, pose in self._joints_in.take()],
            [tracks_from(tracks, to_steady) for tracks in self._tracks_in.take()])

    def _take_joy(self, joy: Joy, now: float) -> None:
        """Jog by a joystick, which has no lease: only without an operator and while its dead-man button is held."""
        settings = self._settings.value.joy
        enough = len(joy.axes) > max(settings.pan_axis, settings.tilt_axis) and len(joy.buttons) > settings.deadman
        if self._has_operator() or not enough or not joy.buttons[settings.deadman]:
            return
        try:
            self._controller.jog(
                settings.rate * joy.axes[settings.pan_axis], settings.rate * joy.axes[settings.tilt_axis], now)
        except TurretError as error:
            self.get_logger().warning(f'joystick refused: {error.message}', throttle_duration_sec=1.0)

    def _take_handset(self, text: str, now: float) -> None:
        """Jog by the handset, which has neither a lease nor a dead-man button: only without an operator.

        The handset publishes all the time. Centered, it ends its own jog and is ignored otherwise. It never fires.
        """
        settings = self._settings.value.mqtt_joy
        try:
            stick = parse(text)
            if self._has_operator() or (stick.centered and not self._handset_holds):
                self._handset_holds = False
                return
            self._controller.jog(-settings.rate * stick.x, settings.rate * stick.y, now, settings.hold_s)
            self._handset_holds = not stick.centered
        except TurretError as error:
            self.get_logger().warning(f'handset refused: {error.message}', throttle_duration_sec=1.0)

    def _has_operator(self) -> bool:
        """Return whether there is an operator, or no permit yet."""
        return self._permit.newest is None or bool(self._permit.newest.lease_digest)

    def _request_fire(self, decision: FireDecision, to_steady: float) -> None:
        self._fire_seq += 1
        request = FireRequest(seq=self._fire_seq, track_id=decision.track_id, aim_error=decision.aim_error)
        request.header.stamp = stamp_from(decision.stamp - to_steady)
        self._fire_out.publish(sign_request(request, self._key))

    # Services

    def _operator(self, request: Any) -> None:
        self._permit.check_lease(request.lease_id, time.monotonic_ns())

    @answered
    def _set_mode(self, request: SetMode.Request, _: SetMode.Response) -> None:
        with self._lock:
            self._operator(request)
            self._controller.set_mode(request.mode)

    @answered
    def _select_target(self, request: SelectTarget.Request, _: SelectTarget.Response) -> None:
        if request.priority not in list(Priority):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'priority {request.priority} does not exist')
        with self._lock:
            self._operator(request)
            self._controller.target.select(request.track_id)
        self._settings.set({'selection.priority': Priority(request.priority).name.lower()})

    @answered
    def _move_to(self, request: MoveTo.Request, _: MoveTo.Response) -> None:
        with self._lock:
            self._operator(request)
            self._controller.move_to(request.pan, request.tilt, request.rate, time.monotonic())

    @answered
    def _nudge(self, request: Nudge.Request, _: Nudge.Response) -> None:
        with self._lock:
            self._operator(request)
            self._controller.nudge(request.pan, request.tilt, time.monotonic())

    @answered
    def _jog(self, request: Jog.Request, _: Jog.Response) -> None:
        with self._lock:
            self._operator(request)
            lease, seq = self._jogged
            if 0 < request.seq <= seq and request.lease_id == lease:
                raise TurretError(ReasonCode.STALE_INPUT, f'a jog after number {request.seq} has arrived already')
            self._controller.jog(request.pan_rate, request.tilt_rate, time.monotonic())
            self._jogged = (request.lease_id, request.seq)

    @answered
    def _look_at_pixel(self, request: LookAtPixel.Request, _: LookAtPixel.Response) -> None:
        stamp = seconds(request.stamp)
        now = time.monotonic()
        age = 1e-9 * self.get_clock().now().nanoseconds - stamp
        with self._lock:
            self._operator(request)
            self._controller.look_at_pixel(request.x, request.y, now - age if stamp else None, now)

    @answered
    def _save_preset(self, request: SavePreset.Request, _: SavePreset.Response) -> None:
        with self._lock:
            self._operator(request)
            preset = Preset(request.pan, request.tilt)
            if request.current:
                pose = self._controller.measured(time.monotonic())
                preset = Preset(pose.pan, pose.tilt)
            self._presets.save(request.name, preset)
            self._state.request()

    @answered
    def _recall_preset(self, request: RecallPreset.Request, _: RecallPreset.Response) -> None:
        with self._lock:
            self._operator(request)
            self._controller.move_to(*self._presets.get(request.name), 0.0, time.monotonic())

    @answered
    def _delete_preset(self, request: DeletePreset.Request, _: DeletePreset.Response) -> None:
        with self._lock:
            self._operator(request)
            self._presets.delete(request.name)
            self._state.request()

    @answered
    def _set_boresight(self, request: SetBoresight.Request, response: SetBoresight.Response) -> None:
        with self._lock:
            self._operator(request)
            boresight = Boresight() if request.reset else self._requested_boresight(request)
            self._set_and_save(boresight)
        response.residual = boresight.residual

    def _accept_boresight(self, boresight: Boresight) -> None:
        with self._lock:
            self._set_and_save(boresight)

    def _set_and_save(self, boresight: Boresight) -> None:
        if boresight.calibrated:
            self._boresight_file.save(boresight)
        else:
            self._boresight_file.remove()
        self._controller.target.boresight = boresight
        self._state.request()

    def _requested_boresight(self, request: SetBoresight.Request) -> Boresight:
        now, offsets = self._controller.target.boresight, (request.offset_y, request.offset_z)
        known = tuple(old if math.isnan(new) else new for new, old in zip(
            offsets, (now.offset_y, now.offset_z), strict=True))
        if request.points:
            if self._controller.target.camera is None:
                raise TurretError(ReasonCode.NO_CALIBRATION, 'no camera_info received yet')
            head = self._controller.head.model.head_pose
            dots = [Dot(point.x, point.y, point.z, head.pan, head.tilt) for point in request.points]
            fit_offset = len(dots) > 1 and all(map(math.isnan, offsets))
            return fit_boresight(
                dots, self._controller.target.camera, None if fit_offset else (known[0], known[1]),
                self._controller.target.sight.camera_at)
        require_range('azimuth', request.azimuth, -_MAX_BORESIGHT, _MAX_BORESIGHT)
        require_range('elevation', request.elevation, -_MAX_BORESIGHT, _MAX_BORESIGHT)
        for name, offset in zip(('offset_y', 'offset_z'), known, strict=True):
            require_range(name, offset, -_MAX_OFFSET_M, _MAX_OFFSET_M)
        return Boresight(request.azimuth, request.elevation, known[0], known[1], calibrated=True)


def main() -> int:
    """Run the node."""
    return run(ControllerNode)


if __name__ == '__main__':
    raise SystemExit(main())
