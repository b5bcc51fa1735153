# SPDX-License-Identifier: Apache-2.0
"""The node ``gimbal`` on a simulated head."""

from __future__ import annotations

import dataclasses
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from turret_common import permit
from turret_common.errors import TurretError
from turret_common.messages.run_key import run_key
from turret_common.permit import lease_digest
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_common.ros.qos import COMMAND, PERMIT, STATE, STREAM
from turret_common.ros.time import seconds
from turret_common.testing.ros_testing import RosHarness, blocking_calls, signed
from turret_common.testing.waiting import wait_until
from turret_control import gimbal_node
from turret_control.drivers.driver import GimbalDriver, Register
from turret_control.drivers.simulation import SimDriver
from turret_control.gimbal import gimbal
from turret_control.gimbal.ros_messages import sign_command
from turret_control.gimbal_node import GimbalNode
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant.server import PlantServer
from turret_control.plant_parameters import PlantAxis, PlantParameters
from turret_control.safety_parameters import SafetyParameters
from turret_msgs.action import Calibrate, Home
from turret_msgs.msg import AxisState, GimbalCommand, GimbalState, RegisterValue, SafetyPermit
from turret_msgs.srv import AccessRegisters, SetEnabled, SetHome

LEASE = 'the operator'
NAN = math.nan
HEAD = PlantParameters(
    pan=PlantAxis(lower_switch=-0.5, upper_switch=0.5, start=0.07),
    tilt=PlantAxis(lower_switch=-0.4, upper_switch=0.4, start=-0.05))


class Bench:
    """A gimbal node, its plant, and a stand-in for the safety node."""

    def __init__(self, ros: RosHarness, **parameters: Any) -> None:
        self.ros = ros
        self.motion_ok, self.reasons, self.stops, self.estops = True, [], 0, 0
        self.plant = Plant(HEAD, time.monotonic_ns(), Hidden())
        self.errors: list[BaseException] = []
        self.server = PlantServer(self.plant, plant_socket('turret'), lambda plant: 0.05, self.errors.append)
        self.server.start()
        self.link = PlantLink(plant_socket('turret'), timeout_s=2.0)
        self.states = ros.collect(GimbalState, 'gimbal/state', STATE)
        self.joints = ros.collect(JointState, 'joint_states', STREAM)
        self.commands = ros.probe.create_publisher(GimbalCommand, 'gimbal/command', COMMAND)
        self.permits_out = ros.probe.create_publisher(SafetyPermit, 'safety/permit', PERMIT)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._permit)
        self._thread.start()
        self.node = GimbalNode(
            context=ros.context, namespace='turret',
            parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()])
        self._seq = 0
        wait_until(lambda: self.states and self.state.pan.state != AxisState.STATE_UNKNOWN)

    def spin(self) -> None:
        """Let the node answer, and wait until it can tell who the operator is and its motors know of the permit."""
        self.ros.add(self.node)
        wait_until(lambda: self.enable(True, 'none').code == ReasonCode.WRONG_LEASE)
        wait_until(lambda: self.state.code != ReasonCode.PERMIT_STALE)

    def _permit(self) -> None:
        seq = 0
        while not self._ended.wait(0.02):
            seq += 1
            self.permits_out.publish(signed(SafetyPermit(
                epoch=1, seq=seq, monotonic_ns=time.monotonic_ns(), motion_ok=self.motion_ok,
                reasons=self.reasons, lease_digest=lease_digest(LEASE), stop_count=self.stops,
                estop_count=self.estops)))

    def silence_safety(self) -> None:
        self._ended.set()
        self._thread.join()

    def close(self) -> None:
        self.silence_safety()
        self.link.close()
        self.server.stop()
        assert self.errors == []

    @property
    def state(self) -> GimbalState:
        return wait_until(lambda: self.states and self.states[-1])

    def command(self, mode: int, **fields: float) -> None:
        self._seq += 1
        numbers = {'pan': NAN, 'tilt': NAN, 'pan_rate': NAN, 'tilt_rate': NAN, **fields}
        self.commands.publish(sign_command(GimbalCommand(
            epoch=1, seq=self._seq, monotonic_ns=time.monotonic_ns(), mode=mode, **numbers), run_key('turret')))

    def command_until(self, condition: Callable[[], Any], mode: int, **fields: float) -> None:
        def again() -> Any:
            self.command(mode, **fields)
            time.sleep(0.01)
            return condition()
        wait_until(again)

    def ask(self, kind: Any, name: str, **fields: Any) -> Any:
        return self.ros.call(kind, name, kind.Request(**fields))

    def enable(self, on: bool, lease_id: str = LEASE) -> Any:
        return self.ask(SetEnabled, 'gimbal/set_enabled', lease_id=lease_id, enabled=on)

    def start(self, kind: Any, name: str, lease_id: str = LEASE) -> tuple[Any, list[Any]]:
        """Send a goal; return its handle and the list of its feedback."""
        client: Any = ActionClient(self.ros.probe, kind, name)
        feedback: list[Any] = []
        assert client.wait_for_server(10.0)
        sent = client.send_goal_async(
            kind.Goal(lease_id=lease_id), feedback_callback=lambda message: feedback.append(message.feedback))
        wait_until(sent.done)
        return sent.result(), feedback

    def finish(self, handle: Any) -> Any:
        done = handle.get_result_async()
        wait_until(done.done, 30.0)
        return done.result().result

    def do(self, kind: Any, name: str, lease_id: str = LEASE) -> tuple[Any, list[Any]]:
        """Send a goal and wait for its end; return its result and feedback."""
        handle, feedback = self.start(kind, name, lease_id)
        return self.finish(handle), feedback

    def home(self) -> None:
        result, _ = self.do(Home, 'gimbal/home')
        assert result.success, result.message


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let permits and commands live longer, so that a busy machine fails no test; their age has its own tests."""
    monkeypatch.setattr(permit, 'PERMIT_LIFETIME_NS', 2_000_000_000)
    monkeypatch.setattr(gimbal, 'COMMAND_TIMEOUT_NS', 1_000_000_000)


@pytest.fixture
def make(ros: RosHarness) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def build(**parameters: Any) -> Bench:
        benches.append(Bench(ros, **parameters))
        benches[-1].spin()
        return benches[-1]

    yield build
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()


def turn(bench: Bench) -> None:
    bench.command_until(
        lambda: bench.joints[-1].velocity[0] > 0.29, GimbalCommand.MODE_VELOCITY, pan_rate=0.3, tilt_rate=0.0)


class Goal:
    """A goal that notes what is published of it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def publish_feedback(self, feedback: dict[str, Any]) -> None:
        self.heard.append(feedback)


