# SPDX-License-Identifier: Apache-2.0
"""Parameters and state of a head that another ROS node drives, and what the gimbal driver asks of the connection."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from turret_common.params import group, param

OUTPUTS = ('trajectory', 'follow', 'position', 'velocity')


@dataclasses.dataclass(frozen=True)
class RosAxis:
    """The joint of one axis."""

    joint: str = param('pan_joint', 'Name of the joint in the messages of the other node')
    lower: float = param(-1.75, 'Lower end position, beyond which nothing is commanded', unit='rad', maximum=0.0)
    upper: float = param(1.75, 'Upper end position, beyond which nothing is commanded', unit='rad', minimum=0.0)
    invert: bool = param(False, 'Inverted direction: positive joint positions are negative angles')

    @property
    def sign(self) -> float:
        """Factor from joint to driver positions."""
        return -1.0 if self.invert else 1.0


@dataclasses.dataclass(frozen=True)
class RosParameters:
    """A head that another ROS node drives. Names are relative to the namespace of the turret."""

    joint_states: str = param(
        'head/joint_states', 'Topic with the joint states of the head; not joint_states, which the gimbal publishes')
    output: str = param(
        'trajectory', 'Form of the commands: JointTrajectory, FollowJointTrajectory, or positions or velocities as '
        'Float64MultiArray in the order pan, tilt', choices=OUTPUTS)
    command: str = param('head/joint_trajectory', 'Topic of the commands, or name of the action')
    period_s: float = param(0.02, 'Time between two commands', unit='s', minimum=0.005, maximum=0.1)
    horizon_s: float = param(
        0.05, 'Time in which a point of a trajectory is to be reached', unit='s', minimum=0.01, maximum=0.5)
    state_timeout_s: float = param(
        0.2, 'Maximum age of joint states; without newer ones the head is lost', unit='s', minimum=0.02, maximum=2.0)
    tolerance: float = param(
        0.01, 'Distance from the target at which a motion is complete', unit='rad', minimum=0.0005, maximum=0.1)
    pan: RosAxis = group(RosAxis)
    tilt: RosAxis = group(RosAxis, joint='tilt_joint')

    def __post_init__(self) -> None:
        if self.pan.joint == self.tilt.joint:
            raise ValueError('ros.pan.joint and tilt.joint must differ')
        if self.joint_states.rstrip('/') in ('joint_states', '~/joint_states'):
            raise ValueError('ros.joint_states: the gimbal itself publishes joint_states; remap those of the head')


class HeadReading(NamedTuple):
    """Measured state of the joints pan and tilt.

    Attributes:
        t_ns: time of the measurement on CLOCK_MONOTONIC.
        positions: rad.
        velocities: rad/s.
    """

    t_ns: int
    positions: tuple[float, float]
    velocities: tuple[float, float]


class JointStates:
    """Takes the joints pan and tilt from joint states, of which some are of other joints, repeated, late or recorded.

    Attributes:
        reading: the newest one; None before the first.
    """

    def __init__(self, parameters: RosParameters) -> None:
        self._joints = (parameters.pan.joint, parameters.tilt.joint)
        self._timeout_ns = 1e9 * parameters.state_timeout_s
        self._stamp_ns = 0  # of the newest joint states
        self._clock_shared = False  # their stamps are of this machine's clock
        self.reading: HeadReading | None = None

    def take(
            self, names: Sequence[str], positions: Sequence[float], velocities: Sequence[float], stamp_ns: int,
            t_ns: int, now_ns: int) -> bool:
        """Take a message; return whether it gives a new reading.

        Args:
            names: names of joints, among which both must be.
            positions: their positions [rad].
            velocities: their velocities [rad/s]; those that are missing or NaN are taken from the last two positions.
            stamp_ns: stamp of the message on any clock; 0 for none.
            t_ns: the stamp on CLOCK_MONOTONIC, if it is of this machine's clock.
            now_ns: time of arrival on CLOCK_MONOTONIC.
        """
        try:
            indices = [list(names).index(joint) for joint in self._joints]
            pan, tilt = (positions[i] for i in indices)
        except (ValueError, IndexError):
            return False
        if stamp_ns and 0 <= self._stamp_ns - stamp_ns < self._timeout_ns:
            return False  # repeated, or overtaken by a newer one
        is_recent = 0 <= now_ns - t_ns <= self._timeout_ns
        self._clock_shared = self._clock_shared or is_recent
        if stamp_ns and self._clock_shared and abs(now_ns - t_ns) > self._timeout_ns:
            return False  # delayed, recorded or of another sender
        self._stamp_ns = stamp_ns
        if not is_recent:
            t_ns = now_ns  # no stamp, or one of another clock
        before = self.reading
        last_ns, last = (t_ns, (pan, tilt)) if before is None else (before.t_ns, before.positions)
        moved_s = 1e-9 * (t_ns - last_ns)
        found = [
            velocities[i] if i < len(velocities) and not math.isnan(velocities[i])
            else (now - then) / moved_s if moved_s > 0.0 else 0.0
            for i, now, then in zip(indices, (pan, tilt), last, strict=True)]
        self.reading = HeadReading(t_ns, (pan, tilt), (found[0], found[1]))
        return True


class HeadLink(Protocol):
    """Connection to the other node."""

    def reading(self) -> HeadReading | None:
        """Return the newest reading; None before the first."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first reading; return whether there is one."""

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        """Command the joints to positions [rad], which they pass at velocities [rad/s]."""

    def halt(self, positions: tuple[float, float]) -> None:
        """Command the joints to stand still at positions [rad]."""

    def close(self) -> None:
        """End the connection."""
