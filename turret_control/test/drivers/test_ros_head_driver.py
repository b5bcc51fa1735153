# SPDX-License-Identifier: Apache-2.0
"""The driver of a head that another node drives: time-outs, limits, and joint states that are missing or not finite."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from imitated_head import ImitatedHead
from wired_pins import Lockstep

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import MonotonicClock
from turret_control.axis_parameters import GimbalAxis
from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.ros.head import HeadReading, RosAxis, RosParameters
from turret_control.drivers.ros_head import RosHeadDriver
from turret_control.gimbal_parameters import GimbalParameters

NEVER = 2**62
STILL = stand_still(30.0)


class SteppedHead(Lockstep, RosHeadDriver):
    """The driver in lockstep."""


class Rig:
    def __init__(self, **changes: object) -> None:
        self.driver = SteppedHead(RosParameters(period_s=0.01, **changes), 'turret', self.open_link)
        self.head = ImitatedHead(self.driver.lockstep, 0.01, str(changes.get('output', 'trajectory')))

    def open_link(self, parameters: RosParameters, namespace: str) -> ImitatedHead:
        return self.head

    def start(self) -> None:
        self.driver.open()
        self.driver.enable(True)

    def go(self, target: float = 1.0, seconds: float = 0.5) -> HeadReading:
        self.driver.command(AxisMotion(target, 0.5, 10.0), STILL, NEVER)
        self.driver.lockstep.go_on(seconds)
        return self.head.reading()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.driver.close()


def test_the_period_is_a_whole_number_of_nanoseconds() -> None:
    period_ns = SteppedHead(RosParameters(period_s=0.013), 'turret', lambda *_: None)._period_ns  # type: ignore[arg-type, return-value]  # noqa: SLF001
    assert (period_ns, type(period_ns)) == (13_000_000, int)


def test_a_head_without_joint_states_is_a_driver_fault(rig: Rig) -> None:
    rig.head.silent = True
    with pytest.raises(TurretError, match='no joint states of pan_joint and tilt_joint') as refusal:
        rig.driver.open()
    assert refusal.value.code is ReasonCode.DRIVER_FAULT
    assert rig.head.closed


def test_joint_states_that_stop_are_a_driver_fault_and_stop_the_head(rig: Rig) -> None:
    rig.start()
    rig.go()
    rig.head.silent = True
    rig.driver.lockstep.go_on(0.15)
    rig.driver.read()
    rig.driver.lockstep.release()
    rig.driver._thread.join(10.0)  # type: ignore[union-attr]  # noqa: SLF001  its end is what is waited for
    with pytest.raises(TurretError, match=r'for 0\.2 s') as fault:
        rig.driver.read()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    assert not rig.head.commanded, 'it was commanded to stand still'


@pytest.mark.parametrize('wrong', [math.nan, math.inf])
def test_joint_states_that_are_not_finite_are_a_driver_fault(rig: Rig, wrong: float) -> None:
    rig.driver.open()
    rig.head.reading = lambda: HeadReading(  # type: ignore[method-assign]
        rig.driver.lockstep.now_ns(), (wrong, 0.0), (0.0, 0.0))
    for use in (rig.driver.read, lambda: rig.driver.enable(True)):
        with pytest.raises(TurretError, match='not finite'):
            use()
    assert not rig.head.commanded


@pytest.mark.parametrize('wrong', [
    ((math.nan, 0.0), (0.0, 0.0)), ((0.0, 0.0), (math.inf, 0.0)), ((0.0, 1e9), (0.0, 0.0)), ((0.0, 0.0), (0.0, -1e6))])
def test_a_head_that_reports_nonsense_is_stopped_where_it_was_commanded_last(
        rig: Rig, wrong: tuple[tuple[float, float], tuple[float, float]]) -> None:
    rig.start()
    rig.go()
    sent: list[tuple[float, ...]] = []
    send = rig.head.send

    def watched(positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        sent.append((*positions, *velocities))
        send(positions, velocities)

    rig.head.send = watched  # type: ignore[method-assign]
    rig.driver.lockstep.go_on(0.02)
    last = sent[-1]
    rig.head.reading = lambda: HeadReading(  # type: ignore[method-assign]
        rig.driver.lockstep.now_ns(), *wrong)
    rig.driver.lockstep.release()
    rig.driver._thread.join(10.0)  # type: ignore[union-attr]  # noqa: SLF001  its end is what is waited for
    with pytest.raises(TurretError, match=r'not finite|implausible') as fault:
        rig.driver.read()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    assert not rig.head.commanded
    assert all(math.isfinite(value) for command in sent for value in command)
    assert sent[-1] == (*last[:2], 0.0, 0.0)


@pytest.mark.parametrize('way', [0.9, -0.9])
@pytest.mark.parametrize('axis', [0, 1])
def test_a_position_that_jumps_is_a_driver_fault(rig: Rig, axis: int, way: float) -> None:
    """As with a second publisher of the joint states."""
    rig.start()
    rig.go()
    halted: list[tuple[float, float]] = []
    halt, reading = rig.head.halt, rig.head.reading

    def watched(positions: tuple[float, float]) -> None:
        halted.append(positions)
        halt(positions)

    def other() -> HeadReading:
        true = reading()
        positions = [*true.positions]
        positions[axis] += way
        return true._replace(positions=(positions[0], positions[1]))

    rig.head.halt = watched  # type: ignore[method-assign]
    last = reading().positions
    rig.head.reading = other  # type: ignore[method-assign]
    with pytest.raises(TurretError, match='jumped'):
        rig.driver.read()
    rig.driver.lockstep.release()
    rig.driver._thread.join(10.0)  # type: ignore[union-attr]  # noqa: SLF001  its end is what is waited for
    sign = '-' if way < 0.0 else ''
    with pytest.raises(TurretError, match=rf'jumped by {sign}0\.\d\d rad within [1-9]\d* ms') as fault:
        rig.driver.read()
    assert fault.value.code is ReasonCode.DRIVER_FAULT
    assert len(halted) == 1
    assert halted[0] == pytest.approx(last, abs=0.05)
    rig.head.reading = reading  # type: ignore[method-assign]
    rig.driver.close()
    rig.start()


@pytest.mark.parametrize(('positions', 'velocities', 'passed_ns', 'plausible'), [
    ((2.34, 0.0), (0.0, 0.0), 100_000_000, True), ((0.0, -2.36), (0.0, 0.0), 100_000_000, False),
    ((0.35, -0.35), (0.0, 0.0), 0, True), ((0.36, 0.0), (0.0, 0.0), 0, False),
    ((0.0, 0.0), (99.9, -99.9), 0, True), ((0.0, 0.0), (0.0, -100.1), 0, False)])
def test_what_no_head_can_report_is_refused(
        rig: Rig, positions: tuple[float, float], velocities: tuple[float, float], passed_ns: int,
        plausible: bool) -> None:
    """Jumps of 0.35 rad and 20 rad/s, and 100 rad/s."""
    rig.driver.open()
    begin_ns = rig.driver.lockstep.now_ns()
    rig.head.reading = lambda: HeadReading(begin_ns, (0.0, 0.0), (0.0, 0.0))  # type: ignore[method-assign]
    rig.driver.read()
    rig.head.reading = lambda: HeadReading(  # type: ignore[method-assign]
        begin_ns + passed_ns, positions, velocities)
    if plausible:
        rig.driver.read()
        return
    with pytest.raises(TurretError, match=r'jumped|implausible'):
        rig.driver.read()


@pytest.mark.parametrize('turns', [0, 1])
def test_a_position_of_more_than_two_turns_is_refused(rig: Rig, turns: int) -> None:
    rig.driver.open()
    rig.head.reading = lambda: HeadReading(  # type: ignore[method-assign]
        rig.driver.lockstep.now_ns(), (0.0, -4.0 * math.pi + 0.01 - 0.02 * turns), (0.0, 0.0))
    if turns:
        with pytest.raises(TurretError, match='implausible'):
            rig.driver.read()
    else:
        rig.driver.read()


def test_a_driver_is_made_of_its_group_of_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    parameters = GimbalParameters(driver='ros', pan=axis, tilt=axis, ros=RosParameters(tolerance=0.02))
    linked: list[object] = []

    def link(*arguments: object) -> ImitatedHead:
        linked.extend(arguments)
        return head

    monkeypatch.setitem(  # which needs ROS
        sys.modules, 'turret_control.drivers.ros.head_link', SimpleNamespace(RosHeadLink=link))
    driver = RosHeadDriver.make(parameters, '/somewhere')
    head = ImitatedHead(MonotonicClock(), 0.01)
    driver.open()
    driver.close()
    assert linked == [parameters.ros, '/somewhere']  # type: ignore[attr-defined]
    assert driver.resolution == (0.02, 0.02)
    assert head.closed


@pytest.mark.parametrize(('age_ns', 'old'), [(500_000_000, False), (500_000_001, True)])
def test_joint_states_are_too_old_after_their_time_out(age_ns: int, old: bool) -> None:
    rig = Rig(state_timeout_s=0.5)
    rig.driver.open()
    now_ns = rig.driver.lockstep.now_ns()
    rig.head.reading = lambda: HeadReading(now_ns - age_ns, (0.0, 0.0), (0.0, 0.0))  # type: ignore[method-assign]
    if old:
        with pytest.raises(TurretError, match=r'for 0\.5 s'):
            rig.driver.read()
    else:
        rig.driver.read()
    rig.driver.close()


def test_a_head_that_is_enabled_is_commanded_to_stay_where_it_is(rig: Rig) -> None:
    sent: list[object] = []
    rig.driver.open()
    rig.head.send = lambda *command: sent.append(command)  # type: ignore[method-assign]
    rig.driver.enable(True)
    assert sent[0] == ((0.0, 0.0), (0.0, 0.0))


def test_a_head_that_is_commanded_by_velocities_brakes_from_both_directions() -> None:
    for target in (1.0, -1.0):
        rig = Rig(output='velocity')
        rig.start()
        rig.go(target)
        send, sent = rig.head.send, []

        def watched(
                positions: tuple[float, float], velocities: tuple[float, float], send: Any = send,
                sent: list[float] = sent) -> None:
            sent.append(velocities[0])
            send(positions, velocities)

        rig.head.send = watched  # type: ignore[method-assign]
        rig.driver.command(stand_still(10.0), STILL, NEVER)
        rig.driver.lockstep.go_on(0.1)
        assert all(-0.02 < velocity * target < 0.52 for velocity in sent), sent
        assert abs(sent[-1]) < 0.02
        rig.driver.close()


def test_the_first_joint_states_are_waited_for_3_s(rig: Rig) -> None:
    waited: list[float] = []
    rig.head.wait = lambda timeout_s: bool(waited.append(timeout_s)) or True  # type: ignore[method-assign, func-returns-value]
    rig.driver.open()
    assert waited == [3.0]


def test_a_velocity_corrects_the_position_five_times_a_second() -> None:
    rig = Rig(output='velocity')
    rig.start()
    reading, sent = rig.head.reading, []
    rig.head.reading = lambda: reading()._replace(positions=(-0.1, 0.0))  # type: ignore[method-assign]
    rig.head.send = lambda positions, velocities: sent.append(velocities)  # type: ignore[method-assign]
    rig.driver.command(AxisMotion(0.0, 1.0, 10.0), STILL, NEVER)
    rig.driver.lockstep.go_on(0.05)
    assert sent[-1] == pytest.approx((0.5, 0.0))
    rig.driver.close()


def test_a_fast_head_whose_joint_states_pause_did_not_jump(rig: Rig) -> None:
    rig.start()
    rig.driver.command(AxisMotion(1.5, 6.0, 300.0), STILL, NEVER)
    rig.head.silent = True
    rig.driver.lockstep.go_on(0.15)
    rig.head.silent = False
    rig.driver.lockstep.go_on(0.5)
    assert rig.driver.read().pan.position == pytest.approx(1.5, abs=1e-2)


def test_a_head_that_was_never_commanded_is_not_halted(rig: Rig) -> None:
    halted: list[object] = []
    rig.head.halt = halted.append  # type: ignore[method-assign, assignment]
    rig.driver.open()
    rig.head.silent = True
    rig.driver.read()
    rig.driver.lockstep.go_on(0.5)
    with pytest.raises(TurretError, match=r'for 0\.2 s'):
        rig.driver.enable(True)
    rig.driver.close()
    assert halted == []


@pytest.mark.parametrize('output', ['trajectory', 'velocity'])
def test_nothing_beyond_the_end_positions_is_commanded(output: str) -> None:
    rig = Rig(output=output, pan=RosAxis(lower=-0.2, upper=0.3))
    rig.start()
    for target, end in ((2.0, 0.3), (-2.0, -0.2)):
        reading = rig.go(target, 3.0)
        assert reading.positions[0] == pytest.approx(end, abs=2e-3)
    rig.driver.close()


@pytest.mark.parametrize('target', [1.0, -1.0])
def test_the_goal_does_not_run_ahead_of_a_head_that_is_held(
        rig: Rig, monkeypatch: pytest.MonkeyPatch, target: float) -> None:
    rig.start()
    sent: list[float] = []
    monkeypatch.setattr(rig.head, 'send', lambda positions, velocities: sent.append(positions[0]))
    rig.go(target, seconds=2.0)
    assert len(sent) > 100
    assert max(map(abs, sent)) < 0.4


def test_an_inverted_joint_moves_the_other_way() -> None:
    rig = Rig(pan=RosAxis(invert=True))
    rig.start()
    assert rig.go(0.4, 2.0).positions[0] == pytest.approx(-0.4, abs=1e-3)
    assert rig.driver.read().pan.position == pytest.approx(0.4, abs=1e-3)
    rig.driver.close()


def test_parameters_that_cannot_work_are_refused() -> None:
    axis = GimbalAxis(reference='absolute', limit_switches=False, lower=-0.7, upper=0.7)
    good = GimbalParameters(driver='ros', pan=axis, tilt=axis)
    for change, error in (
            ({'pan': GimbalAxis()}, 'reference "absolute" or "declared"'),
            ({'pan': dataclasses.replace(axis, reference='flag')}, 'reference "absolute" or "declared"'),
            ({'tilt': dataclasses.replace(axis, limit_switches=True)}, 'no limit_switches'),
            ({'ros': RosParameters(pan=RosAxis(upper=0.5))}, 'beyond the end positions')):
        with pytest.raises(ValueError, match=error):
            dataclasses.replace(good, **change)
    dataclasses.replace(good, tilt=dataclasses.replace(axis, upper=1.9, reference='declared'))
    dataclasses.replace(good, tilt=dataclasses.replace(axis, lower=-1.75, upper=1.75))
    with pytest.raises(ValueError, match='must differ'):
        RosParameters(pan=RosAxis('tilt_joint'))
    with pytest.raises(ValueError, match='the gimbal itself publishes'):
        RosParameters(joint_states='joint_states')
