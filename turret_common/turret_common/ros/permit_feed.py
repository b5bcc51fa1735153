"""The safety node's permits as a node receives them."""

from __future__ import annotations

from rclpy.node import Node

from turret_common.permit import PermitMonitor
from turret_common.ros.qos import PERMIT
from turret_common.ros.subscriptions import PolledSubscription
from turret_msgs.msg import SafetyPermit


def observe_permit(monitor: PermitMonitor, permit: SafetyPermit) -> None:
    """Pass a ``SafetyPermit`` message to a monitor."""
    monitor.update(
        permit.epoch, permit.seq, permit.monotonic_ns, permit.laser_ok, permit.motion_ok, permit.lease_digest,
        permit.reasons)


class PermitFeed:
    """Subscription of ``safety/permit`` that keeps a :class:`PermitMonitor` up to date.

    Attributes:
        monitor: what the newest permit allows.
        subscription: of the permits.
    """

    def __init__(self, node: Node, subscription: PolledSubscription[SafetyPermit] | None = None) -> None:
        """Subscribe; ``subscription`` is an awaited subscription where a thread waits for permits."""
        self.monitor = PermitMonitor()
        self.subscription = subscription or PolledSubscription(node, SafetyPermit, 'safety/permit', PERMIT)

    def update(self) -> PermitMonitor:
        """Take the permits that have arrived; return the monitor. From one thread only."""
        for permit in self.subscription.take():
            observe_permit(self.monitor, permit)
        return self.monitor