def test_feedback_is_published_when_axis_or_phase_change_and_ten_times_a_second(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gimbal_node, 'feedback_type', lambda goal: dict)
    bench.node._thread.stop()  # noqa: SLF001  its ticks are given here
    goal = Goal()
    for progress, (axis, phase, now_s) in enumerate((
            ('pan', 'seek', 5.0), ('pan', 'seek', 5.0625), ('pan', 'center', 5.0625), ('tilt', 'center', 5.09375),
            ('tilt', 'center', 5.15625), ('tilt', 'center', 5.21875), ('tilt', 'center', 5.25))):
        bench.node._goal = goal  # noqa: SLF001  in place of one of a client
        bench.node._publish_feedback(gimbal.Feedback(axis, phase, progress), now_s)  # noqa: SLF001  one tick
        bench.node._publish_feedback(None, now_s)  # noqa: SLF001  nothing to tell
        bench.node._goal = None  # noqa: SLF001  no one to tell
        bench.node._publish_feedback(gimbal.Feedback('pan', 'other', 0.0), now_s)  # noqa: SLF001  as above
    assert [feedback['progress'] for feedback in goal.heard] == [0, 2, 3, 5]


def test_it_starts_without_current_and_says_that_nothing_is_real(bench: Bench) -> None:
    wait_until(lambda: bench.state.pan.state == AxisState.STATE_DISABLED)
    state = bench.state
    assert (state.driver, state.hardware, state.pan.position_source) == ('sim', False, AxisState.POSITION_COUNTED)
    assert (state.pan.enabled, state.pan.homed, state.code) == (False, False, ReasonCode.NOT_ENABLED)
    assert math.isnan(state.pan.position)
    assert math.isnan(state.command_age_s)
    assert not bench.link.call('read')['enabled']
    assert bench.joints == []


