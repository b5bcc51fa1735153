# SPDX-License-Identifier: Apache-2.0
"""The safety node's permits as messages: signed by their issuer, checked and kept by their receivers."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator

from rclpy.node import Node

from turret_common.messages.run_key import run_key
from turret_common.permit import Permit, PermitMonitor, permit_mac
from turret_common.ros.qos import PERMIT
from turret_common.ros.subscriptions import PolledSubscription
from turret_msgs.msg import SafetyPermit


def permit_of(message: SafetyPermit) -> Permit:
    """Return the content of a ``SafetyPermit`` message."""
    return Permit(
        message.epoch, message.seq, message.monotonic_ns, message.laser_ok, message.motion_ok, message.lease_digest,
        tuple(message.reasons), message.stop_count, message.estop_count)


def sign_permit(message: SafetyPermit, key: bytes) -> SafetyPermit:
    """Set the authentication code of a permit that is complete otherwise; return the permit."""
    message.mac = permit_mac(permit_of(message), key)
    return message


def observe_permit(monitor: PermitMonitor, message: SafetyPermit) -> None:
    """Pass a recorded permit to a monitor at the time of its issue; its authenticity is not checked."""
    monitor.update(permit_of(message), message.monotonic_ns)


class PermitFeed:
    """Subscription of ``safety/permit`` that keeps a :class:`PermitMonitor` up to date.

    Attributes:
        monitor: what the newest permit allows.
        subscription: of the permits.
        rejected: number of permits that were not issued under the key of the run.
    """

    def __init__(self, node: Node, subscription: PolledSubscription[SafetyPermit] | None = None) -> None:
        """Subscribe; ``subscription`` is an awaited subscription where a thread waits for permits."""
        self.monitor = PermitMonitor()
        self.subscription = subscription or PolledSubscription(node, SafetyPermit, 'safety/permit', PERMIT)
        self.rejected = 0
        self._key = run_key(node.get_namespace())

    def take(self) -> Iterator[Permit]:
        """Give the authentic permits that have arrived. From one thread only."""
        for message in self.subscription.take():
            permit = permit_of(message)
            if hmac.compare_digest(message.mac.encode(), permit_mac(permit, self._key).encode()):
                yield permit
            else:
                self.rejected += 1

    def update(self) -> PermitMonitor:
        """Pass the permits that have arrived to the monitor and return it. From one thread only."""
        for permit in self.take():
            self.monitor.update(permit, time.monotonic_ns())
        return self.monitor
