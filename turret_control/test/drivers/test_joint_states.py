# SPDX-License-Identifier: Apache-2.0
"""Which joint states of another node's head count, and as how old."""

from __future__ import annotations

import math

import pytest

from turret_control.drivers.ros.head import HeadReading, JointStates, RosParameters

TIMEOUT_NS = 200_000_000
NOW_NS = 50 * 10**9  # since the start of the machine
WALL_NS = 1_700_000_000 * 10**9  # of NOW_NS on the clock of the stamps
NAN = math.nan


class Head:
    """Joint states of a head, with stamps of a clock that may be another one than this machine's.

    Attributes:
        now_ns: time of arrival of the next message.
    """

    def __init__(self, offset_ns: int = 0) -> None:
        self.states = JointStates(RosParameters(state_timeout_s=1e-9 * TIMEOUT_NS))
        self.now_ns = NOW_NS
        self._offset_ns = offset_ns

    def arrive(
            self, age_ns: int | None = 0, pan: float = 0.0, tilt: float = 0.0, velocities: tuple[float, ...] = (),
            names: tuple[str, ...] = ('pan_joint', 'tilt_joint')) -> HeadReading | None:
        """Let a message of an age arrive, None for one without a stamp; return the reading if it gives one."""
        stamp_ns = 0 if age_ns is None else WALL_NS + self.now_ns - NOW_NS - age_ns + self._offset_ns
        t_ns = stamp_ns - WALL_NS + NOW_NS
        if self.states.take(names, (pan, tilt), velocities, stamp_ns, t_ns, self.now_ns):
            return self.states.reading
        return None


@pytest.fixture
def head() -> Head:
    return Head()


def test_joints_are_found_by_name(head: Head) -> None:
    take = head.states.take
    assert take(['gripper', 'tilt_joint', 'pan_joint'], [9.0, 0.2, 0.1], [8.0, 0.4, 0.3], 0, 0, NOW_NS)
    assert head.states.reading == HeadReading(NOW_NS, (0.1, 0.2), (0.3, 0.4))


@pytest.mark.parametrize(('names', 'positions'), [
    (['pan_joint'], [0.1]), (['tilt_joint', 'wheel'], [0.1, 0.2]), ([], []),
    (['pan_joint', 'tilt_joint'], [0.1]), (['pan_joint', 'tilt_joint'], [])])
def test_messages_without_both_joints_are_left_out(head: Head, names: list[str], positions: list[float]) -> None:
    assert not head.states.take(names, positions, [], 0, 0, NOW_NS)
    assert head.states.reading is None


@pytest.mark.parametrize('age_ns', [0, 1, TIMEOUT_NS - 1, TIMEOUT_NS])
def test_a_state_is_as_old_as_its_stamp(head: Head, age_ns: int) -> None:
    reading = head.arrive(age_ns)
    assert reading is not None
    assert reading.t_ns == NOW_NS - age_ns


@pytest.mark.parametrize('age_ns', [TIMEOUT_NS + 1, -TIMEOUT_NS - 1, 10**18, -(10**18)])
def test_late_and_future_states_are_left_out_once_the_clock_is_known(head: Head, age_ns: int) -> None:
    assert head.arrive()
    head.now_ns += 1
    assert head.arrive(age_ns) is None
    assert head.arrive()


@pytest.mark.parametrize('age_ns', [-1, -TIMEOUT_NS])
def test_a_state_from_the_near_future_is_new(head: Head, age_ns: int) -> None:
    assert head.arrive()
    head.now_ns += 1
    reading = head.arrive(age_ns)
    assert reading is not None
    assert reading.t_ns == head.now_ns


def test_repeated_and_overtaken_states_are_left_out(head: Head) -> None:
    assert head.arrive(0)
    head.now_ns += TIMEOUT_NS // 2
    assert head.arrive(TIMEOUT_NS // 2) is None  # the same one again
    assert head.arrive(TIMEOUT_NS // 2 + 1) is None
    assert head.arrive(TIMEOUT_NS // 2 - 1)


@pytest.mark.parametrize('offset_ns', [-3 * 10**17, 3 * 10**17])
def test_a_head_on_another_clock_is_followed_from_arrival_to_arrival(offset_ns: int) -> None:
    head = Head(offset_ns)
    for _ in range(3):
        reading = head.arrive()
        assert reading is not None
        assert reading.t_ns == head.now_ns
        head.now_ns += 1_000_000
    assert head.arrive(1_000_000) is None  # repeated


def test_a_clock_that_is_set_back_far_is_followed() -> None:
    head = Head(3 * 10**17)
    assert head.arrive()
    assert head.arrive(TIMEOUT_NS - 1) is None
    assert head.arrive(TIMEOUT_NS)


def test_states_without_a_stamp_are_as_old_as_their_arrival(head: Head) -> None:
    assert head.arrive()
    for _ in range(3):
        head.now_ns += 1_000_000
        reading = head.arrive(None)
        assert reading is not None
        assert reading.t_ns == head.now_ns


@pytest.mark.parametrize(('published', 'expected'), [
    ((0.7, -0.3), (0.7, -0.3)), ((), (2.0, -4.0)), ((0.7,), (0.7, -4.0)), ((NAN, -0.3), (2.0, -0.3)),
    ((math.inf, 0.0), (math.inf, 0.0))])
def test_a_velocity_that_is_not_published_is_that_between_two_positions(
        head: Head, published: tuple[float, ...], expected: tuple[float, float]) -> None:
    assert head.arrive(0, 0.1, 0.2)
    head.now_ns += 10_000_000
    reading = head.arrive(0, 0.12, 0.16, published)
    assert reading is not None
    assert reading.positions == (0.12, 0.16)
    assert reading.velocities == pytest.approx(expected)


def test_the_first_position_has_no_velocity_nor_has_one_at_the_same_time(head: Head) -> None:
    first = head.arrive(None, 0.1, 0.2)
    second = head.arrive(None, 0.3, 0.4)
    assert first is not None
    assert second is not None
    assert first.velocities == second.velocities == (0.0, 0.0)
