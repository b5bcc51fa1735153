# SPDX-License-Identifier: Apache-2.0
"""Backlash model: the pose of the head from the reported poses of its motors."""

from __future__ import annotations

from turret_common.pose_history import Pose, PoseHistory


def follow_with_backlash(head: float, motor: float, backlash: float) -> float:
    """Return the new angle of a head from its previous one and that of its motor, all in rad."""
    half = 0.5 * backlash
    return max(motor - half, min(motor + half, head))


class BacklashModel:
    """Follows motors and head through the backlash between them. Times in s, angles in rad.

    Attributes:
        motor_pose: newest reported pose of the motors, None before the first.
        head_pose: pose of the head at the same time.
        stamp: time of both poses.
    """

    def __init__(self) -> None:
        self.motor_pose: Pose | None = None
        self.head_pose = Pose(0.0, 0.0)
        self.stamp = -float('inf')
        self._motors = PoseHistory()
        self._heads = PoseHistory()

    def update(self, stamp: float, pose: Pose, backlash: tuple[float, float]) -> None:
        """Add a reported pose; ``backlash`` is that of pan and tilt."""
        if self.motor_pose is None:
            self.head_pose = pose
        self.head_pose = pose._replace(
            pan=follow_with_backlash(self.head_pose.pan, pose.pan, backlash[0]),
            tilt=follow_with_backlash(self.head_pose.tilt, pose.tilt, backlash[1]))
        self.motor_pose, self.stamp = pose, stamp
        self._motors.add(stamp, pose)
        self._heads.add(stamp, self.head_pose)

    def motor_pose_at(self, stamp: float) -> Pose | None:
        """Return the reported pose at a time; None outside of the stored history."""
        return self._motors.at(stamp)

    def head_pose_at(self, stamp: float) -> Pose | None:
        """Return the pose of the head at a time; None outside of the stored history."""
        return self._heads.at(stamp)
