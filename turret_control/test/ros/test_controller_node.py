# SPDX-License-Identifier: Apache-2.0
"""Controller node with simulated messages of gimbal, vision and safety."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from controller_surroundings import LEASE, Surroundings, moving_left, stopped
from geometry_msgs.msg import Point
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Joy

from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_common.ros.qos import COMMAND, STATE
from turret_common.ros.time import seconds
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until
from turret_control.boresight.store import boresight_file
from turret_control.controller.presets import PresetStore
from turret_control.controller_node import ControllerNode
from turret_msgs.action import CalibrateBoresight, RunPattern
from turret_msgs.msg import ControllerState, GimbalCommand
from turret_msgs.srv import Jog, LookAtPixel, MoveTo, Nudge, RecallPreset, SavePreset, SetBoresight, SetMode

NAN = math.nan


@pytest.fixture
def surroundings(ros: RosHarness) -> Iterator[Surroundings]:
    surroundings = Surroundings(ros)
    yield surroundings
    surroundings.close()


@pytest.fixture
def commands(ros: RosHarness, surroundings: Surroundings) -> list[GimbalCommand]:
    """Commands of a controller node that is ready."""
    ros.add(ControllerNode(context=ros.context, namespace='turret'))
    states = ros.collect(ControllerState, 'controller/state', STATE)
    wait_until(lambda: states and states[-1].code == ReasonCode.OK, what='a controller that is ready')
    commands = ros.collect(GimbalCommand, 'gimbal/command', COMMAND)
    wait_until(lambda: commands, what='a command')
    return commands


def call(ros: RosHarness, service: Any, service_name: str, **fields: Any) -> Any:
    return ros.call(service, f'controller/{service_name}', service.Request(**{'lease_id': LEASE, **fields}))


def start_tracking(ros: RosHarness) -> None:
    assert call(ros, SetMode, 'set_mode', mode=ControllerState.MODE_TRACK).success


def test_idle_mode_commands_a_stop_at_the_rate_of_the_loop(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    wait_until(lambda: len(commands) > 50)
    assert all(stopped(c) for c in commands)
    seqs = [c.seq for c in commands]
    assert seqs == sorted(set(seqs))


def test_commands_follow_a_track(ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand]) -> None:
    surroundings.target = lambda t: (0.5, -0.2)
    start_tracking(ros)
    wait_until(lambda: moving_left(commands[-1]) and commands[-1].tilt_rate < -0.1)


def test_images_alone_trigger_the_cycles_of_steady_tracking(
        ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand]) -> None:
    def obey(command: GimbalCommand) -> None:
        surroundings.rates = (command.pan_rate, command.tilt_rate) if not stopped(command) else (0.0, 0.0)
    ros.probe.create_subscription(GimbalCommand, 'gimbal/command', obey, COMMAND)
    surroundings.target = lambda t: (0.2, 0.1)
    start_tracking(ros)

    def median_s() -> float:
        times = [seconds(command.header.stamp) for command in commands[-40:]]
        return statistics.median(b - a for a, b in itertools.pairwise(times))
    begun = len(commands)
    wait_until(lambda: len(commands) > begun + 40 and median_s() > 0.025, what='commands as seldom as images')


def test_no_permit_is_a_stop(ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand]) -> None:
    surroundings.target = lambda t: (0.5, 0.0)
    start_tracking(ros)
    wait_until(lambda: moving_left(commands[-1]))
    surroundings.permitted = False
    wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)
    surroundings.permitted = True
    wait_until(lambda: moving_left(commands[-1]))
    surroundings.motion_ok = False
    wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)


def test_a_silent_gimbal_is_a_stop(ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand]) -> None:
    surroundings.target = lambda t: (0.5, 0.0)
    start_tracking(ros)
    wait_until(lambda: moving_left(commands[-1]))
    surroundings.joints = False
    wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)


@pytest.mark.parametrize('position', [(NAN, 0.0), (0.0, math.inf)])
def test_a_pose_that_is_not_finite_is_a_stop(
        ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand],
        position: tuple[float, float]) -> None:
    surroundings.target = lambda t: (0.5, 0.0)
    start_tracking(ros)
    wait_until(lambda: moving_left(commands[-1]))
    surroundings.position = position
    wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)


def test_a_wrong_lease_is_refused_with_its_code(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    for service, name in ((SetMode, 'set_mode'), (MoveTo, 'move_to'), (Nudge, 'nudge'), (LookAtPixel, 'look_at_pixel'),
                          (SavePreset, 'save_preset'), (RecallPreset, 'recall_preset')):
        answer = call(ros, service, name, lease_id='wrong')
        assert (answer.success, answer.code) == (False, ReasonCode.WRONG_LEASE), name


def test_values_that_are_not_finite_are_refused(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    for service, name, fields in (
            (MoveTo, 'move_to', {'pan': NAN}), (MoveTo, 'move_to', {'rate': math.inf}), (Nudge, 'nudge', {'tilt': NAN}),
            (LookAtPixel, 'look_at_pixel', {'x': NAN}), (SavePreset, 'save_preset', {'name': 'a', 'pan': NAN})):
        answer = call(ros, service, name, **fields)
        assert (answer.success, answer.code) == (False, ReasonCode.NOT_FINITE), name
    assert all(stopped(c) for c in commands)


def test_a_preset_is_recalled_exactly_and_survives_a_restart(
        ros: RosHarness, surroundings: Surroundings, commands: list[GimbalCommand]) -> None:
    surroundings.position = (0.31, -0.27)
    states = ros.collect(ControllerState, 'controller/state', STATE)

    def saved() -> bool:
        assert call(ros, SavePreset, 'save_preset', name='door', current=True).success
        return any(preset.pan == 0.31 for state in states[-1:] for preset in state.presets)
    wait_until(saved)
    kept = PresetStore(state_dir('turret') / 'presets.json', lambda error: pytest.fail(error.message))
    assert kept.get('door') == surroundings.position
    surroundings.position = (0.0, 0.0)
    assert call(ros, RecallPreset, 'recall_preset', name='door').success
    command = wait_until(lambda: commands[-1].mode == GimbalCommand.MODE_POSITION and commands[-1])
    assert (command.pan, command.tilt) == (0.31, -0.27)


def test_a_click_turns_towards_the_pixel(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    wait_until(lambda: call(ros, LookAtPixel, 'look_at_pixel', x=100.0, y=239.5).success)
    command = wait_until(lambda: commands[-1].mode == GimbalCommand.MODE_POSITION and commands[-1])
    assert command.pan == pytest.approx(math.atan2(319.5 - 100.0, 554.0), abs=1e-6)
    assert command.tilt == pytest.approx(0.0, abs=1e-6)


def test_a_jog_times_out(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    numbers = itertools.count(1)

    def jog(**fields: Any) -> Any:
        return call(ros, Jog, 'jog', **{'seq': next(numbers), 'pan_rate': 0.5, **fields})
    wait_until(lambda: jog().success and any(moving_left(c) for c in commands))
    ended = time.monotonic()
    wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)
    assert time.monotonic() - ended < 0.35
    count = len(commands)
    wait_until(lambda: jog(seq=1).code == ReasonCode.STALE_INPUT)
    wait_until(lambda: jog(lease_id='wrong').code == ReasonCode.WRONG_LEASE)
    wait_until(lambda: len(commands) > count + 20)
    assert all(stopped(c) for c in commands[count:])


def test_a_clock_of_zero_that_jumps_ends_no_thread(ros: RosHarness, surroundings: Surroundings) -> None:
    node = ros.add(ControllerNode(
        context=ros.context, namespace='turret', parameter_overrides=[Parameter('use_sim_time', value=True)]))
    commands = ros.collect(GimbalCommand, 'gimbal/command', COMMAND)
    clock = ros.probe.create_publisher(Clock, '/clock', 10)
    wait_until(lambda: call(ros, SetMode, 'set_mode', mode=ControllerState.MODE_TRACK).success)
    for sec in (0, 0, 1, 2_000_000_000, 5, 0):
        count = len(commands)
        clock.publish(Clock(clock=Time(sec=sec)))
        wait_until(lambda sec=sec: node.get_clock().now().nanoseconds == sec * 10**9)
        wait_until(lambda count=count: len(commands) > count + 20, what=f'commands at {sec} s')


def test_a_boresight_is_fitted_applied_and_kept(ros: RosHarness, commands: list[GimbalCommand]) -> None:
    states = ros.collect(ControllerState, 'controller/state', STATE)
    wait_until(lambda: states and math.isfinite(states[-1].crosshair.x), what='the camera is known')
    points = [Point(x=340.0, y=250.0, z=1.0), Point(x=330.0, y=245.0, z=4.0)]
    answer = call(ros, SetBoresight, 'set_boresight', offset_y=NAN, offset_z=NAN, points=points)
    assert (answer.success, answer.residual) == (True, pytest.approx(0.0, abs=1e-3)), answer.message
    crosshair = wait_until(lambda: states and states[-1].crosshair.calibrated and states[-1].crosshair)
    assert 330.0 < crosshair.x < 340.0
    kept = boresight_file('turret').load()
    assert kept is not None
    assert kept.residual == answer.residual


@pytest.mark.parametrize(('lease', 'code'), [(LEASE, ReasonCode.CANCELLED), ('wrong', ReasonCode.WRONG_LEASE)])
def test_a_pattern_is_an_action_that_can_be_cancelled(
        ros: RosHarness, commands: list[GimbalCommand], lease: str, code: ReasonCode) -> None:
    states = ros.collect(ControllerState, 'controller/state', STATE)
    client = ActionClient(ros.probe, RunPattern, 'controller/run_pattern')
    try:
        assert client.wait_for_server(10.0)
        sending = client.send_goal_async(RunPattern.Goal(
            lease_id=lease, kind=RunPattern.Goal.KIND_CIRCLE, pan_size=0.3, tilt_size=0.2, loop=True))
        wait_until(sending.done)
        goal = sending.result()
        result = goal.get_result_async()
        if lease == LEASE:
            wait_until(lambda: commands[-1].mode != GimbalCommand.MODE_STOP)
            goal.cancel_goal_async()
            wait_until(lambda: stopped(commands[-1]), timeout_s=1.0)
        wait_until(result.done)
        assert result.result().result.code == code
        count = len(states)
        wait_until(lambda: len(states) > count + 3)
        assert not states[-1].pattern.running
    finally:
        client.destroy()


def test_a_joystick_turns_the_head_only_without_an_operator_and_with_its_button_held(
        ros: RosHarness, surroundings: Surroundings) -> None:
    surroundings.operator = ''
    ros.add(ControllerNode(
        context=ros.context, namespace='turret', parameter_overrides=[Parameter('joy.enabled', value=True)]))
    commands = ros.collect(GimbalCommand, 'gimbal/command', COMMAND)
    publisher = ros.probe.create_publisher(Joy, 'joy', COMMAND)
    wait_until(lambda: publisher.get_subscription_count() == 1 and commands)

    def moves(button: int) -> bool:
        start = len(commands)
        for _ in range(20):
            publisher.publish(Joy(axes=[1.0, 0.0], buttons=[0, 0, 0, 0, button]))
            time.sleep(0.02)
        return any(moving_left(command) for command in commands[start:])
    assert not moves(0)
    wait_until(lambda: moves(1))
    surroundings.operator = LEASE
    wait_until(lambda: not moves(1))


def test_a_boresight_is_not_calibrated_for_others_or_without_a_laser(
        ros: RosHarness, commands: list[GimbalCommand]) -> None:
    client = ActionClient(ros.probe, CalibrateBoresight, 'controller/calibrate_boresight')
    try:
        assert client.wait_for_server(10.0)
        for lease, ranges, code in (('wrong', [2.0], ReasonCode.WRONG_LEASE), (LEASE, [], ReasonCode.INVALID_ARGUMENT),
                                    (LEASE, [NAN], ReasonCode.NOT_FINITE)):
            sending = client.send_goal_async(CalibrateBoresight.Goal(lease_id=lease, ranges=ranges))
            wait_until(sending.done)
            result = sending.result().get_result_async()
            wait_until(result.done)
            assert result.result().result.code == code
    finally:
        client.destroy()
