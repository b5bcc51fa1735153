# SPDX-License-Identifier: Apache-2.0
"""The measured pose of the head from ``joint_states``: each value belongs to the joint name at the same index."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState

from turret_common.pose_history import Pose, PoseHistory
from turret_common.ros.qos import STREAM, profile
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import seconds

#: The names of the two joints in ``joint_states``, in the order of :class:`Pose`.
JOINTS = ('pan_joint', 'tilt_joint')

_QUEUE = 512    # joint states that may wait while an image is processed
_POLL_S = 0.001


def pose_of(message: JointState) -> Pose | None:
    """Return the pose of the head in rad and rad/s, whatever the order of the joints and whichever others there are.

    Returns:
        None where a joint or its position is missing or a value is not finite. The rates are NaN where the message has
        no velocities.
    """
    try:
        pan, tilt = (message.name.index(joint) for joint in JOINTS)
        position = message.position[pan], message.position[tilt]
        velocity = (message.velocity[pan], message.velocity[tilt]) if message.velocity else ()
    except (ValueError, IndexError):
        return None
    if not all(map(math.isfinite, (*position, *velocity))):
        return None
    return Pose(*position, *(velocity or (math.nan, math.nan)))


class JointFeed:
    """Subscription of ``joint_states`` as stamped poses. For one thread."""

    def __init__(self, node: Node, qos: QoSProfile = STREAM) -> None:
        self._joints: PolledSubscription[JointState] = PolledSubscription(node, JointState, 'joint_states', qos)

    def take(self) -> Iterator[tuple[float, Pose]]:
        """Give stamp [s] and pose of each message that has arrived and has a pose, oldest first."""
        for message in self._joints.take():
            pose = pose_of(message)
            if pose is not None:
                yield seconds(message.header.stamp), pose


class PoseFeed:
    """The pose of the head at recent instants. For one thread.

    Joint states arrive several times as often as images. They wait in the subscription until an image needs them, since
    a callback for each would cost more than all other work on them.
    """

    def __init__(self, node: Node) -> None:
        self._history = PoseHistory()
        self._newest = -math.inf
        self._joints = JointFeed(node, profile(reliable=True, latched=False, depth=_QUEUE))

    def at(self, stamp: float, wait_s: float) -> Pose | None:
        """Return the pose at a stamp [s], waiting up to ``wait_s`` until it is reached; None = unknown."""
        deadline = time.monotonic() + wait_s
        self.catch_up()
        while self._newest < stamp and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            self.catch_up()
        return self._history.at(stamp)

    def catch_up(self) -> None:
        """Take the joint states that have arrived, so that less work is left for the next image."""
        for stamp, pose in self._joints.take():
            self._newest = stamp
            self._history.add(stamp, pose)
