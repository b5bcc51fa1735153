"""The controller node: the one publisher of ``gimbal/command``."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import JointState, Joy

from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.permit import PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import CameraFeed
from turret_common.ros.node import answered, run
from turret_common.ros.params import ArmedGuard, RosParameters
from turret_common.ros.qos import COMMAND, PERMIT, STATE, STREAM
from turret_common.ros.subscriptions import AwaitedSubscription, PolledSubscription
from turret_common.ros.time import seconds, stamp_from
from turret_common.threads.periodic import Periodic
from turret_common.validation import require_range
from turret_control.actions.ros_actions import ControllerActions
from turret_control.actions.ros_boresight import BoresightCalibration
from turret_control.aiming.selection import Priority
from turret_control.boresight.boresight import Boresight, Dot, fit_boresight
from turret_control.boresight.store import load_boresight, save_boresight
from turret_control.controller.controller import Controller, Status
from turret_control.controller.presets import Preset, PresetStore
from turret_control.controller.ros_messages import (
    aim_message,
    observe_joints,
    observe_permit,
    observe_tracks,
    report_from,
    state_message,
    write_command,
)
from turret_control.controller_parameters import ControllerParameters
from turret_control.handset.handset import parse
from turret_control.handset.mqtt_joy import MqttJoy
from turret_control.motion import STOP
from turret_msgs.msg import (
    AimTarget,
    ControllerState,
    FireRequest,
    GimbalCommand,
    GimbalState,
    Jog,
    SafetyPermit,
    SafetyState,
    TrackArray,
)
from turret_msgs.srv import (
    DeletePreset,
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
_FREE_WHILE_ARMED = ('aim.', 'selection.')  # gains and delays, and the choice of the target
_SELDOM = 3             # turns between readings of what changes seldom
_RATE_SHARE = 0.02      # of the newest period in the measured rate
_MOST_BORESIGHT = 0.5    # rad
_MOST_OFFSET_M = 1.0


class ControllerNode(Node):
    """Feeds :class:`Controller` with messages and sends what it decides: at each image, and between them as needed."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('controller', **node_kwargs)
        self._lock = threading.Lock()
        self._settings = RosParameters(
            self, ControllerParameters, self._on_parameters, ArmedGuard(self, _FREE_WHILE_ARMED))
        self._base_frame = self._settings.frame('base_link')
        self._controller = Controller(self._settings.value)
        self._permit = PermitMonitor()
        self._presets = PresetStore(state_dir(self.get_namespace()) / 'presets.json')
        self._presets.load()
        self._boresight_path = state_dir(self.get_namespace()) / 'boresight.json'
        self._controller.target.boresight = load_boresight(self._boresight_path)
        self._auto_fire = False
        self._started = self.get_clock().now().to_msg()
        self._status: Status | None = None
        self._state_due = 0.0
        self._seq = self._fire_seq = 0
        self._jog_seq = -1
        self._rate_hz = self._settings.value.rate_hz
        self._ticked = time.monotonic()

        self._command = GimbalCommand()
        self._command.header.frame_id = self._base_frame
        self._command_out = self.create_publisher(GimbalCommand, 'gimbal/command', COMMAND)
        self._target_out = self.create_publisher(AimTarget, 'controller/target', STREAM)
        self._state_out = self.create_publisher(ControllerState, 'controller/state', STATE)
        self._fire_out = self.create_publisher(FireRequest, 'controller/fire_request', COMMAND)

        self._tracks_in = AwaitedSubscription(self, TrackArray, 'vision/tracks', STREAM)
        self._joints_in = PolledSubscription(self, JointState, 'joint_states', STREAM)
        self._permit_in = PolledSubscription(self, SafetyPermit, 'safety/permit', PERMIT)
        self._jog_in = PolledSubscription(self, Jog, 'controller/jog', COMMAND)
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
        self._thread = Periodic(
            'control', 1.0 / self._settings.value.rate_hz, self._tick, self._on_thread_error, self._wait)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop the head, then end."""
        self._thread.stop()
        self._tracks_in.close()
        if self._handset:
            self._handset.stop()
        if self.context.ok():
            self._command_out.publish(write_command(
                self._command, STOP, self._seq + 1, self.get_clock().now().to_msg()))
        self._actions.destroy()
        self._calibration.destroy()
        super().destroy_node()

    def _on_parameters(self, parameters: ControllerParameters) -> None:
        with self._lock:
            self._controller.parameters = parameters

    # The loop

    def _wait(self, usual_s: float) -> bool:
        return self._tracks_in.wait(usual_s + self._controller.patience_s)

    def _tick(self) -> None:
        now = time.monotonic()
        if now > self._ticked:
            self._rate_hz += _RATE_SHARE * (1.0 / (now - self._ticked) - self._rate_hz)
        self._ticked = now
        with self._lock:
            self._turn(now)

    def _on_thread_error(self, error: BaseException) -> None:
        self.get_logger().fatal(f'the head is not controlled any more: {type(error).__name__}: {error}')
        self.context.try_shutdown()

    def _turn(self, now: float) -> None:
        clock = self.get_clock().now()
        to_steady = now - 1e-9 * clock.nanoseconds
        seen = self._read(now, to_steady)
        controller, stamp = self._controller, clock.to_msg()
        if self._permit.stopped:
            controller.halt()
        command = controller.tick(now, self._permit.motion_code(time.monotonic_ns()))
        self._seq += 1
        self._command_out.publish(write_command(self._command, command, self._seq, stamp))
        if seen:
            self._publish_aim(to_steady, stamp)
        due = now >= self._state_due
        if due:
            self._state_due = max(self._state_due, now - _STATE_PERIOD_S) + _STATE_PERIOD_S
        if due or controller.status != self._status:
            self._status = controller.status
            self._state_out.publish(state_message(
                controller, self._presets.all(), self._actions.pattern, self._rate_hz, stamp, self._started))

    def _read(self, now: float, to_steady: float) -> bool:
        """Take every input that has arrived; return whether there was a new image."""
        controller = self._controller
        for permit in self._permit_in.take():
            observe_permit(self._permit, permit)
        if self._seq % _SELDOM == 0:
            self._read_states()
        for joints in self._joints_in.take():
            observe_joints(controller, joints, now, to_steady)
        for jog in self._jog_in.take():
            self._take_jog(jog, now)
        for joy in self._joy_in.take() if self._joy_in else ():
            self._take_joy(joy, now)
        for text in self._handset.take() if self._handset else ():
            self._take_handset(text, now)
        seen = False
        for tracks in self._tracks_in.take():
            observe_tracks(controller, tracks, now, to_steady)
            seen = True
        return seen

    def _read_states(self) -> None:
        """Take what changes seldom."""
        for gimbal in self._gimbal_in.take():
            self._controller.drive.observe_gimbal(report_from(gimbal))
        self._controller.target.camera = self._camera_in.catch_up()
        for safety in self._safety_in.take():
            self._auto_fire = safety.auto_fire

    def _take_jog(self, jog: Jog, now: float) -> None:
        if jog.seq <= self._jog_seq and jog.seq > 0:
            return
        self._jog_seq = jog.seq
        try:
            self._permit.check_lease(jog.lease_id, time.monotonic_ns())
            self._controller.jog(jog.pan_rate, jog.tilt_rate, now)
        except TurretError as error:
            self.get_logger().warning(f'jog refused: {error.message}', throttle_duration_sec=1.0)

    def _take_joy(self, joy: Joy, now: float) -> None:
        """Jog by a joystick, which has no lease: only while nobody is the operator and its button is held."""
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
        """Jog by the handset, which has neither a lease nor a button to hold: only while nobody is the operator.

        One that is let go ends its own jog and is not heard otherwise: it sends all the time. It never fires.
        """
        settings = self._settings.value.mqtt_joy
        try:
            stick = parse(text)
            if self._has_operator() or (stick.centerd and not self._handset_holds):
                self._handset_holds = False
                return
            self._controller.jog(-settings.rate * stick.x, settings.rate * stick.y, now, settings.hold_s)
            self._handset_holds = not stick.centerd
        except TurretError as error:
            self.get_logger().warning(f'handset refused: {error.message}', throttle_duration_sec=1.0)

    def _has_operator(self) -> bool:
        """Return whether somebody holds the lease, or nobody knows."""
        return self._permit.newest is None or bool(self._permit.newest.lease_digest)

    def _publish_aim(self, to_steady: float, stamp: Any) -> None:
        self._target_out.publish(aim_message(
            self._controller.target.aim, to_steady, stamp, self._base_frame))
        decision = self._controller.fire_decision()
        if decision is not None and self._auto_fire:
            self._fire_seq += 1
            request = FireRequest(seq=self._fire_seq, track_id=decision.track_id, aim_error=decision.aim_error)
            request.header.stamp = stamp_from(decision.stamp - to_steady)
            self._fire_out.publish(request)

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
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no priority {request.priority}')
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
            self._state_due = 0.0

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
            self._state_due = 0.0

    @answered
    def _set_boresight(self, request: SetBoresight.Request, response: SetBoresight.Response) -> None:
        with self._lock:
            self._operator(request)
            boresight = Boresight() if request.reset else self._asked_boresight(request)
            self._set_and_save(boresight)
        response.residual = boresight.residual

    def _accept_boresight(self, boresight: Boresight) -> None:
        with self._lock:
            self._set_and_save(boresight)

    def _set_and_save(self, boresight: Boresight) -> None:
        save_boresight(self._boresight_path, boresight)
        self._controller.target.boresight = boresight
        self._state_due = 0.0

    def _asked_boresight(self, request: SetBoresight.Request) -> Boresight:
        now, offsets = self._controller.target.boresight, (request.offset_y, request.offset_z)
        known = tuple(old if math.isnan(new) else new for new, old in zip(
            offsets, (now.offset_y, now.offset_z), strict=True))
        if request.points:
            if self._controller.target.camera is None:
                raise TurretError(ReasonCode.NO_CALIBRATION, 'the camera has not described itself yet')
            head = self._controller.drive.head.head
            dots = [Dot(point.x, point.y, point.z, head.pan, head.tilt) for point in request.points]
            find = len(dots) > 1 and all(map(math.isnan, offsets))
            return fit_boresight(
                dots, self._controller.target.camera, None if find else (known[0], known[1]),
                self._controller.target.sight.camera_at)
        require_range('azimuth', request.azimuth, -_MOST_BORESIGHT, _MOST_BORESIGHT)
        require_range('elevation', request.elevation, -_MOST_BORESIGHT, _MOST_BORESIGHT)
        for name, offset in zip(('offset_y', 'offset_z'), known, strict=True):
            require_range(name, offset, -_MOST_OFFSET_M, _MOST_OFFSET_M)
        return Boresight(request.azimuth, request.elevation, known[0], known[1], calibrated=True)


def main() -> int:
    """Run the node."""
    return run(ControllerNode)


if __name__ == '__main__':
    raise SystemExit(main())