def test_homing_reports_progress_and_ends_at_zero(bench: Bench) -> None:
    result, feedback = bench.do(Home, 'gimbal/home')
    assert (result.success, result.code, result.message) == (True, 0, '')
    assert {message.phase for message in feedback} & {'seek', 'back_off', 'approach', 'center'}
    assert {message.axis for message in feedback} <= {'pan', 'tilt'}
    assert all(0.0 <= message.progress <= 1.0 for message in feedback)
    wait_until(lambda: bench.state.pan.homed and bench.state.tilt.homed)
    scene = bench.link.call('scene', t=time.monotonic_ns())
    assert (scene['pan'], scene['tilt']) == (pytest.approx(0.0, abs=0.02), pytest.approx(0.0, abs=0.02))


def test_joint_states_come_fast_and_stamped_when_measured(bench: Bench) -> None:
    bench.home()

    def rate() -> float:
        return 50.0 / (seconds(bench.joints[-1].header.stamp) - seconds(bench.joints[-51].header.stamp))

    wait_until(lambda: len(bench.joints) > 50 and rate() > 100.0)
    assert list(bench.joints[-1].name) == ['pan_joint', 'tilt_joint']
    assert 0.0 < time.time() - seconds(bench.joints[-1].header.stamp) < 0.5
    wait_until(lambda: len(bench.states) > 5)


def test_it_obeys_and_stops_when_nothing_comes_any_more(bench: Bench) -> None:
    bench.home()
    turn(bench)
    assert bench.state.motion == GimbalState.MOTION_COMMAND
    wait_until(lambda: bench.joints[-1].velocity[0] == 0.0, 2.0)
    wait_until(lambda: bench.state.code == ReasonCode.COMMAND_STALE)
    bench.command_until(
        lambda: abs(bench.joints[-1].position[0] + 0.2) < 1e-3, GimbalCommand.MODE_POSITION, pan=-0.2, tilt=0.1)


def test_a_command_that_is_no_number_stops_it(bench: Bench) -> None:
    bench.home()
    turn(bench)
    bench.command_until(
        lambda: bench.joints[-1].velocity[0] == 0.0, GimbalCommand.MODE_VELOCITY, pan_rate=0.3, tilt_rate=NAN)
    wait_until(lambda: bench.state.code == ReasonCode.NOT_FINITE)
    assert 'tilt_rate' in bench.state.message


