# SPDX-License-Identifier: Apache-2.0
"""Joint states and commands of a head that another ROS node drives."""

from __future__ import annotations

import threading
import time
from typing import Any

import rclpy
from builtin_interfaces.msg import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.ros.qos import COMMAND, NEWEST
from turret_common.ros.spinning import SpinningThread
from turret_common.ros.time import monotonic_ns, nanoseconds
from turret_control.drivers.ros.head import HeadReading, JointStates, RosParameters


class RosHeadLink:
    """A node of its own that listens to the head and commands it, in a thread of its own."""

    def __init__(self, parameters: RosParameters, namespace: str) -> None:
        """Connect as the parameters describe.

        Raises:
            TurretError: NOT_SUPPORTED, FollowJointTrajectory needs the package control_msgs, which is not installed.
        """
        self._parameters = parameters
        self._joints = [parameters.pan.joint, parameters.tilt.joint]
        self._states = JointStates(parameters)
        self._arrived = threading.Event()
        follow = _follow_type() if parameters.output == 'follow' else None
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = Node('gimbal_head', namespace=namespace, context=self._context, start_parameter_services=False)
        self._node.create_subscription(JointState, parameters.joint_states, self._observe, NEWEST)
        self._publisher: Any = None
        self._action: Any = None
        if follow is not None:
            from rclpy.action import ActionClient

            self._follow = follow
            self._action = ActionClient(self._node, follow, parameters.command)
        else:
            kind = JointTrajectory if parameters.output == 'trajectory' else Float64MultiArray
            self._publisher = self._node.create_publisher(kind, parameters.command, COMMAND)
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        self._spinning = SpinningThread(executor)

    def reading(self) -> HeadReading | None:
        """Return the newest reading."""
        return self._states.reading

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first reading."""
        return self._arrived.wait(timeout_s)

    def send(self, positions: tuple[float, float], velocities: tuple[float, float]) -> None:
        """Publish a command, or send a goal that replaces the one before."""
        if self._parameters.output in ('position', 'velocity'):
            data = positions if self._parameters.output == 'position' else velocities
            self._publisher.publish(Float64MultiArray(data=list(data)))
            return
        point = JointTrajectoryPoint(
            positions=list(positions), velocities=list(velocities),
            time_from_start=Duration(nanosec=round(1e9 * self._parameters.horizon_s)))  # less than 1 s
        trajectory = JointTrajectory(joint_names=self._joints, points=[point])
        if self._action is None:
            self._publisher.publish(trajectory)
        elif self._action.server_is_ready():
            self._action.send_goal_async(self._follow.Goal(trajectory=trajectory))

    def halt(self, positions: tuple[float, float]) -> None:
        """Command a standstill."""
        self.send(positions, (0.0, 0.0))

    def close(self) -> None:
        """Destroy the node."""
        self._spinning.close()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _observe(self, message: JointState) -> None:
        now_ns = time.monotonic_ns()
        stamp_ns = nanoseconds(message.header.stamp)
        if self._states.take(
                message.name, message.position, message.velocity, stamp_ns, monotonic_ns(stamp_ns), now_ns):
            self._arrived.set()


def _follow_type() -> Any:
    try:
        from control_msgs.action import FollowJointTrajectory
    except ImportError as error:
        raise TurretError(
            ReasonCode.NOT_SUPPORTED, 'ros.output "follow" needs the ROS package control_msgs: '
            'sudo apt install ros-jazzy-control-msgs; or use "trajectory"') from error
    return FollowJointTrajectory
