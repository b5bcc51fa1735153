"""Where the head is, given what its motors report, when there is backlash between the two."""

from __future__ import annotations

from turret_common.pose_history import Pose, PoseHistory


def follow_with_backlash(head: float, motor: float, backlash: float) -> float:
    """Return where a head hanging on a motor with backlash is, from where it was; all in rad."""
    half = 0.5 * backlash
    return max(motor - half, min(motor + half, head))


class HeadModel:
    """Turns the reported pose of the motors into the pose of the head. Times in s, angles in rad.

    Attributes:
        motors: newest reported pose, None before the first.
        head: where the head was then.
        at: the time of both.
    """

    def __init__(self) -> None:
        self.motors: Pose | None = None
        self.head = Pose(0.0, 0.0)
        self.at = -float('inf')
        self._motors = PoseHistory()
        self._heads = PoseHistory()

    def observe(self, stamp: float, pose: Pose, backlash: tuple[float, float]) -> None:
        """Take the reported pose; ``backlash`` of pan and tilt."""
        if self.motors is None:
            self.head = pose
        self.head = pose._replace(
            pan=follow_with_backlash(self.head.pan, pose.pan, backlash[0]),
            tilt=follow_with_backlash(self.head.tilt, pose.tilt, backlash[1]))
        self.motors, self.at = pose, stamp
        self._motors.add(stamp, pose)
        self._heads.add(stamp, self.head)

    def motors_at(self, stamp: float) -> Pose | None:
        """Return the reported pose at a time; None when it is not known any more."""
        return self._motors.at(stamp)

    def head_at(self, stamp: float) -> Pose | None:
        """Return the pose of the head at a time; None when it is not known any more."""
        return self._heads.at(stamp)