@pytest.mark.parametrize('how', ['withheld', 'silent'])
def test_it_stops_without_the_permit(bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.home()
    turn(bench)
    if how == 'silent':
        monkeypatch.setattr(permit, 'PERMIT_LIFETIME_NS', 100_000_000)
        bench.silence_safety()
    bench.motion_ok = False
    bench.command_until(
        lambda: bench.joints[-1].velocity[0] == 0.0, GimbalCommand.MODE_VELOCITY, pan_rate=0.3, tilt_rate=0.0)
    code = ReasonCode.MOTION_NOT_PERMITTED if how == 'withheld' else ReasonCode.PERMIT_STALE
    wait_until(lambda: bench.state.code == code)
    assert bench.link.call('read')['enabled']


@pytest.mark.parametrize('lease_id', ['', 'of another operator'])
def test_only_the_operator_is_answered(bench: Bench, lease_id: str) -> None:
    assert bench.enable(True).success
    answer = bench.enable(False, lease_id)
    assert (answer.success, answer.code) == (False, ReasonCode.WRONG_LEASE)
    assert bench.link.call('read')['enabled']
    answer = bench.ask(SetHome, 'gimbal/set_home', lease_id=lease_id)
    assert answer.code == ReasonCode.WRONG_LEASE
    for kind, name in ((Home, 'gimbal/home'), (Calibrate, 'gimbal/calibrate')):
        assert bench.do(kind, name, lease_id)[0].code == ReasonCode.WRONG_LEASE


def test_a_goal_can_be_cancelled(make: Callable[..., Bench]) -> None:
    bench = make(**{'pan.reference': 'lower_switch', 'pan.reference_angle': -0.5})
    handle, _ = bench.start(Home, 'gimbal/home')
    wait_until(lambda: bench.state.motion == GimbalState.MOTION_HOMING)
    handle.cancel_goal_async()
    result = bench.finish(handle)
    assert (result.success, result.code) == (False, ReasonCode.CANCELLED)
    wait_until(lambda: bench.link.call('read')['pan_rate'] == 0.0)


def test_a_second_goal_is_refused_while_one_runs(make: Callable[..., Bench]) -> None:
    bench = make(**{'pan.reference': 'lower_switch', 'pan.reference_angle': -0.5})
    first, _ = bench.start(Home, 'gimbal/home')
    second, _ = bench.start(Calibrate, 'gimbal/calibrate')
    result = bench.finish(second)
    assert (result.success, result.code) == (False, ReasonCode.BUSY)
    assert all(map(math.isnan, (result.pan_lower, result.pan_upper, result.tilt_lower, result.tilt_upper)))
    assert bench.finish(first).success


def test_calibration_returns_the_limits(bench: Bench) -> None:
    result, feedback = bench.do(Calibrate, 'gimbal/calibrate')
    assert result.success, result.message
    assert (result.pan_lower, result.tilt_upper) == (pytest.approx(-0.45, abs=0.01), pytest.approx(0.35, abs=0.01))
    assert {'seek_lower', 'seek_upper'} <= {message.phase for message in feedback}
    wait_until(lambda: bench.state.pan.calibrated)


def test_set_home_changes_the_parameters_with_it(bench: Bench) -> None:
    bench.home()
    bench.command_until(
        lambda: abs(bench.joints[-1].position[0] - 0.3) < 1e-3, GimbalCommand.MODE_POSITION, pan=0.3, tilt=0.0)
    wait_until(lambda: bench.ask(SetHome, 'gimbal/set_home', lease_id=LEASE).success)
    assert bench.node.get_parameter('pan.reference_angle').value == pytest.approx(-0.3, abs=2e-3)
    assert bench.node.get_parameter('pan.upper').value == pytest.approx(1.35, abs=2e-3)
    wait_until(lambda: abs(bench.joints[-1].position[0]) < 1e-6)


def test_in_simulation_it_may_home_by_itself(make: Callable[..., Bench]) -> None:
    bench = make(home_on_start=True)
    wait_until(lambda: bench.state.pan.homed and bench.state.motion == GimbalState.MOTION_NONE, 5.0)


def test_after_a_stop_it_homes_only_when_asked(make: Callable[..., Bench]) -> None:
    bench = make(home_on_start=True)
    wait_until(lambda: bench.state.motion == GimbalState.MOTION_HOMING)
    bench.motion_ok, bench.reasons = False, [ReasonCode.SOFTWARE_STOP]
    wait_until(lambda: bench.state.motion == GimbalState.MOTION_NONE)
    bench.motion_ok, bench.reasons = True, []
    wait_until(lambda: 'home the head' in bench.state.message)
    bench.home()


def test_it_recovers_when_the_hardware_comes_back(make: Callable[..., Bench]) -> None:
    bench = make(home_on_start=True)
    wait_until(lambda: bench.state.pan.homed)
    bench.server.stop()
    wait_until(lambda: bench.state.code == ReasonCode.DRIVER_FAULT)
    assert (bench.state.pan.state, bench.state.pan.homed) == (AxisState.STATE_FAULT, False)
    bench.plant = Plant(HEAD, time.monotonic_ns(), Hidden())
    bench.server = PlantServer(bench.plant, plant_socket('turret'), lambda plant: 0.05, bench.errors.append)
    bench.server.start()
    wait_until(lambda: bench.state.code == ReasonCode.DRIVER_FAULT or bench.state.pan.state == AxisState.STATE_DISABLED)
    wait_until(lambda: bench.state.pan.state == AxisState.STATE_DISABLED)
    assert not bench.state.pan.homed  # nothing moves before an operator acts


def test_the_thread_of_the_motors_neither_logs_nor_asks_the_graph_nor_touches_a_file(
        make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = blocking_calls(monkeypatch)
    bench = make(home_on_start=True, idle_release_s=1.0)
    wait_until(lambda: bench.state.pan.homed and bench.state.motion == GimbalState.MOTION_NONE)
    wait_until(lambda: ('log', 'rclpy_logging_rcutils_log') in calls)  # that the motors will be released
    turn(bench)
    bench.commands.publish(GimbalCommand())
    wait_until(lambda: bench.state.code == ReasonCode.SECOND_PUBLISHER)
    bench.server.stop()
    wait_until(lambda: bench.state.code == ReasonCode.DRIVER_FAULT)
    wait_until(lambda: len(calls) > 2)
    assert [call for call in calls if call[0] == 'gimbal'] == []


def test_an_emergency_stop_that_was_missed_switches_the_motors_off_all_the_same(make: Callable[..., Bench]) -> None:
    bench = make(home_on_start=True)
    wait_until(lambda: bench.state.pan.homed and bench.state.motion == GimbalState.MOTION_NONE)
    homes = bench.state.home_count
    bench.stops, bench.estops = 1, 1  # pressed, released and reset while no permit came through
    wait_until(lambda: not bench.state.pan.enabled)
    assert not bench.state.pan.homed
    assert not bench.plant.enabled
    time.sleep(0.3)
    assert (bench.state.home_count, bench.plant.enabled) == (homes, False)


def test_a_gimbal_that_starts_after_a_stop_does_not_home_by_itself(ros: RosHarness) -> None:
    bench = Bench(ros, home_on_start=False)
    bench.stops = 1
    try:
        other = ros.add(GimbalNode(
            context=ros.context, namespace='turret',
            parameter_overrides=[Parameter('home_on_start', value=True)]))
        wait_until(lambda: bench.state.code == ReasonCode.NOT_HOMED)
        assert not bench.plant.enabled
        assert other is not None
    finally:
        bench.node.destroy_node()
        bench.close()


def test_permits_without_the_key_of_the_run_move_nothing(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.motion_ok = False
    wait_until(lambda: bench.state.code != ReasonCode.PERMIT_MISSING)
    forged = SafetyPermit(epoch=2**62, seq=1, motion_ok=True, lease_digest=lease_digest('thief'), mac=32 * '0')
    for _ in range(20):
        forged.seq += 1
        forged.monotonic_ns = time.monotonic_ns()
        bench.permits_out.publish(forged)
        time.sleep(0.01)
    assert bench.enable(True, 'thief').code == ReasonCode.WRONG_LEASE


def direction(bench: Bench) -> tuple[float, float]:
    """Return where the head points."""
    truth = bench.plant.truth()
    return truth.pan, truth.tilt


def forge(bench: Bench, kind: str, key: bytes) -> GimbalCommand:
    """Return a command to turn that is not the controller's, newer than all of its own."""
    now_ns = time.monotonic_ns()
    message = GimbalCommand(
        epoch=2**62, seq=10_000 + len(bench.joints), monotonic_ns=now_ns, mode=GimbalCommand.MODE_VELOCITY, pan=NAN,
        tilt=NAN, pan_rate=0.5, tilt_rate=0.0)
    if kind == 'from the future':
        message.monotonic_ns = now_ns + 3_600_000_000_000
    elif kind == 'late':
        message.monotonic_ns = now_ns - 3_000_000_000
    if kind == 'of another run':
        return sign_command(message, secrets.token_bytes(32))
    if kind != 'unsigned':
        sign_command(message, key)
    if kind == 'tampered':
        message.pan_rate = 0.6
    return message


@pytest.mark.parametrize('kind', ['unsigned', 'of another run', 'tampered', 'from the future', 'late'])
def test_commands_that_are_not_the_controllers_move_nothing(bench: Bench, kind: str) -> None:
    bench.home()
    stranger = bench.ros.probe.create_publisher(GimbalCommand, 'gimbal/command', COMMAND)
    wait_until(stranger.get_subscription_count)
    before, first = direction(bench), len(bench.joints)

    def publish() -> bool:
        stranger.publish(forge(bench, kind, run_key('turret')))
        time.sleep(0.005)
        return len(bench.joints) > first + 60
    wait_until(publish)
    foreign = kind in ('unsigned', 'of another run', 'tampered')
    assert direction(bench) == pytest.approx(before, abs=1e-3)
    assert (bench.state.code == ReasonCode.SECOND_PUBLISHER) is foreign
    turn(bench)  # those of the controller still count, or count again


def test_recorded_commands_of_the_controller_move_nothing(bench: Bench) -> None:
    recorded = bench.ros.collect(GimbalCommand, 'gimbal/command', COMMAND)
    bench.home()
    turn(bench)
    bench.command_until(lambda: bench.joints[-1].velocity[0] == 0.0, GimbalCommand.MODE_STOP)
    turning = next(message for message in reversed(recorded) if message.mode == GimbalCommand.MODE_VELOCITY)
    before = direction(bench)

    def replay() -> bool:
        bench.commands.publish(turning)
        time.sleep(0.005)
        return bench.state.code == ReasonCode.SECOND_PUBLISHER
    wait_until(replay)
    assert direction(bench) == pytest.approx(before, abs=1e-3)


def test_ending_stops_the_head_and_takes_the_current_away(ros: RosHarness) -> None:
    bench = Bench(ros, home_on_start=True)
    wait_until(lambda: bench.state.pan.homed and bench.state.motion == GimbalState.MOTION_NONE)
    turn(bench)
    bench.node.destroy_node()
    reading = bench.link.call('read')
    assert (reading['enabled'], reading['pan_rate']) == (False, 0.0)
    bench.close()


@pytest.mark.parametrize(('overrides', 'error'), [
    ({}, 'no GPIO pins'), ({'use_sim_time': True}, 'use_sim_time')])
def test_hardware_that_is_not_there_is_refused_at_start(
        ros: RosHarness, overrides: dict[str, Any], error: str) -> None:
    pins = {
        f'step_dir.{axis}.{pin}': number + 8 * turn for turn, axis in enumerate(('pan', 'tilt'))
        for number, pin in enumerate((
            'step_pin', 'direction_pin', 'enable_pin', 'lower_switch_pin', 'upper_switch_pin', 'home_pin'), 4)}
    parameters = {'driver': 'step_dir', **pins, **overrides}
    with pytest.raises(TurretError, match=error):
        GimbalNode(context=ros.context, namespace='turret', parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()])


def test_real_hardware_is_opened_at_the_start_with_its_motors_off(
        make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[None] = []
    open_driver = SimDriver.open

    def count(driver: SimDriver) -> None:
        opened.append(None)
        open_driver(driver)
    monkeypatch.setattr(SimDriver, 'hardware', True)
    monkeypatch.setattr(SimDriver, 'open', count)
    bench = make()
    assert opened == [None]
    assert bench.state.hardware
    reading = bench.link.call('read')
    assert reading['enabled'] is False
    bench.home()
    wait_until(lambda: bench.joints)
    assert bench.joints[-1].header.frame_id == bench.state.header.frame_id == 'base_link'
    assert opened == [None]


def test_simulated_hardware_may_come_later(ros: RosHarness) -> None:
    ros.add(GimbalNode(context=ros.context, namespace='turret'))
    states = ros.collect(GimbalState, 'gimbal/state', STATE)
    wait_until(lambda: states and states[-1].code == ReasonCode.DRIVER_FAULT)


def test_a_driver_without_registers_says_so(bench: Bench) -> None:
    answer = bench.ask(AccessRegisters, 'gimbal/access_registers', lease_id=LEASE)
    assert (answer.success, answer.code) == (False, ReasonCode.NOT_SUPPORTED)
    assert bench.ask(AccessRegisters, 'gimbal/access_registers', lease_id='none').code == ReasonCode.WRONG_LEASE


def test_registers_can_be_read_and_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {0x10: 5}

    def registers(driver: GimbalDriver) -> list[Register]:
        return [Register('pan', 'IHOLD_IRUN', 0x10, values[0x10]), Register('tilt', 'IHOLD_IRUN', 0x10, None)]

    def write(driver: GimbalDriver, axis: str, address: int, value: int) -> None:
        assert axis == 'pan'
        values[address] = value

    monkeypatch.setattr(GimbalDriver, 'registers', registers)
    monkeypatch.setattr(GimbalDriver, 'write_register', write)
    change = RegisterValue(axis='pan', address=0x10, value=7)
    answer = bench.ask(AccessRegisters, 'gimbal/access_registers', lease_id=LEASE, write=[change])
    assert answer.success, answer.message
    assert [(value.axis, value.value, value.valid) for value in answer.registers] == [
        ('pan', 7, True), ('tilt', 0, False)]


def test_the_node_runs_in_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def run(make_node: Any, *, real_time: bool) -> int:
        started.extend((make_node, real_time))
        return 7
    monkeypatch.setattr(gimbal_node, 'run', run)
    assert gimbal_node.main() == 7
    assert started == [GimbalNode, True]


def test_its_times_fit_those_of_its_guards() -> None:
    assert gimbal_node._STATE_PERIOD_S == 0.1  # noqa: SLF001  10 Hz, as docs/interfaces.md says
    assert SafetyParameters().driver_timeout_s / 4 >= gimbal_node._STATE_PERIOD_S  # noqa: SLF001  it is silent then
    assert gimbal_node._STATE_INTERVAL_S == 0.02  # noqa: SLF001  as often as the safety node decides


def test_no_thread_of_the_node_outlives_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [bench.node._thread, bench.node._log._thread]  # noqa: SLF001  those of the node
    closed: list[Any] = []
    assert [thread.is_alive() for thread in threads] == [True, True]
    for action in bench.node._actions:  # noqa: SLF001  those that it must destroy
        monkeypatch.setattr(action, 'destroy', lambda action=action: closed.append(action))
    monkeypatch.setattr(bench.node._driver, 'close', lambda: closed.append('driver'))  # noqa: SLF001  that it must close
    bench.node.destroy_node()
    wait_until(lambda: not any(thread.is_alive() for thread in threads))
    assert closed == ['driver', *bench.node._actions]  # noqa: SLF001  as above
    assert list(bench.node.publishers) == []


def test_a_thread_that_fails_ends_the_node_and_says_why(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(bench.node, 'get_logger', lambda: SimpleNamespace(fatal=logged.append))
    monkeypatch.setattr(bench.node.context, 'try_shutdown', lambda: logged.append('shutdown'))
    bench.node._on_thread_error(ValueError('broken'))  # noqa: SLF001  as its thread does
    assert logged == ['the motors are not driven any more: ValueError: broken', 'shutdown']


def test_a_lost_driver_is_opened_again_after_a_second(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.node._thread.stop()  # noqa: SLF001  its ticks are given here
    driver, calls = bench.node._driver, []  # noqa: SLF001  that is lost

    def lose(*_: Any) -> Any:
        raise TurretError(ReasonCode.DRIVER_FAULT, 'unplugged')
    for name in ('read', 'exchange'):
        monkeypatch.setattr(driver, name, lose)
    monkeypatch.setattr(driver, 'close', lambda: calls.append('close'))
    monkeypatch.setattr(driver, 'open', lambda: calls.append('open'))
    before = time.monotonic()
    bench.node._tick()  # noqa: SLF001  one tick
    retry_s = bench.node._retry_s  # noqa: SLF001  when it is tried again
    assert 1.0 <= retry_s - before <= 1.0 + time.monotonic() - before
    assert bench.node._sample is None  # noqa: SLF001  nothing is known
    bench.node._drive(None, retry_s - 0.001)  # noqa: SLF001  too early
    assert calls == ['close']
    bench.node._powered = True  # noqa: SLF001  before it was lost
    with pytest.raises(TurretError, match='unplugged'):
        bench.node._drive(None, retry_s)  # noqa: SLF001  due
    assert calls == ['close', 'open']
    assert not bench.node._powered  # noqa: SLF001  an opened driver has its motors off


def test_faults_and_motors_about_to_be_released_are_logged_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.node._thread.stop()  # noqa: SLF001  its ticks are given here
    logged: list[str] = []
    monkeypatch.setattr(bench.node._log, 'warning', logged.append)  # noqa: SLF001  of the node
    view = bench.node._gimbal.view(time.monotonic_ns())  # noqa: SLF001  to change
    for code, idle_s in (
            (ReasonCode.OK, NAN), (ReasonCode.OK, 12.0), (ReasonCode.OK, 10.0), (ReasonCode.OK, 9.8),
            (ReasonCode.OK, 9.7),
            (ReasonCode.SOFT_LIMIT, NAN), (ReasonCode.DRIVER_FAULT, NAN), (ReasonCode.DRIVER_FAULT, NAN),
            (ReasonCode.OK, 5.0), (ReasonCode.DRIVER_FAULT, 4.0)):
        bench.node._note(view._replace(code=code, message=code.name, idle_release_s=idle_s))  # noqa: SLF001  one tick
    released = 'no motion: the motors will be released in {} s'
    assert logged == [released.format(10), 'DRIVER_FAULT', released.format(5), 'DRIVER_FAULT']


def test_parameters_change_between_two_ticks(bench: Bench) -> None:
    node: Any = bench.node
    own = vars(node)
    before = own['_gimbal'].parameters
    changed = dataclasses.replace(before, idle_release_s=before.idle_release_s + 1.0)
    change = threading.Thread(target=getattr(node, '_on_parameters'), args=(changed,))  # noqa: B009  a private one
    with own['_lock']:
        change.start()
        change.join(0.1)
        assert own['_gimbal'].parameters is before
    change.join(10.0)
    assert own['_gimbal'].parameters is changed
